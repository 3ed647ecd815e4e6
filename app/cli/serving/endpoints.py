"""`tunesmith endpoint`: what is served, another version of it, its sleep and its end."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli import running_studio
from app.cli.called import ADAPTER, MODEL
from app.cli.completion import names
from app.cli.printed import answer, as_json, say, say_json
from engine import called
from engine.errors import NotFoundError, RefusedError, TunesmithError
from engine.serve import endpoints
from engine.serve.rollout import asked
from engine.serve.takeover.deployment import Wanted
from engine.serve.waking import sleeping
from storage import db
from storage import endpoints as stored
from storage.statuses import EndpointStatus
from storage.tables import Backend, Endpoint

commands = typer.Typer(
    help="Endpoints: made, listed, deployed to, put to sleep, stopped, deleted.", no_args_is_help=True
)

Named = Annotated[str, typer.Argument(metavar="ENDPOINT", help="Its name or id.", autocompletion=names.of("endpoint"))]
WAYS = "beside starts it next to the old version, replace stops the old one first, auto takes what fits."
Way = Annotated[str, typer.Option(help=WAYS)]
Follow = Annotated[bool, typer.Option("--follow", help="Wait for the end, even if a studio does the work.")]
Adapters = Annotated[
    list[str] | None, typer.Option("--run", help="A run whose adapter is served, or RUN@STEP; repeatable.", **ADAPTER)
]
BaseModel = Annotated[str | None, typer.Option("--model", help="The base model; as now when left out.", **MODEL)]
_ENDS = (EndpointStatus.READY, EndpointStatus.STOPPED, EndpointStatus.FAILED, EndpointStatus.ASLEEP)


def find(named: str) -> Endpoint:
    """The endpoint of that id, or the one in use of that name. Raises NotFoundError."""
    db.prepare()
    with db.reading() as session:
        return called.find(session, Endpoint, named)


@commands.command("list")
def list_endpoints() -> None:
    """List endpoints, the newest first: id, status, what answers, name, and what is being started."""
    db.prepare()
    with db.reading() as session:
        listed = stored.recent(session)
    described = endpoints.describe_all(listed)
    if as_json():
        return say_json(described)
    for facts in described:
        deploying = f"  (deploying: {facts['deploying']['status']})" if facts["deploying"] else ""
        silent = "  (does not answer)" if facts["life"]["silent"] else ""
        columns = f"{facts['id']}  {facts['status']:<9} {facts.get('kind') or '-':<13}"
        say(f"{columns} {facts['name']}{silent}{deploying}")
    return None


@commands.command()
def deploy(  # noqa: PLR0913  (one argument for each option)
    endpoint: Named,
    runs: Adapters = None,
    model: BaseModel = None,
    backend: Annotated[str | None, typer.Option("--backend", help="transformers, vllm; as now when left out.")] = None,
    option: Annotated[
        list[str] | None, typer.Option("--option", metavar="NAME=VALUE", help="An option of the backend; repeatable.")
    ] = None,
    canary: Annotated[
        float | None, typer.Option(help="Share of the requests it answers on trial, such as 0.1.")
    ] = None,
    canary_seconds: Annotated[int, typer.Option(help="How long the trial lasts at least.")] = 120,
    golden: Annotated[
        Path | None,
        typer.Option(help="File of golden prompts: a text, or an object with prompt and answer, in JSON on each line."),
    ] = None,
    parity: Annotated[
        bool, typer.Option("--parity", help="Compare with the trained form first; a real difference stops it.")
    ] = False,
    way: Way = "auto",
    plan: Annotated[bool, typer.Option("--plan", help="Only say how it would go.")] = False,
    follow: Follow = False,
) -> None:
    """Serve another version: it starts beside the old one, proves itself and takes over; or is tried first."""
    prompts = _golden(golden)
    trial = {"canary": canary, "canary_seconds": canary_seconds}
    how = asked.checked({**trial, "golden": prompts, "parity": parity, "way": way})
    request = Wanted(backend, model, runs or None, options_of(option))
    if plan:
        db.prepare()
        planned = endpoints.plan_deployment(find(endpoint).id, request, how)
        return answer(planned, planned.says)
    with running_studio.engine(follow) as waiting:
        row = find(endpoint)
        say(endpoints.plan_deployment(row.id, request, how).says)
        green = endpoints.deploy(row.id, request.kind, request.model_id, request.adapters, request.options, how)
        _until_ready(row.id, green, waiting)
    return None


def _golden(path: Path | None) -> list[Any]:
    if path is None:
        return []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.strip()]
    except (OSError, ValueError) as error:
        hint = 'Write a line such as {"prompt": "What is 17 plus 6?", "answer": "23"}.'
        raise RefusedError(f"The golden prompts of {path} cannot be read: {error}."[:300], hint) from error


def options_of(pairs: Sequence[str] | None) -> dict[str, Any] | None:
    """NAME=VALUE of the backend's options; a value is JSON where it can be. Raises RefusedError."""
    if not pairs:
        return None
    options: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise RefusedError(f"{pair!r} is not NAME=VALUE.", "Such as --option max_model_len=4096.")
        try:
            options[name] = json.loads(value)
        except ValueError:
            options[name] = value
    return options


@commands.command()
def rollback(endpoint: Named, follow: Follow = False) -> None:
    """Serve again what answered before the last deployment; a version that is on trial is taken away."""
    with running_studio.engine(follow) as waiting:
        row = find(endpoint)
        _until_ready(row.id, endpoints.rollback(row.id), waiting)


def _until_ready(endpoint_id: str, backend: Backend, waiting: bool) -> None:
    say(_line(backend))
    if waiting:
        _follow(lambda: _backend(backend.id), EndpointStatus.READY)
    _answer(endpoint_id)


def _answer(endpoint_id: str, words: str = "") -> None:
    """The endpoint as it is now."""
    if as_json() or words:
        answer(endpoints.describe(endpoints.look_up(endpoint_id)), words)


@commands.command()
def sleep(endpoint: Named, follow: Follow = False) -> None:
    """Put an endpoint to sleep: its memory is freed, and the next request wakes it."""
    _change(endpoint, follow, sleeping.sleep, EndpointStatus.ASLEEP)


@commands.command()
def wake(endpoint: Named, follow: Follow = False) -> None:
    """Start a sleeping endpoint before the next request does."""
    _change(endpoint, follow, sleeping.wake, EndpointStatus.READY)


@commands.command()
def stop(endpoint: Named, follow: Follow = False) -> None:
    """Stop an endpoint: its processes end, and its name no longer answers."""
    _change(endpoint, follow, endpoints.stop_endpoint, EndpointStatus.STOPPED)


def _change(named: str, follow: bool, act: Callable[[str], Endpoint], after: EndpointStatus) -> None:
    with running_studio.engine(follow) as waiting:
        endpoint = act(find(named).id)
        active_id = str(endpoint.active_backend_id)
        if waiting:
            _follow(lambda: _backend(active_id), after)
            _answer(endpoint.id)
        else:
            _answer(endpoint.id, f"endpoint {endpoint.name}: {endpoints.describe(endpoint)['status']}")


def _backend(backend_id: str) -> Backend:
    with db.reading() as session:
        backend = stored.backend(session, backend_id)
    if backend is None:
        raise NotFoundError(f"The backend {backend_id} is gone.", "Its endpoint was deleted.")
    return backend


def follow_up(endpoint: Endpoint) -> None:
    """Waits until an endpoint answers, saying how far it is. Raises TunesmithError."""
    active_id = str(endpoint.active_backend_id)
    _follow(lambda: _backend(active_id), EndpointStatus.READY)


def _follow(look: Callable[[], Backend], after: EndpointStatus) -> None:
    """Waits until a backend has come to an end. Raises TunesmithError when it is another one than `after`."""
    backend = running_studio.follow(
        look, lambda row: row.status in _ENDS and (row.status == after or row.status != EndpointStatus.READY), _line,
        say, lambda row: {"backend_id": row.id, "status": row.status},
    )  # fmt: skip
    if backend.status != after:
        raise TunesmithError(backend.error or f"It ended as {backend.status}.", backend.hint or "")


def _line(backend: Backend) -> str:
    return f"backend {backend.id} {backend.status}"
