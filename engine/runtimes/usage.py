"""Who uses an installation: the endpoints whose process was started from its folder."""

import json
from pathlib import Path

from storage import db, endpoints, home

PLANS = "plan.*.json"


def endpoints_of(name: str, folder: Path) -> list[str]:
    """The names of endpoints that were started with what lies in a folder, and hold a process or wait for one."""
    if name not in ("vllm", "llama"):
        return []
    with db.reading() as session:
        moving = [backend for backend in endpoints.moving(session) if backend.kind == name]
        named = {backend.id: endpoints.get(session, backend.endpoint_id) for backend in moving}
    return [endpoint.name for backend_id, endpoint in named.items() if endpoint and _started_from(backend_id, folder)]


def _started_from(backend_id: str, folder: Path) -> bool:
    """Whether any attempt of the backend is a program below the folder, or was told of it, as its plan says."""
    for plan in home.backend_folder(backend_id).glob(PLANS):
        try:
            argv = json.loads(plan.read_text(encoding="utf-8"))["argv"]
        except (OSError, ValueError, KeyError):
            continue
        if argv and Path(argv[0]).is_relative_to(folder):
            return True
    return _is_told_of(backend_id, folder)


def _is_told_of(backend_id: str, folder: Path) -> bool:
    """Whether the worker of a GGUF file takes its libraries from there: its program is the studio's own Python."""
    try:
        spec = json.loads((home.backend_folder(backend_id) / "spec.json").read_text(encoding="utf-8"))
        return Path(spec["libraries"]).is_relative_to(folder)
    except (OSError, ValueError, KeyError):
        return False
