"""Datasets that are ready, made without an import: the rows are given as they are stored."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.rows.store import columnar
from engine.rows.verdict import Kind
from storage import db, home
from storage.statuses import DatasetStatus
from storage.tables import Dataset

Row = dict[str, Any]


def user(text: str) -> Row:
    return {"role": "user", "content": text}


def assistant(text: str, **fields: Any) -> Row:
    return {"role": "assistant", "content": text, **fields}


def chat(question: str, answer: str, system: str = "") -> Row:
    first = [{"role": "system", "content": system}] if system else []
    return {"messages": [*first, user(question), assistant(answer)]}


def parquet(path: Path, kind: Kind, rows: Sequence[Row]) -> Path:
    with columnar.Writer(path, kind) as writer:
        for number, row in enumerate(rows, 1):
            writer.add(number, row)
        writer.close()
    return path


def ready(kind: Kind, stored: Sequence[Row], name: str = "Rows", **columns: Any) -> Dataset:
    """A dataset with these rows, as its import would have left it."""
    part = parquet(home.ensure_folder(home.uploads()) / "ready.parquet", kind, stored)
    sha256 = columnar.sha256_of(part)
    part.replace(home.ensure_folder(home.blobs()) / f"{sha256}.parquet")
    counts = {"rows": len(stored), "accepted": len(stored), **columns}
    dataset = Dataset(project_id="default", name=name, status=DatasetStatus.READY, kind=kind, sha256=sha256, **counts)
    dataset.family_id = dataset.family_id or dataset.id
    with db.session() as session:
        session.add(dataset)
    return dataset
