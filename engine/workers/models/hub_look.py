"""Looks at a model of the hub before it is fetched: `python -m engine.workers.models.hub_look SPEC.json OUT/`.

Spec: {"id"}. Of the weights only the headers are read, so a model of 100 GB costs some kilobytes. OUT/look holds the
small files that say what it is (a large one, such as tokenizer.json, as an empty file of that name) and tensors.json:
[[name, dtype, shape], ...]. Result: see `_facts`; "refusal" is [message, hint] where it cannot be loaded here at all.
"""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
from huggingface_hub import HfApi, hf_hub_url
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, HFValidationError, OfflineModeIsEnabled
from huggingface_hub.hf_api import ModelInfo, RepoSibling
from huggingface_hub.utils import (  # type: ignore[attr-defined]
    build_hf_headers,
    get_session,
    hf_raise_for_status,
)

from engine.errors import RefusedError
from engine.process import events
from engine.weights import files as model_files
from engine.weights.files import INDEX, MAX_ALL_HEADERS_BYTES, MAX_HEADER_BYTES, MAX_JSON_BYTES, Tensor
from engine.weights.inspection import MAX_CONFIG_BYTES
from engine.workers import contract
from engine.workers.models import hub

TIMEOUT_SECONDS = 10
AT_ONCE = 8
READ = {  # what says something about the model, and how much of it is read; of other files only the name is kept
    "config.json": MAX_CONFIG_BYTES,
    "tokenizer_config.json": MAX_JSON_BYTES,
    "chat_template.json": MAX_JSON_BYTES,
    "chat_template.jinja": 1 << 20,
    "README.md": 64 << 10,
    INDEX: MAX_JSON_BYTES,
}


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """Raises WorkFailedError where the hub cannot be asked, or has no such model."""
    repo_id = spec["id"]
    try:
        return _look(repo_id, out)
    except (HfHubHTTPError, HFValidationError, httpx2.HTTPError, OfflineModeIsEnabled, ConnectionError) as error:
        raise hub.explained(repo_id, error) from error


def _look(repo_id: str, out: Path) -> dict[str, Any]:
    events.append(out, events.Progress(done=0, stage="asking the hub"))
    token = os.environ.get("HF_TOKEN") or False
    info = HfApi(token=token).model_info(repo_id, timeout=TIMEOUT_SECONDS, files_metadata=True)
    files = [file for file in info.siblings or [] if hub.MODEL_FILES.fullmatch(file.rfilename)]
    facts, refusal = _facts(info, files), hub.lacks(repo_id, info)
    if refusal is None:
        events.append(out, events.Progress(done=0, stage="reading what it is"))
        refusal = _take(Source(repo_id, info.sha or "main", token), files, out / "look")
    return facts | {"refusal": refusal}


def _facts(info: ModelInfo, files: list[RepoSibling]) -> dict[str, Any]:
    """What the hub says of the model: sizes in bytes, of the files that would be fetched and of the weights alone."""
    weights = [file for file in files if file.rfilename.endswith(".safetensors")]
    return {
        "id": info.id,
        "revision": info.sha,
        "gated": bool(info.gated),
        "private": bool(info.private),
        "downloads": info.downloads,
        "likes": info.likes,
        "files": len(files),
        "size_bytes": sum(file.size or 0 for file in files),
        "weights_bytes": sum(file.size or 0 for file in weights),
    }


class Source:
    """One revision of a repository: its files, read from the beginning and no further than is asked for."""

    def __init__(self, repo_id: str, revision: str, token: str | bool) -> None:
        self.repo_id, self._revision = repo_id, revision
        self._headers = build_hf_headers(token=token)

    def beginning(self, name: str, most_bytes: int) -> bytes:
        """At most so many bytes, whatever the server sends."""
        url = hf_hub_url(self.repo_id, name, revision=self._revision)
        headers = {**self._headers, "range": f"bytes=0-{most_bytes - 1}", "accept-encoding": "identity"}
        held = bytearray()
        with get_session().stream("GET", url, headers=headers, timeout=TIMEOUT_SECONDS) as response:
            if response.status_code >= 400:
                response.read()
            hf_raise_for_status(response)
            for chunk in response.iter_bytes():
                held += chunk
                if len(held) >= most_bytes:
                    break
        return bytes(held[:most_bytes])

    def tensors(self, file: RepoSibling, most_bytes: int) -> list[Tensor]:
        """The entries of a safetensors file by its header. Raises RefusedError when it is none."""
        size = file.size or 0
        start = self.beginning(file.rfilename, min(1 << 17, most_bytes))
        length = int.from_bytes(start[:8], "little")
        if len(start) < 8 or length > min(most_bytes, MAX_HEADER_BYTES, size - 8):
            message = f"`{model_files.printable(file.rfilename)}` of {self.repo_id} is not a safetensors file."
            raise RefusedError(message, "Choose another model.")
        if len(start) < 8 + length:
            start = self.beginning(file.rfilename, 8 + length)
        return model_files.entries(file.rfilename, start[8 : 8 + length], size - 8 - length)


def _take(source: Source, files: list[RepoSibling], folder: Path) -> tuple[str, str] | None:
    """Reads the small files and the headers into `folder`; says why the model cannot be loaded, where that shows."""
    folder.mkdir(mode=0o700, exist_ok=True)
    try:
        for file in files:
            most_bytes = min(READ.get(file.rfilename, 0), file.size or 0)
            (folder / file.rfilename).write_bytes(source.beginning(file.rfilename, most_bytes) if most_bytes else b"")
        tensors = _tensors(source, {file.rfilename: file for file in files}, model_files.weight_files(folder))
    except GatedRepoError:
        page = f"https://huggingface.co/{source.repo_id}"
        hint = f"Accept its terms at {page}, and {hub.WITH_ACCESS}."
        return f"{source.repo_id} is gated: its owners want you to agree first.", hint
    except RefusedError as error:
        return error.message, error.hint
    rows = [(tensor.name, tensor.dtype, tensor.shape) for tensor in tensors]
    (folder / "tensors.json").write_text(json.dumps(rows), encoding="utf-8")
    return None


def _tensors(source: Source, files: dict[str, RepoSibling], weights: list[str]) -> list[Tensor]:
    if not weights:
        message = f"The safetensors files of {source.repo_id} have other names than model.safetensors or an index."
        raise RefusedError(message, "Choose a version of the model made for transformers.")
    if missing := [name for name in weights if name not in files]:
        message = f"{source.repo_id} lacks `{model_files.printable(missing[0])}`, which its index names."
        raise RefusedError(message, "Choose another version of the model.")
    most_bytes = MAX_ALL_HEADERS_BYTES // len(weights)
    with ThreadPoolExecutor(AT_ONCE) as threads:  # the largest models have 150 files
        headers = threads.map(lambda name: source.tensors(files[name], most_bytes), weights)
        return [tensor for header in headers for tensor in header]


if __name__ == "__main__":
    contract.run(work)
