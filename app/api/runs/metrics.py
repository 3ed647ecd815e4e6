"""Metrics of a run over REST: several curves at once, the charts they make, and every point as CSV."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from app.answers.errors import NOT_FOUND
from app.answers.fields import LARGEST, Answer, NamedId
from engine.errors import RefusedError
from engine.runs import curves, metric_groups, metric_table, runs
from engine.runs.curves import Curve, Stretch
from storage import db
from storage import runs as stored
from storage.statuses import RUN_MOVING, RunStatus

router = APIRouter(prefix="/runs", tags=["runs"])

MOST_CURVES = 60
EXACT_FROM = 1e6  # a count or a time keeps all its digits
MetricName = Annotated[str, Field(max_length=200)]
Step = Annotated[int, Field(ge=0, le=LARGEST)]


class CurveAnswer(Answer):
    name: str = Field(description="The metric.")
    steps: list[int] = Field(description="Steps, in order.")
    values: list[float | None] = Field(description="The value at each step, to seven digits; null for no number.")
    thinned: bool = Field(description="Whether points were left out. Ask for a shorter stretch to see them.")


class CurvesAnswer(Answer):
    """Several curves of a run, in the order they were named."""

    curves: list[CurveAnswer] = Field(description="The curves.")
    step: int = Field(description="Steps the run has done.")
    status: RunStatus = Field(description="The run's status.")
    started_at: float | None = Field(description="When its first process began, in seconds since 1970.")
    ended: bool = Field(description="Whether the run has come to an end, so that a chart may ask less often.")


class SeriesAnswer(Answer):
    name: str = Field(description="The metric.")
    label: str = Field(description="Words for it beside the others of its chart.")


class ChartAnswer(Answer):
    group: metric_groups.Group = Field(description="quality, optimisation, machine or other.")
    title: str = Field(description="Words for people.")
    unit: metric_groups.Unit = Field(description="What it is measured in; empty for a plain number.")
    series: list[SeriesAnswer] = Field(description="The metrics drawn in it.")


@router.get("/{id}/curves", summary="Several curves of a run", response_model=CurvesAnswer, responses=NOT_FOUND)
def show_curves(
    run_id: NamedId,
    name: Annotated[list[MetricName], Query(min_length=1, max_length=MOST_CURVES, description="Metrics.")],
    first: Annotated[tuple[Step, ...], Query(alias="from", description="A first step for each name, or none.")] = (),
    last: Annotated[tuple[Step, ...], Query(alias="to", description="A last step for each name, or none.")] = (),
    max_points: Annotated[int, Query(ge=2, le=20_000, description="A curve of more points is thinned.")] = 4000,
) -> Response:
    """Curves, or stretches of them, by one request. Long ones keep the least and the greatest value of each stretch."""
    for word, steps in (("from", first), ("to", last)):
        if steps and len(steps) != len(name):
            raise RefusedError(
                f"There are {len(name)} `name` and {len(steps)} `{word}`.", f"Give one `{word}` for each `name`."
            )
    run = runs.look_up(run_id)
    stretches = map(Stretch, name, first or [0] * len(name), last or [LARGEST] * len(name))
    curve_list = curves.read_several(run_id, list(stretches), max_points)
    answer = {
        "curves": [_as_json(one, curve) for one, curve in zip(name, curve_list, strict=True)],
        "step": run.step,
        "status": run.status.value,
        "started_at": run.facts.began_at or run.started_at,
        "ended": run.status not in RUN_MOVING,
    }
    return Response(orjson.dumps(answer), media_type="application/json")  # hot: skips two passes over the points


def _as_json(name: str, curve: Curve) -> dict[str, object]:
    steps, values = [step for step, _ in curve.points], [_short(value) for _, value in curve.points]
    return {"name": name, "steps": steps, "values": values, "thinned": curve.thinned}


def _short(value: float) -> float:
    """Single precision is what a training computes in; the digits beyond it are half of what would be sent."""
    return value if abs(value) >= EXACT_FROM else float(f"{value:.7g}")


@router.get("/{id}/charts", summary="Charts of a run", responses=NOT_FOUND)
def list_charts(run_id: NamedId) -> list[ChartAnswer]:
    """Every metric the run has, grouped into charts with titles and units."""
    runs.look_up(run_id)
    with db.reading() as session:
        names = stored.metric_names(session, run_id)
    return [
        ChartAnswer(
            group=chart.group,
            title=chart.title,
            unit=chart.unit,
            series=[SeriesAnswer(name=name, label=label) for name, label in chart.series],
        )
        for chart in metric_groups.charts(names)
    ]


@router.get(
    "/{id}/metrics.csv",
    summary="Metrics of a run as CSV",
    response_class=StreamingResponse,
    responses=NOT_FOUND | {200: {"description": "A row a step.", "content": {"text/csv": {}}}},
)
def download_metrics(
    run_id: NamedId,
    name: Annotated[tuple[MetricName, ...], Query(max_length=MOST_CURVES, description="Metrics, or all.")] = (),
) -> Response:
    """Every point, none left out: the column `step`, then one a metric, empty where a step has no value of it."""
    lines = metric_table.csv_lines(run_id, metric_table.names_of(run_id, name))
    headers = {"Content-Disposition": f'attachment; filename="metrics-{run_id}.csv"'}
    return StreamingResponse(lines, headers=headers, media_type="text/csv; charset=utf-8")
