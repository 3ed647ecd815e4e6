"""A model of the Hugging Face hub: only safetensors, config and tokenizer, at one recorded commit, checked afterwards.

The token comes from HF_TOKEN in the environment and from nowhere else. Whole files of a broken download are kept;
the client of today starts a half-done file again.
"""

import os
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import ModelInfo, RepoSibling

from engine.errors import RefusedError
from engine.models import download_room
from engine.process import events
from engine.sizes import in_words
from engine.weights import inspection
from engine.weights.starter import sha256_of
from engine.workers.contract import WorkFailedError

TIMEOUT_SECONDS = 10
WAYS_OUT = {"model": "add the model from a local folder", "dataset": "import a file"}
WITH_ACCESS = "give a token that may read it on the System page, or as HF_TOKEN"
MODEL_FILES = re.compile(
    r"(?!consolidated|adapter_model)[\w.-]+\.safetensors|model\.safetensors\.index\.json|(generation_)?config\.json"
    r"|tokenizer[\w.-]*\.(json|model)|special_tokens_map\.json|added_tokens\.json|vocab\.json|merges\.txt"
    r"|spiece\.model|chat_template\.(jinja|json)|adapter_config\.json|README\.md|LICEN[SC]E(\.txt|\.md)?"
)


def fetch(repo_id: str, part: Path, out: Path, timeout: float = TIMEOUT_SECONDS) -> dict[str, Any]:
    """Downloads the model `repo_id` into `part`. Raises WorkFailedError that says what to do."""
    try:
        return _fetch(repo_id, part, out, timeout)
    except (HfHubHTTPError, HFValidationError, httpx2.HTTPError, LocalEntryNotFoundError, ConnectionError) as error:
        raise explained(repo_id, error) from error


def _fetch(repo_id: str, part: Path, out: Path, timeout: float) -> dict[str, Any]:
    events.append(out, events.Progress(done=0, stage="asking the hub"))
    token = os.environ.get("HF_TOKEN") or False  # False: not the one `hf auth login` may have left on this machine
    info = HfApi(token=token).model_info(repo_id, timeout=timeout, files_metadata=True)
    files = [file for file in info.siblings or [] if MODEL_FILES.fullmatch(file.rfilename)]
    _forget_halves(part)
    _refuse_what_cannot_load(repo_id, info, files, part, token)
    total = sum(file.size or 0 for file in files)
    refuse_without_space(repo_id, total, part)
    with _reporting(part, total, out):
        names = [file.rfilename for file in files]
        snapshot_download(repo_id, revision=info.sha, local_dir=part, allow_patterns=names, token=token)
    events.append(out, events.Progress(done=total, total=total, stage="checking"))
    _verify(repo_id, part, files)
    return {"revision": info.sha, "from": f"hub:{repo_id}"}


def _refuse_what_cannot_load(
    repo_id: str, info: ModelInfo, files: list[RepoSibling], part: Path, token: str | bool
) -> None:
    """Says no before gigabytes are fetched: the small files alone tell most of what cannot be trained."""
    if refusal := lacks(repo_id, info):
        raise WorkFailedError("config", *refusal)
    hf_hub_download(repo_id, "config.json", revision=info.sha, local_dir=part, token=token)
    try:
        config = inspection.read_config(part) or {}
    except RefusedError as error:
        raise WorkFailedError("config", f"{repo_id} cannot be trained here. {error.message}", error.hint) from error
    if reasons := inspection.config_reasons(config):
        raise WorkFailedError("config", f"{repo_id} cannot be trained here. {reasons[0]}", "Choose another model.")


def lacks(repo_id: str, info: ModelInfo) -> tuple[str, str] | None:
    """Why the files of a repository are no model that can be loaded here, and what to do; None when they are one."""
    listed = {file.rfilename for file in info.siblings or []}
    names = {name for name in listed if MODEL_FILES.fullmatch(name)}
    if "adapter_config.json" in names:
        return f"{repo_id} is an adapter, not a whole model.", "Add the base model it is for."
    if not any(name.endswith(".safetensors") for name in names):
        suffixes = {Path(name).suffix for name in listed}
        weights = (
            "GGUF files only" if ".gguf" in suffixes else "pickle weights only" if ".bin" in suffixes else "no weights"
        )
        return f"{repo_id} has {weights}.", "Choose a version of the model with safetensors."
    if "config.json" not in names:
        return f"{repo_id} has no config.json.", "Choose a model made for transformers."
    return None


def refuse_without_space(repo_id: str, total: int, part: Path) -> None:
    present_bytes = sum(path.stat().st_size for path in part.rglob("*") if path.is_file())
    if refusal := download_room.lacking(repo_id, total, present_bytes, shutil.disk_usage(part).free):
        raise WorkFailedError("disk", *refusal)


def _forget_halves(part: Path) -> None:
    """A killed download leaves its half-done file under a random name, which nobody will ever go on with."""
    for path in part.rglob("*.incomplete"):
        path.unlink()


def _verify(repo_id: str, part: Path, files: list[RepoSibling]) -> None:
    broken = [file.rfilename for file in files if not is_whole(part / file.rfilename, file)]
    for name in broken:
        (part / name).unlink(missing_ok=True)
    if broken:
        message = f"{', '.join(broken[:5])} of {repo_id} arrived incomplete."
        raise WorkFailedError("network", message, "Retry: only what is missing is fetched again.")


def is_whole(path: Path, file: RepoSibling) -> bool:
    """Whether the file has the size that the hub says, and for weights the sha256."""
    if not path.is_file() or (file.size is not None and path.stat().st_size != file.size):
        return False
    return file.lfs is None or sha256_of(path) == file.lfs.sha256


@contextmanager
def _reporting(part: Path, total: int, out: Path) -> Iterator[None]:
    """Reports twice a second how many bytes have arrived, whichever way the client fetches them."""
    finished = threading.Event()

    def watch() -> None:
        while not finished.wait(0.5):
            sizes = [_size(path) for path in part.rglob("*")]
            stage = f"downloading {in_words(total)}"
            events.append(out, events.Progress(done=min(sum(sizes), total), total=total, stage=stage))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        finished.set()
        watcher.join()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except FileNotFoundError:
        return 0  # renamed since it was listed


def explained(repo_id: str, error: Exception, repo_type: str = "model") -> WorkFailedError:
    """What the hub's client raised about a `repo_type` (a model or a dataset), as something a person can act on."""
    page = f"https://huggingface.co/{'datasets/' if repo_type == 'dataset' else ''}{repo_id}"
    match error:
        case GatedRepoError():
            hint = f"Accept its terms at {page}, and {WITH_ACCESS}."
            return WorkFailedError("config", f"{repo_id} is gated: its owners want you to agree first.", hint)
        case RevisionNotFoundError():
            return WorkFailedError("config", f"{repo_id} has no such revision.", f"Look at {page}/tree/main.")
        case RepositoryNotFoundError():
            hint = f"Check the spelling (owner/name). For a private {repo_type} {WITH_ACCESS}."
            return WorkFailedError("config", f"The hub has no {repo_type} {repo_id} that this studio may see.", hint)
        case HFValidationError():
            message = f"{repo_id!r:.120} is not the name of a {repo_type} on the hub."
            return WorkFailedError("config", message, "Write it as there: owner/name.")
        case OfflineModeIsEnabled():
            hint = f"Start the studio without HF_HUB_OFFLINE, or {WAYS_OUT[repo_type]}."
            return WorkFailedError("network", "The hub is switched off here (HF_HUB_OFFLINE).", hint)
        case HfHubHTTPError():
            return _refusal(error)
    hint = f"Check this machine's internet connection and retry, or {WAYS_OUT[repo_type]}."
    return WorkFailedError("network", f"The {repo_type} hub cannot be reached ({type(error).__name__}).", hint)


def _refusal(error: HfHubHTTPError) -> WorkFailedError:
    """The hub was reached and said no."""
    match error.response.status_code:
        case 401:
            return WorkFailedError("config", "The hub does not accept the token.", "Give a token that is still valid.")
        case 403:
            hint = "Give a token with the right to write, or choose a name under your own account."
            return WorkFailedError("config", "The token does not allow this.", hint)
        case 429:
            hint = "Wait some minutes, then retry. With a token (System page, or HF_TOKEN) the hub allows more."
            return WorkFailedError("network", "The hub has had too many requests from here.", hint)
    return WorkFailedError("network", f"The hub answered: {str(error)[:300]}", "Retry in a few minutes.")
