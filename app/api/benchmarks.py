"""Benchmarks of endpoints over REST: measured, compared, exported."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from app.answers.errors import CONFLICT, NOT_FOUND
from app.answers.fields import Answer, Limit, Offset, PathId, ProjectFilter, RowId, total
from engine.benchmarks import benchmarks, comparison
from engine.benchmarks.benchmarks import MOST_COMPARED, Wanted
from engine.benchmarks.load import Load
from storage import benchmarks as stored
from storage import db
from storage.statuses import WorkStatus

router = APIRouter(prefix="/benchmarks", tags=["endpoints"])

Through = Literal["backend", "gateway"]
EndpointFilter = Annotated[
    str | None, Query(pattern=r"^[0-9a-z-]{1,64}$", description="Only those of this endpoint. All when left out.")
]
Ids = Annotated[
    str, Query(max_length=1000, description=f"Ids separated by commas, up to {MOST_COMPARED}; ratios are to the first.")
]
FORMATS: dict[str, str] = {"json": "application/json", "csv": "text/csv"}


class BenchmarkBody(Load):
    """The load, and what it is put on."""

    endpoint_id: RowId
    model: str | None = Field(
        default=None, max_length=300, description="Any of its names, such as NAME:base; its own when left out."
    )
    through: Through = Field(
        default="backend", description="backend: straight to the server. gateway: as clients do, through /v1."
    )

    def load(self) -> Load:
        return Load.model_validate(self.model_dump(include=set(Load.model_fields)))


class BenchmarkAnswer(Answer):
    id: str = Field(description="The benchmark's id.")
    name: str = Field(description="What comparisons call it.")
    project_id: str = Field(description="The project it belongs to.")
    status: WorkStatus = Field(description="running, succeeded, failed or stopped.")
    progress: float | None = Field(description="How far it is, 0 to 1; null when unknown.")
    stage: str = Field(description="What is measured now, in a few words.")
    endpoint_id: str = Field(description="The endpoint that was measured; it may be gone.")
    endpoint_name: str = Field(description="Its name.")
    model: str = Field(description="The name that was asked.")
    through: Through = Field(description="backend or gateway.")
    load: dict[str, Any] = Field(description="The load, with every default.")
    facts: dict[str, Any] = Field(
        description="What answered: options, versions, machine; `beside` says what else was under way."
    )
    levels: list[dict[str, Any]] = Field(description="One a level, those so far while it runs; names as vLLM's.")
    saturates_at: int | None = Field(
        description="Requests at once above which doubling gives less than 5 % more; null while it still grew."
    )
    error: str | None = Field(description="Why it failed.")
    hint: str | None = Field(description="What to do about it.")
    created_at: float = Field(description="Seconds since 1970, UTC.")
    ended_at: float | None = Field(description="When it was over.")


class ComparedRow(Answer):
    level: str = Field(description="Such as `4 at once`.")
    metric: str = Field(description="Such as output_throughput.")
    values: list[float | None] = Field(description="One a benchmark, in the order asked; null where it has none.")
    ratios: list[float | None] = Field(description="To the first benchmark.")


class ComparisonAnswer(Answer):
    names: list[str] = Field(description="What the benchmarks are called, in the order asked.")
    warnings: list[str] = Field(description="Why they can hardly be compared; mostly empty.")
    rows: list[ComparedRow] = Field(description="A row for each number of each level.")


@router.post("", status_code=201, summary="Measure an endpoint", responses=NOT_FOUND | CONFLICT)
def create_benchmark(body: BenchmarkBody, request: Request) -> BenchmarkAnswer:
    """Begins to measure; GET /api/benchmarks/{id} follows it. 409 while another one is under way."""
    gateway = benchmarks.address_of(request.scope) if body.through == "gateway" else None
    asked = Wanted(body.endpoint_id, body.load(), body.model, gateway)
    return _answer(benchmarks.create(asked))


@router.get("", summary="List benchmarks")
def list_benchmarks(
    response: Response,
    project_id: ProjectFilter = None,
    endpoint_id: EndpointFilter = None,
    offset: Offset = 0,
    limit: Limit = 100,
) -> list[BenchmarkAnswer]:
    """The benchmarks, newest first, with their results. `X-Total-Count` says how many there are."""
    with db.reading() as session:
        total(response, stored.count(session, project_id, endpoint_id))
        listed = stored.recent(session, project_id, endpoint_id, limit, offset)
    return [_answer(benchmark) for benchmark in listed]


@router.get("/compare", summary="Compare benchmarks", responses=NOT_FOUND)
def compare_benchmarks(ids: Ids) -> ComparisonAnswer:
    """Every number of every level side by side, with the ratio to the first benchmark."""
    benchmarks_shown = _several(ids)
    names = [benchmark["name"] for benchmark in benchmarks_shown]
    return ComparisonAnswer.model_validate({"names": names, **comparison.compare(benchmarks_shown)})


@router.get("/download", summary="Download benchmarks", responses=NOT_FOUND, response_class=Response)
def download_benchmarks(
    ids: Ids, format: Annotated[Literal["json", "csv"], Query(description="json: everything. csv: levels.")] = "json"
) -> Response:
    """One file: JSON with all that is known, or CSV with a line for each level."""
    benchmarks_shown = _several(ids)
    text = comparison.as_csv(benchmarks_shown) if format == "csv" else comparison.as_json(benchmarks_shown)
    headers = {"content-disposition": f'attachment; filename="benchmarks.{format}"'}
    return Response(text, media_type=FORMATS[format], headers=headers)


@router.get("/{id}", summary="Show a benchmark", responses=NOT_FOUND)
def show_benchmark(benchmark_id: PathId) -> BenchmarkAnswer:
    """How far it is, and what was measured."""
    return _answer(benchmarks.look_up(benchmark_id))


@router.post("/{id}/stop", summary="Stop a benchmark", responses=NOT_FOUND)
def stop_benchmark(benchmark_id: PathId) -> BenchmarkAnswer:
    """Ends it. Levels that were measured to their end are kept."""
    return _answer(benchmarks.stop(benchmark_id))


@router.delete("/{id}", status_code=204, summary="Delete a benchmark", responses=NOT_FOUND)
def delete_benchmark(benchmark_id: PathId) -> None:
    """Ends it and forgets what it found."""
    benchmarks.delete(benchmark_id)


def _several(ids: str) -> list[dict[str, Any]]:
    return benchmarks.several([benchmark_id for benchmark_id in ids.split(",") if benchmark_id])


def _answer(benchmark: Any) -> BenchmarkAnswer:
    return BenchmarkAnswer.model_validate(benchmarks.describe(benchmark))
