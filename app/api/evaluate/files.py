"""Evaluations as files: one HTML page, a CSV line for each metric, or everything as JSON."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response

from app.answers.errors import CONFLICT, NOT_FOUND
from app.answers.fields import NamedId
from engine import names
from engine.errors import NotFoundError
from engine.evaluate import as_html, comparison, evaluations, reports
from engine.evaluate.comparison import MOST_COMPARED

router = APIRouter(tags=["evaluations"])
Format = Annotated[Literal["html", "csv", "json"], Query(description="html: to read. csv: metrics. json: everything.")]
Ids = Annotated[str, Query(max_length=1000, description=f"Ids separated by commas, up to {MOST_COMPARED}.")]
TYPES = {"html": "text/html", "csv": "text/csv", "json": "application/json"}
CAREFUL = {"x-content-type-options": "nosniff", "content-security-policy": f"{as_html.POLICY}; sandbox"}
FILE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file.", "content": {media_type: {} for media_type in TYPES.values()}}
}


@router.get(
    "/evaluations/download", summary="Download evaluations", response_class=Response, responses=NOT_FOUND | FILE
)
def download_evaluations(ids: Ids, format: Format = "html") -> Response:
    """One file with each of them: HTML that needs nothing else, CSV with a line for each metric, or JSON."""
    evaluation_ids = list(dict.fromkeys(one for one in ids.split(",") if one))[:MOST_COMPARED]
    described = [evaluations.describe(evaluations.look_up(evaluation_id)) for evaluation_id in evaluation_ids]
    return _file(described, "evaluations" if len(described) != 1 else described[0]["name"], format)


@router.get(
    "/runs/{id}/report/download",
    summary="Download a report",
    response_class=Response,
    responses=NOT_FOUND | CONFLICT | FILE,
)
def download_report(run_id: NamedId, format: Format = "html") -> Response:
    """The newest report on a run as a file. 404 while nobody has asked for one."""
    report = reports.of_run(run_id)
    if report["evaluation_id"] is None:
        raise NotFoundError(report["error"], report["hint"])
    return download_evaluations(report["evaluation_id"], format)


def _file(described: list[dict[str, Any]], name: str, format: str) -> Response:
    if format == "csv":
        return _made(format, comparison.as_csv(described), name)
    if format == "json":
        return _made(format, comparison.as_json(described[0] if len(described) == 1 else described), name)
    return _made(format, as_html.document([(one["name"], one["result"]) for one in described]), name)


def _made(format: str, text: str, name: str) -> Response:
    file = f"{names.as_file(name, 'report')}.{format}"
    return Response(
        text, media_type=TYPES[format], headers={"content-disposition": f'attachment; filename="{file}"', **CAREFUL}
    )
