"""`tunesmith serve-run`: what a run has trained, as an endpoint that answers."""

from typing import Annotated

import typer

from app.cli import running_studio
from app.cli.called import CHECKPOINT
from app.cli.printed import answer
from app.cli.serving.endpoints import Follow, follow_up
from engine.runs import runs
from engine.serve import endpoints
from engine.subjects import free_names
from storage.tables import Endpoint


def serve_run(
    run: Annotated[str, typer.Argument(help="A run by name or id, or RUN@STEP for a checkpoint.", **CHECKPOINT)],
    name: Annotated[str | None, typer.Option(help="The endpoint's name on /v1; the run's when left out.")] = None,
    backend: Annotated[str, typer.Option(help="transformers or vllm.")] = "transformers",
    follow: Follow = False,
) -> None:
    """Serve what a run has trained, its base beside it, under a name that programs can call."""
    with running_studio.engine(follow) as waiting:
        endpoint = _served(run, name, backend)
        if waiting:
            follow_up(endpoint)
        facts = endpoints.describe(endpoints.look_up(endpoint.id))
    words = f"endpoint {endpoint.id} {endpoint.name} {facts['status']}"
    ask = f"Ask it: tunesmith chat {endpoint.name}    Its code: tunesmith endpoint code {endpoint.name}"
    answer(facts, f"{words}\n{ask}")


def _served(run: str, name: str | None, backend: str) -> Endpoint:
    run_id, _, step = run.partition("@")
    if not name and backend == "transformers":
        return endpoints.serve_run(run)
    row = runs.look_up(run_id)
    called = name or free_names.of_run(row, step)
    return endpoints.create_endpoint(called, backend, row.model_id, [run], project_id=row.project_id)
