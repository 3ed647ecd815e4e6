"""What the numbers prove: differences with their intervals, the verdict, the rows that got worse."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from engine.evaluate import judgement
from engine.evaluate.judgement import Judgement
from engine.evaluate.measures import measures
from engine.evaluate.statistics.compare import compare
from engine.evaluate.statistics.difference import Difference
from engine.workers.evaluate.asking import Plan
from engine.workers.evaluate.gathering import Found
from engine.workers.evaluate.rows import Asked
from engine.workers.evaluate.scores import Scores
from engine.workers.evaluate.sides import NAMES

MOST_WORSE = 20  # rows that got worse, in the result; all of them are in rows.jsonl
MOST_TEXT = 4000  # characters of a text in the result
Row = dict[str, Any]
NOTHING = "No rows were held out, so nothing shows whether the training helped."


def proven(plan: Plan, judged: Scores, table: list[Row], seed: int) -> dict[str, Any]:
    """The part of the result that is decided by the rows' scores."""
    if not plan.rows:
        return {"verdict": "no_proof", "sentence": NOTHING, "primary": judged.primary, "hint": HINT}
    clusters = [row.cluster for row in plan.rows]
    differences = {name: _difference(name, judged, clusters, seed) for name in judged.names}
    if "nll" in differences:
        differences["perplexity"] = _perplexity(differences["nll"])
    judged_rows = judgement.judge(judged.primary, differences)
    return {
        "verdict": judged_rows.verdict,
        "sentence": judged_rows.sentence,
        "but_worse": judged_rows.but_worse,
        "primary": judged.primary,
        "rows_to_decide": judged_rows.rows_to_decide,
        "metrics": [_metric(name, difference, judged_rows) for name, difference in differences.items()],
        "worse_rows": _worse(table, judged.primary),
    }


HINT = (
    "By default, rows are held out of datasets with at least 200 rows. Set eval_fraction, or compare on another "
    "dataset on the Evaluate page."
)


def _difference(name: str, judged: Scores, clusters: list[int], seed: int) -> Difference:
    measure, values = measures.look_up(name), judged.values[name]
    return compare(
        values["base"], values["tuned"], clusters, binary=measure.is_binary, better=measure.better, seed=seed
    )


def _perplexity(loss: Difference) -> Difference:
    """The loss said another way: the same rows, the same p, the same verdict. The base's is taken as it is."""
    if loss.base is None or loss.tuned is None:
        return loss
    base = math.exp(min(loss.base, 50.0))
    tuned = math.exp(min(loss.tuned, 50.0))
    low, high = (None if end is None else base * math.expm1(min(end, 50.0)) for end in (loss.low, loss.high))
    return dataclasses.replace(loss, base=base, tuned=tuned, difference=tuned - base, low=low, high=high)


def _metric(name: str, difference: Difference, judged: Judgement) -> dict[str, Any]:
    measure = measures.look_up(name)
    numbers = {
        field: _rounded(getattr(difference, field)) for field in ("base", "tuned", "difference", "low", "high", "p")
    }
    verdict = judged.verdicts.get(name)
    return {
        "name": name, "title": measure.title, "help": measure.help, "unit": measure.unit, "better": measure.better,
        **numbers, "verdict": verdict, "rows": difference.rows, "clusters": difference.clusters,
        "left_out": difference.left_out,
    }  # fmt: skip


def _rounded(value: float | None) -> float | None:
    """Six digits: what JSON shows of an interval, and the same on every machine that computes the same."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.6g}")


def row_table(plan: Plan, gathered: Mapping[str, Found], judged: Scores) -> list[Row]:
    """Every row with what was asked, expected and said, and all its scores, [base, tuned]."""
    return [_row(index, row, gathered, judged) for index, row in enumerate(plan.rows)]


def _row(index: int, row: Asked, gathered: Mapping[str, Found], judged: Scores) -> Row:
    said = {name: _said(gathered[name], index) for name in NAMES}
    pairs = {name: [judged.values[name][side][index] for side in NAMES] for name in judged.names}
    return {
        "row": row.number,
        "cluster": row.cluster,
        "prompt": _cut(row.expected.prompt),
        "expected": _cut(row.expected.answer or _calls(row)),
        "base": _cut(said["base"]),
        "tuned": _cut(said["tuned"]),
        "scores": {name: [_rounded(value) for value in pair] for name, pair in pairs.items()},
    }


def _said(side: Found, index: int) -> str:
    """A side's answer; of a reward model, its two scores."""
    if side.answers:
        return side.answers[index].text
    both = side.scores[index] if side.scores else None
    return f"better answer {both[0]:.3g}, worse answer {both[1]:.3g}" if both else ""


def _calls(row: Asked) -> str:
    return "\n".join(f"{call['name']} {call['arguments']}" for call in row.expected.calls)


def _cut(text: str) -> str:
    return text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]} ..."


def _worse(table: list[Row], primary: str) -> list[Row]:
    """The rows that lost most by the primary measure."""
    sign = -1 if measures.look_up(primary).better == "lower" else 1
    losses = [(sign * (base - tuned), number) for number, row in enumerate(table)
              for base, tuned in [row["scores"].get(primary, (None, None))]
              if base is not None and tuned is not None and sign * (base - tuned) > 0]  # fmt: skip
    worst = sorted(losses, key=lambda loss: (-loss[0], loss[1]))[:MOST_WORSE]
    return [_shown(table[number], primary) for _, number in worst]


def _shown(row: Row, primary: str) -> Row:
    base, tuned = row["scores"][primary]
    own = {name: row[name] for name in ("row", "prompt", "expected", "base", "tuned")}
    return own | {"base_score": base, "tuned_score": tuned}
