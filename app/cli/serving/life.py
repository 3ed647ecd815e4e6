"""`tunesmith endpoint`: made, started again, told when to sleep, deleted; a version on trial kept."""

import json
from typing import Annotated, Any

import typer

from app.cli import running_studio
from app.cli.called import ADAPTER, MODEL, ProjectName
from app.cli.printed import answer, as_json, say
from app.cli.serving.endpoints import Follow, Named, find, follow_up, options_of
from engine.serve import endpoints
from engine.serve.takeover import handover
from engine.serve.waking import sleeping
from storage.tables import DEFAULT_PROJECT, Endpoint

Options = Annotated[
    list[str] | None, typer.Option("--option", metavar="NAME=VALUE", help="An option of the backend; repeatable.")
]
Runs = Annotated[
    list[str] | None, typer.Option("--run", help="A run whose adapter is served, or RUN@STEP; repeatable.", **ADAPTER)
]


def create(  # noqa: PLR0913  (one argument for each option)
    name: Annotated[str, typer.Argument(help="Its name on /v1.")],
    model: Annotated[str | None, typer.Option("--model", help="The base model.", **MODEL)] = None,
    runs: Runs = None,
    backend: Annotated[str, typer.Option(help="transformers, vllm, llama or external.")] = "transformers",
    option: Options = None,
    project: ProjectName = DEFAULT_PROJECT,
    follow: Follow = False,
) -> None:
    """Serve a model, with any adapters, under a name that programs can call."""
    with running_studio.engine(follow) as waiting:
        endpoint = endpoints.create_endpoint(name, backend, model, runs or (), options_of(option), project)
        _told(endpoint, waiting)


def start(endpoint: Named, follow: Follow = False) -> None:
    """Start an endpoint again that was stopped or has failed, with what it served last."""
    with running_studio.engine(follow) as waiting:
        row = find(endpoint)
        endpoints.start_endpoint(row.id)
        _told(endpoints.look_up(row.id), waiting)


def idle(
    endpoint: Named,
    minutes: Annotated[str, typer.Argument(metavar="MINUTES|never", help="Without a request, until it sleeps.")],
) -> None:
    """Set after how many minutes without a request an endpoint sleeps, or never."""
    row = find(endpoint)
    changed = sleeping.set_idle_minutes(row.id, None if minutes == "never" else _number(minutes))
    when = "never sleeps" if changed.idle_minutes is None else f"sleeps after {changed.idle_minutes:g} min"
    answer(endpoints.describe(changed), f"{changed.name} {when}")


def promote(endpoint: Named) -> None:
    """Have the version on trial take over now. `rollback` sends it back."""
    row = find(endpoint)
    handover.decide(row.id, "promote")
    answer(endpoints.describe(endpoints.look_up(row.id)), f"{row.name}: the version on trial takes over")


def delete(
    endpoint: Named,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask where it still answers.")] = False,
) -> None:
    """Delete an endpoint with its log. One that answers is stopped first, after a question."""
    row = find(endpoint)
    if row.stopped_at is None and not yes:
        typer.confirm(f"{row.name} may be answering. Stop and delete it?", abort=True, err=True)
    endpoints.delete_endpoint(row.id)
    answer({"id": row.id, "deleted": True}, f"The endpoint {row.name} is deleted.")


def show(endpoint: Named) -> None:
    """Show an endpoint: what answers, its names, when it sleeps."""
    described = endpoints.describe(find(endpoint))
    answer(described, json.dumps(described, indent=2, default=str))


def _told(endpoint: Endpoint, waiting: bool) -> None:
    described: dict[str, Any] = endpoints.describe(endpoint)
    say(f"endpoint {endpoint.id} {endpoint.name} {described['status']}")
    if waiting:
        follow_up(endpoint)
        described = endpoints.describe(endpoints.look_up(endpoint.id))
    if as_json():
        answer(described)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r:.40} is neither minutes nor never.") from None
