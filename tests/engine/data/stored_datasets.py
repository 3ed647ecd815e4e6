"""A dataset with rows, as an import leaves it, without the import."""

from typing import Any

from engine.rows.store import columnar
from storage import db, home
from storage.statuses import DatasetStatus
from storage.tables import Dataset


def stored_dataset(rows: int = 3, **columns: Any) -> Dataset:
    """Chats of two turns; `columns` change those of the table."""
    plain: dict[str, Any] = {"project_id": "default", "name": "my *rows*", "kind": "chat", "format": "messages"}
    counts: dict[str, Any] = {"source_name": "chats.jsonl", "rows": rows + 1, "accepted": rows, "rejected": 1}
    dataset = Dataset(**(plain | counts | columns))
    path = home.ensure_folder(home.blobs()) / "made.parquet"
    with columnar.Writer(path, "chat") as writer:
        for row in range(rows):
            turns = [{"role": "user", "content": f"ask {row}"}, {"role": "assistant", "content": "say"}]
            writer.add(row + 1, {"messages": turns})
        writer.close()
    dataset.sha256, dataset.status = columnar.sha256_of(path), DatasetStatus.READY
    path.rename(home.ensure_folder(home.blobs()) / f"{dataset.sha256}.parquet")
    with db.session() as session:
        session.add(dataset)
    return dataset
