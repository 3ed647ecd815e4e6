"""Benchmarks side by side, with the ratio to the first; and as JSON or CSV for other programs. Pure."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

Described = Mapping[str, Any]

COMPARED = (
    "request_throughput", "output_throughput", "request_goodput", "median_ttft_ms", "p99_ttft_ms", "median_tpot_ms",
    "median_itl_ms", "p99_itl_ms", "median_e2el_ms", "p99_e2el_ms", "failed",
)  # fmt: skip
MUST_AGREE = ("input_tokens", "output_tokens", "dataset_id", "ignore_eos", "goodput")
BESIDE = ("errors", "error_examples", "runs")  # of a level; no single number


def level_name(level: Mapping[str, Any]) -> str:
    """What a level is called: `4 at once`, or `2.5 a second`."""
    return f"{level['concurrency']} at once" if level["concurrency"] else f"{level['rate']:g} a second"


def compare(benchmarks: Sequence[Described]) -> dict[str, Any]:
    """{"warnings", "rows": [{"level", "metric", "values", "ratios"}]}: a row for each metric of each level of any.

    Values and ratios stand in the order of `benchmarks`; a ratio is to the first, None where there is none.
    """
    levels = [{level_name(level): level for level in benchmark["levels"]} for benchmark in benchmarks]
    names = list(dict.fromkeys(name for of_one in levels for name in of_one))
    rows = [_row(name, metric, [of_one.get(name, {}).get(metric) for of_one in levels])
            for name in names for metric in COMPARED]  # fmt: skip
    return {
        "warnings": warnings(benchmarks),
        "rows": [row for row in rows if any(value is not None for value in row["values"])],
    }


def _row(level: str, metric: str, values: list[float | None]) -> dict[str, Any]:
    first = values[0]
    ratios = [value / first if value is not None and first else None for value in values]
    return {"level": level, "metric": metric, "values": values, "ratios": ratios}


def warnings(benchmarks: Sequence[Described]) -> list[str]:
    """Why these benchmarks can hardly be compared, a sentence each."""
    sentences = []
    for field in MUST_AGREE:
        values = list(dict.fromkeys(_words(benchmark["load"].get(field)) for benchmark in benchmarks))
        if len(values) > 1:
            sentences.append(f"The loads differ: {field} is {' and '.join(values)}.")
    machines = [benchmark["facts"]["machine"] for benchmark in benchmarks if benchmark["facts"].get("machine")]
    if any(machine != machines[0] for machine in machines):
        sentences.append("They were measured on different machines.")
    if len({benchmark["through"] for benchmark in benchmarks}) > 1:
        sentences.append("Some went through the gateway, others straight to the backend.")
    busy = [benchmark["name"] for benchmark in benchmarks if benchmark["facts"].get("beside")]
    return [*sentences, *(f"Other work was under way during {name}." for name in busy)]


def _words(value: Any) -> str:
    """A value of a load in a sentence: `none`, `128`, `ttft 200 tpot 50`."""
    if isinstance(value, dict):
        return " ".join(f"{name} {limit:g}" for name, limit in value.items()) or "none"
    return "none" if value is None else str(value)


def as_json(benchmarks: Described | Sequence[Described]) -> str:
    """All that is known of one benchmark, or of several."""
    return json.dumps(benchmarks, indent=2, ensure_ascii=False, default=str) + "\n"


def as_csv(benchmarks: Sequence[Described]) -> str:
    """A line for each level: which benchmark, and every number. Errors are one column, `http 503: 2; timeout: 1`."""
    rows = [_line(benchmark, level) for benchmark in benchmarks for level in benchmark["levels"]]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns or ["benchmark"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _line(benchmark: Described, level: Mapping[str, Any]) -> dict[str, Any]:
    options = json.dumps(benchmark["facts"].get("options", {}), sort_keys=True)
    head = {"benchmark": benchmark["id"], "model": benchmark["model"], "through": benchmark["through"]}
    errors = "; ".join(f"{kind}: {count}" for kind, count in level["errors"].items())
    numbers = {name: value for name, value in level.items() if name not in BESIDE}
    return {**head, "options": options, "created_at": benchmark["created_at"], **numbers, "errors": errors}
