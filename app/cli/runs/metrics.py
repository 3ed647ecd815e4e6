"""`tunesmith metrics`: what a run reports, in short or every point as CSV."""

import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated

import typer

from app.cli.called import RunName
from app.cli.printed import as_json, say, say_json
from engine.errors import RefusedError
from engine.runs import metric_groups, metric_table, runs
from storage import db
from storage import runs as stored
from storage.tables import MetricSummary


def metrics(
    run_id: RunName,
    name: Annotated[list[str] | None, typer.Option("--name", help="Only this metric; can be given again.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Every point, a row a step.")] = False,
) -> None:
    """Show every metric of a run: its last, least and greatest value. With --csv every point."""
    db.prepare()
    names = metric_table.names_of(run_id, name or ())
    if as_csv and as_json():
        raise RefusedError("--csv and --json do not go together.", "Leave one of them out.")
    if as_csv:
        sys.stdout.writelines(metric_table.csv_lines(run_id, names))
        return
    charts = metric_groups.charts(names)
    if as_json():
        say_json([_plain(chart) for chart in charts])
        return
    say("\n".join(_lines(run_id, charts)) or f"Run `{runs.look_up(run_id).name}` has reported no number yet.")


def _plain(chart: metric_groups.MetricChart) -> dict[str, object]:
    return asdict(chart) | {"series": [{"name": name, "label": label} for name, label in chart.series]}


def _lines(run_id: str, charts: list[metric_groups.MetricChart]) -> Iterator[str]:
    with db.reading() as session:
        by_name = {summary.name: summary for summary in stored.summaries(session, [run_id])}
    titles = dict(metric_groups.GROUPS)
    width = max((len(name) for name in by_name), default=0)
    group = ""
    for chart in charts:
        if chart.group != group:
            group = chart.group
            yield titles[chart.group]
        yield from (f"  {name:{width}}  {_in_short(by_name[name])}" for name, _ in chart.series)


def _in_short(summary: MetricSummary) -> str:
    least, greatest = (
        f"{summary.least:.4g} at step {summary.least_step:,}",
        f"{summary.greatest:.4g} at step {summary.greatest_step:,}",
    )
    return f"{summary.last:.4g} (least {least}, greatest {greatest})"
