"""What the database knows of a run, a dataset, a model or a version, kept in its folder too: the file `row.json`.

    runs/ID/row.json   datasets/ID/row.json   models/ID/row.json
    registry/MODEL/row.json     the model with its aliases and its log
    registry/MODEL/3/row.json   a version, with the export that it holds
    endpoints/ID/row.json       see engine.registry.endpoint_files

From these `repair` makes the rows again when the database is lost. Those of the registry are written with each change;
the others within twenty seconds, by `keep_up` in the thread of engine.life.upkeep.
"""

import hashlib
import json
import math
import threading
from pathlib import Path
from typing import Any

from sqlmodel import Session, SQLModel, col, select

from engine.process import logs, shim, trash
from storage import db, home, registry
from storage.tables import Dataset, Export, Model, ModelVersion, Project, RegisteredModel, Run, Work

FILE, FORMAT = "row.json", 1
MOST_A_ROUND = 500  # so that a home of many runs is gone through in pieces
REGISTRY = "registry"

Rows = dict[str, list[dict[str, Any]]]  # table -> its rows, as JSON
_turn = threading.RLock()  # from reading rows to writing them: an older state never lands on a newer one


def write(folder: Path, rows: dict[str, list[SQLModel]], signature: str = "") -> None:
    """Writes the rows into a folder, whole or not at all."""
    plain = {table: [row.model_dump(mode="json") for row in listed] for table, listed in rows.items()}
    home.ensure_folder(folder)
    shim.write_json(folder / FILE, {"format": FORMAT, "signature": signature, "rows": plain})


def read(folder: Path) -> Rows:
    """The rows in a folder; nothing where there is no such file, or one that cannot be read."""
    content = _content(folder)
    rows = content.get("rows")
    return rows if isinstance(rows, dict) else {}


def signature(folder: Path) -> str:
    """What the rows in a folder were written with; empty where there are none."""
    return str(_content(folder).get("signature", ""))


def _content(folder: Path) -> dict[str, Any]:
    content = json_of(folder / FILE)
    return content if isinstance(content, dict) and content.get("format") == FORMAT else {}


def json_of(path: Path) -> Any:
    """What a file of JSON holds; None where there is none, or it cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def model_folder(registered_id: str) -> Path:
    return home.folder(REGISTRY, registered_id)


def write_model(registered_id: str) -> None:
    """The model with its aliases and its log. Does nothing when it is gone."""
    with _turn:
        with db.reading() as session:
            model = session.get(RegisteredModel, registered_id)
            if model is None:
                return
            rows: dict[str, list[SQLModel]] = {
                "registered_model": [model],
                "project": _project(session, model.project_id),
                "model_alias": [*registry.aliases(session, [model.id])],
                "registry_move": [*reversed(registry.log(session, model.id, 10_000))],
            }
        write(model_folder(registered_id), rows)


def write_version(version_id: str) -> None:
    """A version with the export that it holds, and its model. Does nothing when it is gone."""
    with _turn:
        with db.reading() as session:
            version = session.get(ModelVersion, version_id)
            if version is None:
                return
            export = session.get(Export, version.export_id) if version.export_id else None
            made_by = session.get(Work, export.work_id) if export and export.work_id else None
            rows: dict[str, list[SQLModel]] = {"model_version": [version]}
            rows |= {"export": [export]} if export else {}
            rows |= {"work": [made_by]} if made_by else {}
            for noun, row_id in _held(session, version):
                _write_row(noun, _SIGNED[noun][0], row_id, "")
        write(model_folder(version.registered_id) / str(version.number), rows)
        write_model(version.registered_id)


def _held(session: Session, version: ModelVersion) -> list[tuple[str, str]]:
    """What a version needs to come back: a model, or a run with its dataset and its base."""
    if version.model_id is not None:
        return [("models", version.model_id)]
    run = session.get(Run, version.run_id) if version.run_id else None
    return [("runs", run.id), ("datasets", run.dataset_id), ("models", run.model_id)] if run else []


def forget_version(version: ModelVersion) -> None:
    """Takes the folder of a version away that was deleted."""
    trash.discard(model_folder(version.registered_id) / str(version.number))
    write_model(version.registered_id)


def _project(session: Session, project_id: str) -> list[SQLModel]:
    project = session.get(Project, project_id)
    return [project] if project else []


def begun_at(folder: Path) -> float:
    """When the studio began to work in a folder, in seconds since 1970; infinity where nothing says so."""
    begun = [path.stat().st_mtime for name in (FILE, "plan.1.json") if (path := folder / name).is_file()]
    return min(begun, default=math.inf)


def works_held() -> set[str]:
    """The pieces of work that made what versions hold, by the folders of the registry."""
    held = [read(path.parent).get("work", []) for path in home.folder(REGISTRY).glob(f"*/*/{FILE}")]
    return {str(values.get("id")) for listed in held for values in listed}


class _Seen:
    """What was written in this process: noun and id -> signature."""

    def __init__(self) -> None:
        self.signatures: dict[tuple[str, str], str] = {}
        self.lock = threading.Lock()


_seen = _Seen()
# What changes when a row has to be written again: the course of a run comes from its events.
_SIGNED: dict[str, tuple[type[SQLModel], tuple[str, ...]]] = {
    "runs": (Run, ("id", "name", "status", "attempt", "artifact", "moved_at", "project_id")),
    "datasets": (Dataset, ("id", "name", "status", "attempt", "sha256", "project_id")),
    "models": (Model, ("id", "name", "status", "attempt", "path", "trainable")),
}


def keep_up() -> None:
    """Writes the rows that are new or have changed since, some hundreds a round."""
    written = 0
    with _seen.lock:
        for noun, (table, columns) in _SIGNED.items():
            with db.reading() as session:
                lines = session.exec(select(*[col(getattr(table, name)) for name in columns])).all()
            for line in lines:
                signature = hashlib.sha256(repr([db.url(), *map(str, line)]).encode()).hexdigest()[:16]
                if written < MOST_A_ROUND and _seen.signatures.get((noun, line[0])) != signature:
                    with logs.kept_going(noun, line[0]):
                        written += _write_row(noun, table, line[0], signature)
                    _seen.signatures[noun, line[0]] = signature


def _write_row(noun: str, table: type[SQLModel], row_id: str, signature: str) -> int:
    with _turn:
        folder = home.folder(noun, row_id)
        if signature and _content(folder).get("signature") == signature:
            return 0
        with db.reading() as session:
            row = session.get(table, row_id)
            if row is None:
                return 0
            project_id = getattr(row, "project_id", None)
            rows: dict[str, list[SQLModel]] = {noun[:-1]: [row]}
            rows |= {"project": _project(session, project_id)} if project_id else {}
        write(folder, rows, signature)
        return 1
