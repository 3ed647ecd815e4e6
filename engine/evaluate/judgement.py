"""The verdict of a report, in a word and in a sentence: one measure decides, the others may add where it got worse."""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.evaluate.measures import measures
from engine.evaluate.measures.measures import Measure
from engine.evaluate.statistics import difference
from engine.evaluate.statistics.difference import Difference, Verdict

NOT_COUNTED = ("perplexity",)  # the loss again, in other words


@dataclass(frozen=True)
class Judgement:
    """`verdict`, `rows_to_decide` (in all, where there is no proof) and `sentence`: of the primary measure.

    `verdicts`: of every measure; those of the others are adjusted (Holm), as some of many are always up or down by
    chance. `but_worse`: names of the others that got worse.
    """

    verdict: Verdict
    sentence: str
    but_worse: list[str]
    verdicts: dict[str, Verdict | None]
    rows_to_decide: int | None


def judge(primary: str, differences: Mapping[str, Difference]) -> Judgement:
    """What the differences by measure say together. `primary` was named before any of them was measured."""
    decided = differences[primary].verdict or "no_proof"
    others = _adjusted({name: value for name, value in differences.items() if name != primary})
    but_worse = [name for name, word in others.items() if word == "worse" and name not in NOT_COUNTED]
    return Judgement(
        verdict=decided,
        sentence=sentence(primary, differences[primary], but_worse),
        but_worse=but_worse,
        verdicts={primary: differences[primary].verdict} | others,
        rows_to_decide=difference.rows_to_decide(differences[primary]),
    )


def sentence(primary: str, difference: Difference, but_worse: list[str] | None = None) -> str:
    """The verdict in plain words, with the numbers it rests on."""
    words = f"{_WORDS[difference.verdict or 'no_proof']} {_reason(measures.look_up(primary), difference)}"
    if but_worse:
        words += f" But worse at: {', '.join(measures.look_up(name).title for name in but_worse)}."
    return words


def shown(measure: Measure, value: float) -> str:
    """A mean of a measure as people read it: shares in per cent."""
    return f"{100 * value:.0f} %" if measure.unit == "share" else f"{value:.{_DIGITS[measure.unit]}f}"


def change(measure: Measure, value: float) -> str:
    """A difference with its sign: of shares, in percentage points."""
    digits = _DIGITS[measure.unit]
    return f"{100 * value:+.0f} points" if measure.unit == "share" else f"{value:+.{digits}f}"


_WORDS: dict[Verdict, str] = {"better": "Better.", "no_proof": "No proof.", "worse": "Worse."}
_DIGITS: dict[measures.Unit, int] = {
    "share": 0,
    "points": 1,
    "nats": 3,
    "perplexity": 2,
    "characters": 0,
    "number": 2,
}


def _adjusted(others: Mapping[str, Difference]) -> dict[str, Verdict | None]:
    counted = {name: value for name, value in others.items() if value.better != "neither" and name not in NOT_COUNTED}
    p_values = difference.holm({name: value.p for name, value in counted.items()})
    verdicts: dict[str, Verdict | None] = {name: value.verdict for name, value in others.items()}
    for name, value in counted.items():
        verdicts[name] = difference.verdict(value.difference, p_values[name], value.clusters, value.better)
    if "perplexity" in verdicts and "nll" in verdicts:
        verdicts["perplexity"] = verdicts["nll"]
    return verdicts


def _reason(measure: Measure, seen: Difference) -> str:
    if seen.base is None or seen.tuned is None:
        return "No row could be measured."
    went = f"{measure.title} went from {shown(measure, seen.base)} to {shown(measure, seen.tuned)} on {_rows(seen)}"
    if seen.low is None or seen.high is None:
        return f"{went}: too few to tell, at least {difference.FEWEST} are needed."
    span = f"{change(measure, seen.low)} and {change(measure, seen.high)}"
    if seen.verdict != "no_proof":
        return f"{went}. The true difference is between {span}, with 95 % confidence."
    if seen.too_few:
        return f"{went}: too few to tell, at least {difference.FEWEST} are needed."
    return f"{went}, which may be chance: the true difference may be anywhere between {span}.{_more(seen)}"


def _more(seen: Difference) -> str:
    rows = difference.rows_to_decide(seen)
    if rows is None:
        return ""
    return f" About {rows - seen.rows:,} more rows would be needed to decide a difference of this size."


def _rows(difference: Difference) -> str:
    rows = f"{difference.rows:,} row{'' if difference.rows == 1 else 's'}"
    return rows if difference.clusters == difference.rows else f"{rows} in {difference.clusters:,} independent groups"
