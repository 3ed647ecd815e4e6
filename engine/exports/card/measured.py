"""What was measured, on a card: the report against the base with its intervals, the export's parity, the training."""

from collections.abc import Mapping
from typing import Any

from engine.exports import parity
from engine.exports.card.told import Facts


def text(facts: Facts) -> str:
    """The section of a card."""
    parts = (_report(facts.report) if facts.report else "", _parity(facts), _metrics(facts.metrics))
    return "\n\n".join(part for part in parts if part) or "Nothing was measured."


def _report(report: Mapping[str, Any]) -> str:
    """Base and tuned model on rows the training never saw, each difference with its interval."""
    lines = [
        f"On {report.get('rows', 0):,} held-out rows of {report.get('dataset_name') or 'its dataset'}, against "
        f"{report.get('against') or 'its base'}: {report.get('sentence') or report.get('verdict')}",
        "",
        "| metric | base | tuned | difference | 95 % interval |",
        "|---|---|---|---|---|",
    ]
    lines += [_row(metric) for metric in report.get("metrics", [])]
    if report.get("chose_checkpoint"):
        lines += ["", "The same rows also chose the checkpoint, which flatters the result."]
    return "\n".join(lines)


def _row(metric: Mapping[str, Any]) -> str:
    base, tuned, difference = (_number(metric.get(name)) for name in ("base", "tuned", "difference"))
    interval = f"{_number(metric.get('low'))} to {_number(metric.get('high'))}"
    return f"| {metric.get('title') or metric.get('name')} | {base} | {tuned} | {difference} | {interval} |"


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4g}"


def _parity(facts: Facts) -> str:
    if not facts.parity or (facts.parity.get("good") is None and not facts.parity.get("checked_by")):
        return ""
    return f"This export against the trained form: {parity.badge(facts.parity)}."


def _metrics(metrics: Mapping[str, float]) -> str:
    if not metrics:
        return ""
    rows = [f"| {name} | {value:.4g} |" for name, value in sorted(metrics.items())]
    return "\n".join(["| of the training, at its end | value |", "|---|---|", *rows])
