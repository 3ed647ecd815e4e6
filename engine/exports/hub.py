"""An export pushed to the hub: private unless it is said, with its card and the licence of its base.

The upload is a worker's (engine.workers.exports.push): the token is handed on in its environment and kept nowhere.
"""

import time
from typing import Any

from engine import names
from engine.errors import ConflictError
from engine.exports import exports
from engine.exports.archive import Entry
from engine.process import hub_token, work
from storage.statuses import WORK_MOVING
from storage.tables import Work

KIND = "push_export"


def push(export_id: str, repo_id: str, token: str = "", private: bool = True) -> Work:
    """Begins to push a finished export to the repository `owner/name`, made when there is none.

    Without `token` the studio's own is used. Raises NotFoundError, ConflictError, RefusedError.
    """
    repo = names.hub_id(repo_id, "model", with_owner=True)
    known_token = hub_token.for_push(token)
    archive = exports.download(export_id)
    under_way = latest(export_id)
    if under_way is not None and under_way.status in WORK_MOVING:
        raise ConflictError("This export is being pushed already.", "Wait until that is done.")
    spec = {
        "repo": repo,
        "private": private,
        "entries": [_entry(entry) for entry in archive.entries],
        "asked_at": time.time(),  # to push again is new work, even when nothing else has changed
    }
    return work.start(KIND, export_id, spec, {hub_token.VARIABLE: known_token})


def _entry(entry: Entry) -> dict[str, Any]:
    """A file as the worker is told of it: where it lies, or what is in it."""
    if isinstance(entry.content, bytes):
        return {"name": entry.name, "text": entry.content.decode("utf-8", "replace")}
    return {"name": entry.name, "path": str(entry.content)}


def latest(export_id: str) -> Work | None:
    """The newest push of an export, whatever became of it."""
    return work.latest(export_id, KIND)
