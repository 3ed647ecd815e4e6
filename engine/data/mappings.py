"""Which column is what, looked at and changed by a person: detected, tried on the first rows, then applied.

No file is read in this process: a worker (engine.workers.data.first_rows) keeps the first rows, cut short, and a
mapping is tried on those in milliseconds. Applied, it imports the kept source anew.
"""

from typing import Any

import orjson

from engine.data import datasets, importing
from engine.errors import ConflictError, TunesmithError
from engine.process import work
from engine.rows.mapping import detection
from engine.rows.mapping.mapping import Mapping, check_columns, format_of
from engine.rows.readers import encodings
from engine.rows.verdict import Format, Rejection
from storage.statuses import DatasetStatus, WorkStatus
from storage.tables import Dataset, Work

LOOK_SECONDS = 30.0
WORKER, ROWS = "first_rows", "rows.jsonl"
MOST_SHOWN = 20
EDITION = 2  # of what is detected and guessed: a higher one looks again


def begin(dataset: Dataset, encoding: str = "") -> Work:
    """Begins to look at the first rows of a dataset's own files, or says how far that is. Without `encoding` they are
    read as the dataset is, or most likely.

    Raises ConflictError when nothing of them is kept, as for what was made from other datasets.
    """
    sources = [{"path": str(path), "name": name} for path, name in importing.sources(dataset) if path.is_file()]
    if not sources or dataset.source == importing.SHAPED:
        raise ConflictError(*_no_file(dataset))
    read_as = encoding or str(dataset.origin.get(importing.ENCODING, ""))
    return work.start(WORKER, dataset.id, {"sources": sources, "edition": EDITION, "encoding": read_as})


def _no_file(dataset: Dataset) -> tuple[str, str]:
    """Why there is nothing to map, and what to do."""
    if dataset.source == importing.SHAPED or dataset.sha256:
        return "The file of this dataset is not kept.", "What is made in the studio has no columns to map."
    return (
        "The file of a failed import is not kept.",
        "Correct the file and import it again; this dataset can be deleted.",
    )


def look(dataset_id: str, encoding: str = "", seconds: float = LOOK_SECONDS) -> dict[str, Any]:
    """What was detected, and what there is to map; see engine.workers.data.first_rows. Waits for it up to `seconds`.

    Raises NotFoundError, ConflictError, and TunesmithError when the file cannot be read or takes too long.
    """
    finished = work.wait(begin(datasets.look_up(dataset_id), encoding).id, seconds)
    if finished.status != WorkStatus.SUCCEEDED:
        raise TunesmithError(
            finished.error or "The first rows are still being read.", finished.hint or "Try again in a moment."
        )
    return finished.result


def try_mapping(dataset_id: str, mapping: Mapping, rows: int = 3, encoding: str = "") -> dict[str, Any]:
    """What would become of the first rows: {"looked_at", "accepted", "repaired", "rejected", "rules", "rows"}.

    Each of `rows` is {"row", "verdict": accepted | repaired | rejected} with "values" and "repairs", or "rule", "value"
    and "fix". When none of the first `rows` is rejected and others are, the first of those comes last.
    """
    dataset = datasets.look_up(dataset_id)
    check_columns(mapping, [column["name"] for column in look(dataset_id, encoding)["columns"]])
    row_format = format_of(mapping)
    verdicts = [_verdict(number, row, row_format) for number, row in enumerate(kept_rows(dataset, encoding), 1)]
    rejected = [verdict for verdict in verdicts if verdict["verdict"] == "rejected"]
    shown = verdicts[: min(rows, MOST_SHOWN)]
    if rejected and rejected[0] not in shown:
        shown.append(rejected[0])
    return {"looked_at": len(verdicts), **_counts(verdicts), "rows": shown}


def kept_rows(dataset: Dataset, encoding: str = "") -> list[dict[str, Any]]:
    """The first rows as the worker has kept them: {"row"} or {"rule", "value"} each."""
    file = work.folder(begin(dataset, encoding)) / ROWS
    return [orjson.loads(line) for line in file.read_bytes().splitlines()] if file.exists() else []


def _verdict(number: int, kept_row: dict[str, Any], row_format: Format) -> dict[str, Any]:
    verdict = (
        Rejection(kept_row["rule"], kept_row["value"])
        if "rule" in kept_row
        else detection.judge(kept_row["row"], row_format)
    )
    if isinstance(verdict, Rejection):
        rejection = {"rule": verdict.rule, "value": verdict.value, "fix": verdict.fix}
        return {"row": number, "verdict": "rejected", **rejection}
    word = "repaired" if verdict.repairs else "accepted"
    return {"row": number, "verdict": word, "values": verdict.values, "repairs": sorted(verdict.repairs)}


def _counts(verdicts: list[dict[str, Any]]) -> dict[str, Any]:
    counts = {
        word: sum(verdict["verdict"] == word for verdict in verdicts) for word in ("accepted", "repaired", "rejected")
    }
    rules: dict[str, int] = {}
    for verdict in verdicts:
        if "rule" in verdict:
            rules[verdict["rule"]] = rules.get(verdict["rule"], 0) + 1
    return {**counts, "rules": rules}


def apply(dataset_id: str, mapping: Mapping | None, encoding: str | None = None) -> Dataset:
    """Reads the dataset's files by a mapping (None: as detected) and returns what is being imported.

    `encoding`: the one to read them in; None keeps what was chosen, "" goes back to what is detected.

    A dataset without rows is imported anew; one that is ready stays as it is, and a new version of it is made.
    Raises NotFoundError, ConflictError while it is being imported, RefusedError for columns that are not there.
    """
    dataset = datasets.look_up(dataset_id)
    if dataset.status == DatasetStatus.IMPORTING:
        raise ConflictError(f"`{dataset.name}` is still being imported.", "Wait until it is done.")
    if mapping is not None:
        read_as = encodings.checked(encoding) if encoding else ""
        check_columns(mapping, [column["name"] for column in look(dataset_id, read_as)["columns"]])
    return datasets.import_again(dataset_id, mapping.model_dump() if mapping else None, encoding)
