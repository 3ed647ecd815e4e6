"""Pushes an export to the hub: `python -m engine.workers.exports.push SPEC.json OUT/`.

Spec: {"repo": "owner/name", "private", "entries": [{"name", and "path" or "text"}]}, the card (README.md) among them.
All files go up in one commit. A repository that exists and was not made by a studio is never touched. The token comes
from HF_TOKEN in the environment, and is written nowhere. Result: {"url", "revision", "files", "size_bytes"}.
"""

import os
from pathlib import Path
from typing import Any

from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import RepositoryNotFoundError
from huggingface_hub.utils.tqdm import disable_progress_bars

from engine import sizes
from engine.exports.card.card import TAG
from engine.process import events
from engine.workers import contract
from engine.workers.contract import WorkFailedError
from engine.workers.data import hub_files
from engine.workers.models import hub

STEPS = 3


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """Raises WorkFailedError in words."""
    repo_id = str(spec["repo"])
    if not (token := os.environ.get("HF_TOKEN")):
        raise WorkFailedError("config", "There is no token for the hub.", "Give one with write access.")
    disable_progress_bars()
    try:
        return _pushed(HfApi(token=token), repo_id, spec, out)
    except hub_files.HUB_ERRORS as error:
        raise hub.explained(repo_id, error) from error


def _pushed(api: HfApi, repo_id: str, spec: dict[str, Any], out: Path) -> dict[str, Any]:
    _tell(out, 0, "asking the hub")
    is_new = _refuse_others(api, repo_id)
    operations = [_operation(entry) for entry in spec["entries"]]
    size = sum(operation.upload_info.size for operation in operations)
    _tell(out, 1, "creating the repository")
    if is_new:
        api.create_repo(repo_id, private=bool(spec["private"]), exist_ok=True)
    _tell(out, 2, f"uploading {sizes.in_words(size)}")
    commit = api.create_commit(repo_id, operations, commit_message=f"{len(operations)} files from Tunesmith")
    url = f"{api.endpoint}/{repo_id}"
    return {"url": url, "revision": commit.oid, "files": len(operations), "size_bytes": size}


def _operation(entry: dict[str, str]) -> CommitOperationAdd:
    """Raises WorkFailedError when a file is gone."""
    if "text" in entry:
        return CommitOperationAdd(entry["name"], entry["text"].encode())
    if not Path(entry["path"]).is_file():
        raise WorkFailedError("data", f"{entry['name']} of the export is gone.", "Make the export again.")
    return CommitOperationAdd(entry["name"], entry["path"])


def _refuse_others(api: HfApi, repo_id: str) -> bool:
    """Whether there is no such repository yet. Raises WorkFailedError for one with files that no studio has made."""
    try:
        info = api.model_info(repo_id, timeout=hub_files.TIMEOUT_SECONDS)
    except RepositoryNotFoundError:
        return True
    tags = (info.card_data.get("tags") if info.card_data else None) or []
    files = {file.rfilename for file in info.siblings or []} - {".gitattributes"}
    if files and TAG not in tags:
        hint = "Choose another name, or delete the repository on the hub."
        raise WorkFailedError("config", f"{repo_id} exists on the hub, and was not made here.", hint)
    return False


def _tell(out: Path, done: int, stage: str) -> None:
    if contract.stop_requested(out):
        raise contract.Stopped
    events.append(out, events.Progress(done=done, total=STEPS, stage=stage))


if __name__ == "__main__":
    contract.run(work)
