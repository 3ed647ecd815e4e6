"""Shaping datasets: what a person asks for is checked here, and made by a worker (engine.workers.data.shape).

Datasets never change. A change of one dataset makes the next version of its family, which keeps the name; splits,
samples, merges and mixes begin a family of their own and name their parents. All return at once, `importing`.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from engine.data import datasets
from engine.errors import RefusedError
from engine.rows.shape import (
    add,
    convert,
    drop,
    edit,
    operations,
    sample,
    split,
    texts,
    validated_rows,
)
from engine.rows.shape.operation import Parent, Workspace
from engine.rows.store import columnar
from engine.rows.verdict import Kind
from storage import home
from storage.tables import Dataset

TOGETHER = ("merge", "mix")
MOST_TOGETHER = 50
LOOKED_AT_ROWS = 500
MOST_WRITTEN_BYTES = 1 << 20  # of rows that a person writes; they stay in the description of the version


def change(dataset_id: str, operation: Mapping[str, Any], name: str = "") -> list[Dataset]:
    """Any operation on one dataset; several datasets come out of a split. `name` is for those that begin a family.

    Raises RefusedError naming the value and what would help, NotFoundError, ConflictError for a dataset without rows.
    """
    dataset = ready(dataset_id)
    parsed = operations.parse(operation)
    description = parsed.model_dump(mode="json")
    if description["op"] in TOGETHER:
        raise RefusedError(f"`{description['op']}` needs several datasets.", "Name them all.")
    match parsed:
        case split.Split():
            return _sides(dataset, parsed, name)
        case split.SplitBy():
            return [_derive(description, [dataset], name or f"{dataset.name} {parsed.value or 'rest'}")]
        case sample.Sample():
            _require_rows(dataset, parsed)
            return [_derive(description, [dataset], name or f"{dataset.name} sample")]
        case edit.Edit():
            description["values"] = _edited_row(dataset, parsed)
        case add.Add():
            description["rows"] = [
                _checked_row(row, kind_of(dataset), f"Row {n}") for n, row in enumerate(parsed.rows, 1)
            ]
        case drop.Drop():
            _require_own_file(parsed)
    return [_next_version(dataset, description)]


def ready(dataset_id: str) -> Dataset:
    """A dataset that has rows. Raises NotFoundError or ConflictError."""
    dataset = datasets.look_up(dataset_id)
    datasets.blob(dataset)
    return dataset


def kind_of(dataset: Dataset) -> Kind:
    kind: Kind = dataset.kind  # type: ignore[assignment]  # a dataset with rows has one of them
    return kind


def split_by_column(dataset_id: str, column: str) -> list[Dataset]:
    """One new dataset for each value of a column. Raises RefusedError when it has too many values, or only one."""
    dataset = ready(dataset_id)
    values = _values(dataset, column)
    if len(values) < 2:
        reason = f"`{next(iter(values))}` in every row" if any(values) else "no value in any row"
        raise RefusedError(f"Column `{column}` has {reason}.", "Choose a column in which the rows differ.")
    return [change(dataset_id, {"op": "split_by", "column": column, "value": value})[0] for value in values]


def merge(dataset_ids: Sequence[str], name: str = "") -> Dataset:
    """The rows of several datasets, one dataset after the other."""
    return _together({"op": "merge"}, dataset_ids, name)


def mix(dataset_ids: Sequence[str], weights: Sequence[float], name: str = "", **more: Any) -> Dataset:
    """The rows of several datasets drawn by weight; `seed` and `stop` as in engine.rows.shape.mix."""
    if len(weights) != len(dataset_ids):
        raise RefusedError(f"{len(weights)} weights for {len(dataset_ids)} datasets.", "Give each dataset one weight.")
    return _together({"op": "mix", "weights": list(weights), **more}, dataset_ids, name)


def drop_rows(dataset_id: str, positions: Sequence[int] | Path, why: str = "") -> Dataset:
    """Leaves rows out: a list of positions from 0, or a file of the studio's as engine.rows.health writes it."""
    if isinstance(positions, Path):
        return change(dataset_id, {"op": "drop", "positions_file": str(positions), "why": why})[0]
    return change(dataset_id, {"op": "drop", "positions": list(positions), "why": why})[0]


def edit_row(dataset_id: str, position: int, values: Mapping[str, Any]) -> Dataset:
    """New values for the row at a position, in any format that becomes the dataset's kind."""
    return change(dataset_id, {"op": "edit", "position": position, "values": dict(values)})[0]


def add_rows(dataset_id: str, rows: Sequence[Mapping[str, Any]], where: str = "") -> Dataset:
    """More rows at the end."""
    return change(dataset_id, {"op": "add", "rows": list(rows), "where": where})[0]


def begin_with(rows: Sequence[Mapping[str, Any]], kind: Kind, name: str, project_id: str, where: str = "") -> Dataset:
    """A new dataset of written rows."""
    written = [_checked_row(row, kind, f"Row {number}") for number, row in enumerate(rows, 1)]
    operation = operations.parse({"op": "add", "rows": written, "new_kind": kind, "where": where})
    return datasets.derive(name, project_id, operation.model_dump(mode="json"), [])


def columns(dataset: Dataset) -> dict[str, list[str]]:
    """The columns beside what is learnt, in the first rows: name -> some of its values, the commonest first."""
    return _columns(datasets.blob(dataset))


@lru_cache(maxsize=32)  # a file named by its content does not change
def _columns(path: Path) -> dict[str, list[str]]:
    values: dict[str, dict[str, int]] = {}
    for row in columnar.page(path, 0, LOOKED_AT_ROWS):
        for name, value in row.get("extra", {}).items():
            counts = values.setdefault(name, {})
            word = texts.word(value) or ""
            if len(counts) <= split.MOST_SIDES or word in counts:
                counts[word] = counts.get(word, 0) + 1
    return {name: sorted(counts, key=lambda value: -counts[value]) for name, counts in values.items()}


def _sides(dataset: Dataset, operation: split.Split, name: str) -> list[Dataset]:
    if dataset.train_rows < len(operation.sides):
        raise RefusedError(
            f"`{dataset.name}` has {dataset.train_rows} rows for {len(operation.sides)} sides.", "Split it into fewer."
        )
    return [
        _derive({**operation.model_dump(mode="json"), "side": number}, [dataset], f"{name or dataset.name} {side.name}")
        for number, side in enumerate(operation.sides)
    ]


def _together(operation: dict[str, Any], dataset_ids: Sequence[str], name: str) -> Dataset:
    if not 2 <= len(dataset_ids) <= MOST_TOGETHER:
        raise RefusedError(f"{len(dataset_ids)} datasets cannot become one.", f"Choose 2 to {MOST_TOGETHER} datasets.")
    parents = [ready(dataset_id) for dataset_id in dataset_ids]
    convert.common_kind([kind_of(parent) for parent in parents])
    parsed = operations.parse(operation)
    return _derive(
        parsed.model_dump(mode="json"), parents, name or " and ".join(parent.name for parent in parents)[:100]
    )


def _derive(description: dict[str, Any], parents: list[Dataset], name: str) -> Dataset:
    return datasets.derive(name, parents[0].project_id, description, [parent.id for parent in parents])


def _next_version(dataset: Dataset, description: dict[str, Any]) -> Dataset:
    return datasets.derive(dataset.name, dataset.project_id, description, [dataset.id], dataset.family_id)


def _require_rows(dataset: Dataset, operation: sample.Sample) -> None:
    if operation.rows and operation.rows > dataset.train_rows:
        raise RefusedError(
            f"`{dataset.name}` has {dataset.train_rows:,} rows; {operation.rows:,} were asked for.", "Ask for fewer."
        )


def _require_own_file(operation: drop.Drop) -> None:
    if operation.positions_file and not home.contains(Path(operation.positions_file)):
        raise RefusedError("The file of positions does not belong to the studio.", "Give a list of positions.")


def _edited_row(dataset: Dataset, operation: edit.Edit) -> dict[str, Any]:
    """The new values, read as a row of a file would be. What stands beside the row stays unless it is given anew."""
    if operation.position >= dataset.train_rows:
        raise RefusedError(
            f"`{dataset.name}` has {dataset.train_rows:,} rows; there is none at position {operation.position:,}.",
            "Positions count from 0.",
        )
    (before,) = columnar.page(datasets.blob(dataset), operation.position, 1)
    del before["row"]
    extra = {"extra": before["extra"]} if "extra" in before and "extra" not in operation.values else {}
    after = _checked_row({**operation.values, **extra}, kind_of(dataset), "The row")
    if after == before:
        raise RefusedError("The row is unchanged.", "Change something first.")
    return after


def _checked_row(row: Mapping[str, Any], kind: Kind, where: str) -> dict[str, Any]:
    valid_row = validated_rows.required(row, kind, where)
    if sum(map(len, _strings(valid_row))) > MOST_WRITTEN_BYTES:
        raise RefusedError(f"{where} is longer than {MOST_WRITTEN_BYTES:,} characters.", "Import it in a file.")
    return valid_row


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)


def _values(dataset: Dataset, column: str) -> list[str | None]:
    """The values of a column in every row, the commonest first."""
    parent = Parent(datasets.blob(dataset), kind_of(dataset), dataset.name, dataset.train_rows)
    counts: dict[str | None, int] = {}
    for batch in Workspace(home.home()).read(parent):
        for cell in texts.cells(batch, column):
            counts[cell] = counts.get(cell, 0) + 1
        if len(counts) > split.MOST_SIDES:
            hint = "Choose a column with a few values, such as `split` or `language`."
            raise RefusedError(f"Column `{column}` has more than {split.MOST_SIDES} values.", hint)
    return sorted(counts, key=lambda cell: -counts[cell])
