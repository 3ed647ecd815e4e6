"""Every row that an evaluation asked, with both answers: read from the file beside its result, the worst first.

The result itself holds the rows that lost most; the file (engine.workers.evaluate.report) has all of them, and lies in
the folder of the evaluation's work, so it goes when the evaluation is deleted.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from engine.errors import NotFoundError
from engine.evaluate.measures import measures
from storage import home
from storage.statuses import WorkStatus
from storage.tables import Evaluation

FILE = "rows.jsonl"
Change = Literal["all", "worse", "better", "same"]
CHANGES: tuple[Change, ...] = get_args(Change)
TEXTS = ("prompt", "expected", "base", "tuned")  # what is searched
MOST_SEARCHED = 120  # characters

Row = dict[str, Any]


@dataclass(frozen=True)
class Page:
    """Some rows. `counts`: how many there are by change, of those that the search finds; `total` of the wanted ones.

    `is_kept` is False where there is no file: of an evaluation of an older studio, or one whose folder was removed.
    """

    rows: list[Row]
    total: int
    counts: Mapping[str, int] = field(default_factory=Counter)
    is_kept: bool = True


def page(evaluation: Evaluation, change: Change = "all", search: str = "", offset: int = 0, limit: int = 20) -> Page:
    """The rows of one kind of change by what decides, worst first; `search` is looked for in all four texts.

    A row that has no score counts as `all` alone and comes last. Without a file, the rows that the result holds.
    """
    file = _file(evaluation)
    kept = file is not None and file.is_file()
    primary = str(evaluation.result.get("primary") or "")
    sign = -1.0 if _falls(primary) else 1.0
    words = search.strip().casefold()[:MOST_SEARCHED]
    counts, places = Counter[str](), list[tuple[float, int]]()
    for number, row in enumerate(_rows(file, evaluation, primary)):
        if words and not any(words in str(row[name] or "").casefold() for name in TEXTS):
            continue
        gain = _gain(row, sign)
        kind = _change(gain) if kept else "worse"  # a result holds no others
        counts.update(["all", kind] if kind else ["all"])
        if change in ("all", kind):
            places.append((float("inf") if gain is None else gain, number))
    numbers = [number for _, number in sorted(places)[offset : offset + limit]]
    return Page(_at(_rows(file, evaluation, primary), numbers), len(places), counts, kept)


def _falls(primary: str) -> bool:
    try:
        return measures.look_up(primary).better == "lower"
    except NotFoundError:  # of another version of the studio
        return False


def _file(evaluation: Evaluation) -> Path | None:
    if evaluation.status != WorkStatus.SUCCEEDED or evaluation.work_id is None:
        return None
    return home.work_folder(evaluation.work_id) / FILE


def _rows(file: Path | None, evaluation: Evaluation, primary: str) -> Iterator[Row]:
    """One after another, in the shape of a result's `worse_rows`; never all of a long file at once."""
    if file is None or not file.is_file():
        yield from evaluation.result.get("worse_rows", ())
        return
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            base, tuned = row["scores"].get(primary) or (None, None)
            own = {name: row[name] for name in ("row", *TEXTS)}
            yield own | {"base_score": base, "tuned_score": tuned}


def _gain(row: Row, sign: float) -> float | None:
    base, tuned = row["base_score"], row["tuned_score"]
    return None if base is None or tuned is None else sign * (tuned - base)


def _change(gain: float | None) -> str:
    if gain is None:
        return ""
    return "same" if gain == 0 else "better" if gain > 0 else "worse"


def _at(rows: Iterator[Row], numbers: list[int]) -> list[Row]:
    """The rows with those numbers, in the order of the numbers given."""
    chosen = set(numbers)
    row_by_number = {number: row for number, row in enumerate(rows) if number in chosen}
    return [row_by_number[number] for number in numbers]
