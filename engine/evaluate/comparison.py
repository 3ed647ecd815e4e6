"""Evaluations side by side, and as JSON or CSV for other programs. Pure."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

Facts = Mapping[str, Any]
MOST_COMPARED = 8
COLUMNS = ("base", "tuned", "difference", "low", "high", "p", "verdict", "rows")
SKILLS = {"name": "skills", "title": "General skill", "better": "higher"}


def metrics_of(results: Sequence[Facts]) -> list[tuple[Facts, list[Facts | None]]]:
    """Every metric of any of them, once, with what each has of it; those that decide come first, skills last."""
    by_name = [{str(metric["name"]): metric for metric in all_metrics(result)} for result in results]
    deciding = [str(result["primary"]) for result in results]
    names = list(dict.fromkeys([*deciding, *(name for of_one in by_name for name in of_one)]))
    names.sort(key=lambda name: name == SKILLS["name"])
    columns = [(name, [of_one.get(name) for of_one in by_name]) for name in names]
    return [(next(filter(None, each)), each) for _, each in columns if any(each)]


def all_metrics(result: Facts) -> list[Facts]:
    """The metrics of a result, general skill as one more."""
    skills = result["skills"]
    overall = [{"p": None, **skills, **SKILLS, "rows": skills["questions"]}] if skills else []
    return [*(result["metrics"] or ()), *overall]


def warnings(results: Sequence[Facts]) -> list[str]:
    """Why they can hardly be compared with each other, a sentence each."""
    sentences = []
    if len({(result["dataset_name"], result["part"], result["rows"]) for result in results}) > 1:
        sentences.append("They were not measured on the same rows, so their values cannot be compared with each other.")
    if len({result["against"] for result in results}) > 1:
        sentences.append("They were compared against different models, so their differences start at different points.")
    return sentences


def as_json(described: Facts | Sequence[Facts]) -> str:
    """All that is known of one evaluation, or of several, with the rows that got worse."""
    return json.dumps(described, indent=2, ensure_ascii=False, default=str) + "\n"


def as_csv(described: Sequence[Facts]) -> str:
    """A line for each metric of each: which evaluation, and every number. `described` is of evaluations.describe."""
    text = io.StringIO()
    head = ("id", "name", "subject", "against", "dataset", "part", "seed", "created_at", "metric", "better", "decides")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*head, *COLUMNS])
    writer.writerows(line for one in described for line in _lines(one))
    return text.getvalue()


def _lines(described: Facts) -> list[list[Any]]:
    result = described["result"]
    head = [
        *(described[name] for name in ("id", "name", "subject", "against")),
        *(result[name] for name in ("dataset_name", "part", "seed", "created_at")),
    ]
    return [
        [_cell(value) for value in (*head, metric["name"], metric["better"], metric["name"] == result["primary"])]
        + [_cell(metric[name]) for name in COLUMNS]
        for metric in all_metrics(result)
    ]


def _cell(value: Any) -> Any:
    """A spreadsheet takes what begins with one of these signs for a formula, whoever wrote it."""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value
