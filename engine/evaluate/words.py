"""What a report says to somebody who has never seen one: the same on the pages and in its file. Pure."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from engine.errors import NotFoundError
from engine.evaluate.measures import measures

Result = Mapping[str, Any]
Tone = Literal["good", "bad", "warn", "calm"]
Note = tuple[Tone, str]

DASH = "–"
MOST_WORSE = 20  # rows that got worse are kept in a result (engine.workers.evaluate.proof)
VERDICTS: dict[str, tuple[str, Tone]] = {
    "better": ("Better", "good"),
    "no_proof": ("No proof", "warn"),
    "worse": ("Worse", "bad"),
}
PARTS = {
    "test": "that the training never saw",
    "eval": "of the held-out part",
    "own": "(a separate dataset)",
    "none": "",
}
EXPLAINED = (
    ("Base and tuned", "Every metric is measured on the same rows before the training (base) and after it (tuned)."),
    (
        "The interval",
        "Only some rows were measured, so chance plays a part. The bar is the range in which the true difference most "
        "likely lies: of 100 such bars, each from other rows of the same kind, about 95 would contain it. More rows "
        "make the bar shorter.",
    ),
    (
        "How to read the bar",
        "The line in the middle means no difference. A bar entirely to its right means better, entirely to its left "
        "worse. A bar that crosses it means that these rows cannot tell. Every bar has its own scale.",
    ),
    (
        "Why one metric decides",
        "Of many metrics, some look better by chance. So one was chosen before the start, and it alone decides the "
        "verdict. The others can only add where it got worse, and are judged more strictly (Holm's correction).",
    ),
)


def verdict(result: Result) -> tuple[str, Tone]:
    """The verdict in a word or two, and its tone. Where no row was asked, nothing failed to be proven."""
    if result.get("status") == "succeeded" and result.get("rows") == 0:
        return "Not measured", "calm"
    return VERDICTS.get(str(result["verdict"]), ("No verdict", "calm"))


def rows_measured(result: Result) -> str:
    """How many rows, and which: `40 of the 120 rows of sums that the training never saw`."""
    rows, all_rows = result["rows"], result["all_rows"]
    number = counted(rows, "row") if rows >= all_rows else f"{rows:,} of the {all_rows:,} rows"
    name = f" of {result['dataset_name']}" if result["dataset_name"] else ""
    return f"{number}{name} {PARTS.get(str(result['part']), '')}".strip()


def notes(result: Result) -> list[Note]:
    """What there is to know beside the numbers, a sentence or two each."""
    remarks: list[Note] = []
    if result["chose_checkpoint"]:
        words = "These rows were also used to choose the checkpoint, so the result may look a little better than it is."
        remarks.append(("warn", f"{words} Next time, hold out test rows as well."))
    remarks += [*_leakage(result["leakage"]), *_more_rows(result), *_missing(result)]
    if 0 < result["clusters"] < result["rows"]:
        words = f"Rows that belong together count as one, which leaves {result['clusters']:,} independent groups."
        remarks.append(("calm", words))
    if result["reports"] > 1:
        words = f"There are {result['reports']:,} reports on this run. Gates use the first one."
        remarks.append(("calm", words))
    if result["hint"]:
        remarks.append(("calm", str(result["hint"])))
    return [*remarks, *(("calm", str(note)) for note in result["notes"])]


def _leakage(leakage: Mapping[str, int] | None) -> list[Note]:
    if leakage is None:
        return []
    exact, near, checked = leakage["exact"], leakage["near"], leakage["checked"]
    learnt = (
        f"the {counted(leakage['compared'], 'row')} of its training" if "compared" in leakage else "its training rows"
    )
    if not exact and not near:
        return [("calm", f"None of these rows is among {learnt}, neither exactly nor nearly.")]
    words = f"{exact + near:,} of the {counted(checked, 'row')} are also among {learnt}"
    how = f"{exact:,} exactly, {near:,} nearly"
    return [("warn", f"{words} ({how}), so the result looks better than it is.")]


def _more_rows(result: Result) -> list[Note]:
    needed, there = result["rows_to_decide"], result["all_rows"]
    if needed is None:
        return []
    words = f"About {counted(needed, 'row')} would be needed to decide a difference of this size"
    if there <= result["rows"]:
        return [("calm", f"{words}; there are no more than these.")]
    return [("calm", f"{words}; there are {there:,} in all{', so measure all of them' if there >= needed else ''}.")]


def _missing(result: Result) -> list[Note]:
    remarks: list[Note] = []
    if result["truncated"]:
        length = f" of {result['longest_answer']:,} tokens" if result["longest_answer"] else ""
        remarks.append(("warn", f"{counted(result['truncated'], 'answer')} reached the length limit{length}."))
    if result["left_out"]:
        why = "; ".join(f"{reason}: {count:,}" for reason, count in result["left_out_why"].items())
        remarks.append(
            ("warn", f"{counted(result['left_out'], 'row')} could not be measured{f' ({why})' if why else ''}.")
        )
    return remarks


def got_worse(result: Result) -> str:
    """How many rows got worse; of many, how many are kept."""
    count = len(result["worse_rows"])
    return f"The {count} rows that lost most" if count >= MOST_WORSE else f"{counted(count, 'row')} got worse"


def names_of(metrics: Sequence[str]) -> str:
    """Metrics by their titles."""
    return ", ".join(title(name) for name in metrics)


def title(name: str) -> str:
    """What people call a metric; one that nobody knows is called by its name."""
    try:
        return measures.look_up(name).title
    except NotFoundError:
        return name


def counted(count: int, noun: str) -> str:
    """`1 row`, `1,200 rows`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def value(name: str, number: float | None) -> str:
    """A value of a metric: shares as percentages."""
    if number is None or not math.isfinite(number):
        return DASH
    return f"{100 * number:.1f} %" if unit(name) == "share" else _short(number)


def change(name: str, difference: float | None) -> str:
    """A difference, with its sign; of shares in points, where 100 is from none to all."""
    if difference is None or not math.isfinite(difference):
        return DASH
    number = 100 * difference if unit(name) == "share" else difference
    sign = "+" if number > 0 else "−" if number < 0 else "±"
    return f"{sign}{f'{abs(number):.1f}' if unit(name) == 'share' else _short(abs(number))}"


def interval(metric: Result) -> str:
    """The interval in words: `+40.0 to +70.0`."""
    name = str(metric["name"])
    if metric["low"] is None or metric["high"] is None:
        return DASH
    return f"{change(name, metric['low'])} to {change(name, metric['high'])}"


def unit(name: str) -> str:
    """The unit of a metric; those of another version, or of skills, by their name."""
    try:
        return measures.look_up(name).unit
    except NotFoundError:
        return "share" if name == "skills" else "number"


def explained(name: str) -> str:
    """What a metric is, in a sentence; "" for one nobody knows."""
    try:
        return measures.look_up(name).help
    except NotFoundError:
        return ""


def _short(number: float) -> str:
    """Three significant digits as people write them; very small ones in powers of ten."""
    size = abs(number)
    if size and (size < 1e-3 or size >= 1e6):
        return f"{number:.1e}"
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
    return f"{number:,.{digits}f}"
