"""Benchmarks: an endpoint measured under a stated load. running -> succeeded | failed | stopped.

The load comes from a worker (engine.workers.benchmarks.measure), never from the studio's own process. One is measured
at a time: two would measure each other. What was found is kept in the row when the work is over (`tick`), with what was
under way beside it, and stays when the endpoint is deleted.
"""

import time
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlmodel import Session

from engine.accounts import keys
from engine.benchmarks import circumstances
from engine.benchmarks.load import Load
from engine.data import datasets
from engine.errors import ConflictError, NotFoundError, RefusedError
from engine.existing import existing
from engine.process import rounds, work
from engine.serve import endpoints, probe, routing
from engine.serve.routing import Upstream
from storage import benchmarks, db, home
from storage.statuses import WORK_MOVING, DatasetStatus, WorkStatus
from storage.tables import Backend, Benchmark, Endpoint, Work

KIND = "benchmark"
NOUN = "benchmarks"
KEY = "TUNESMITH_BENCHMARK_KEY"  # how the worker is told a key (engine.workers.benchmarks.stream)
LEVELS = "levels.json"  # what the worker has measured so far
ASKING = ("chat", "completion", "prompt", "preference", "unpaired", "stepwise")  # kinds of rows that ask something
BEGIN_SECONDS = 60  # a benchmark that has no work after so long will never have any
MOST_COMPARED = 8


@dataclass(frozen=True)
class Wanted:
    """What to measure. `model` is any name of the endpoint; `gateway` the studio's address, to go through /v1."""

    endpoint_id: str
    load: Load
    model: str | None = None
    gateway: str | None = None


def create(request: Wanted) -> Benchmark:
    """Begins to measure, and returns at once. Raises NotFoundError; RefusedError for a dataset that asks nothing;
    ConflictError while another benchmark is under way, and NotReadyError while the endpoint does not answer."""
    endpoint, backend, upstream = _answering(request)
    rows = _rows(request.load)
    benchmark = Benchmark(
        project_id=endpoint.project_id,
        endpoint_id=endpoint.id,
        endpoint_name=endpoint.name,
        model=request.model or endpoint.name,
        through="gateway" if request.gateway else "backend",
        load=request.load.model_dump(mode="json"),
        facts=circumstances.known_before(endpoint, backend, upstream),
    )
    with db.session() as session:
        _refuse_second(session)
        session.add(benchmark)
    _begin(benchmark, upstream, request, rows)
    return look_up(benchmark.id)


def address_of(scope: MutableMapping[str, Any]) -> str:
    """Where a request to the studio came in (its ASGI scope): the studio's own address on this machine.

    Raises RefusedError where it came in without one, as through a Unix socket.
    """
    host, port = scope.get("server") or ("", None)
    if not port:
        raise RefusedError("The studio's own address is not known here.", "Measure the backend.")
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _answering(request: Wanted) -> tuple[Endpoint, Backend, Upstream]:
    endpoint = endpoints.look_up(request.endpoint_id)
    name = request.model or endpoint.name
    routing.refresh()
    upstream = routing.upstream(name)
    if upstream.endpoint_id != endpoint.id:
        raise RefusedError(f"`{name:.100}` is not a name of endpoint `{endpoint.name}`.", "Its card lists its names.")
    with db.reading() as session:
        backend = existing(session, Backend, upstream.backend_id)
    return endpoint, backend, upstream


def _rows(load: Load) -> dict[str, str]:
    """Where the worker finds the rows to ask; empty with random words."""
    if load.dataset_id is None:
        return {}
    dataset = datasets.look_up(load.dataset_id)
    if dataset.status != DatasetStatus.READY:
        raise ConflictError(f"Dataset `{dataset.name}` is {dataset.status}.", "Wait until it is ready.")
    if dataset.kind not in ASKING:
        hint = f"Take one of the kinds {', '.join(ASKING)}, or random words."
        raise RefusedError(f"Rows of dataset `{dataset.name}` have no prompts: their kind is {dataset.kind}.", hint)
    return {"rows": str(datasets.blob(dataset)), "kind": str(dataset.kind)}


def _refuse_second(session: Session) -> None:
    other = benchmarks.under_way(session)
    if other is not None:
        message = f"Benchmark {other.id} of `{other.model}` is under way."
        raise ConflictError(message, "Two at once would disturb each other. Wait for it, or stop it.")


def _begin(benchmark: Benchmark, upstream: Upstream, request: Wanted, rows: dict[str, str]) -> None:
    secret, key_id = _secret(benchmark, upstream, request)
    address = f"{request.gateway.rstrip('/')}/v1" if request.gateway else upstream.address
    spec = {
        "benchmark_id": benchmark.id,  # each measurement is a work of its own, however alike
        "address": address,
        "model": benchmark.model if request.gateway else upstream.model,
        "load": benchmark.load,
        "is_outside": not upstream.address.startswith(probe.UNIX),
        **rows,
    }
    try:
        started = work.start(KIND, benchmark.id, spec, {KEY: secret} if secret else None)
    except BaseException:  # raised again: what was not begun must hold up no other
        forget(benchmark, key_id)
        raise
    with db.session() as session:
        row = existing(session, Benchmark, benchmark.id)
        row.work_id, row.key_id = started.id, key_id


def _secret(benchmark: Benchmark, upstream: Upstream, request: Wanted) -> tuple[str | None, str | None]:
    """What opens the server that is asked: a key of the studio made for this, or that of an outside API."""
    if request.gateway:
        key, secret = keys.create_key(f"benchmark {benchmark.id}")
        return secret, key.id
    header = probe.key_headers(upstream.key_env).get("authorization", "")
    return header.removeprefix("Bearer ") or None, None


def forget(benchmark: Benchmark, key_id: str | None = None) -> None:
    """Ends and removes a benchmark with its work and its key."""
    with db.session() as session:
        if (row := benchmarks.get(session, benchmark.id)) is not None:
            key_id = key_id or row.key_id
            session.delete(row)
    work.forget_subject(benchmark.id)
    _revoke(key_id)


def _revoke(key_id: str | None) -> None:
    if key_id is not None:
        try:
            keys.revoke_key(key_id)
        except NotFoundError:
            return  # revoked already, by a person


def look_up(benchmark_id: str) -> Benchmark:
    """Raises NotFoundError."""
    with db.reading() as session:
        return existing(session, Benchmark, benchmark_id)


def wait(benchmark_id: str, seconds: float) -> Benchmark:
    """The benchmark when it is over, or as it is after `seconds`."""
    benchmark = look_up(benchmark_id)
    if benchmark.work_id and benchmark.status in WORK_MOVING:
        work.wait(benchmark.work_id, seconds)
        _settle(benchmark)
    return look_up(benchmark_id)


def stop(benchmark_id: str) -> Benchmark:
    """Ends it. The levels that were measured to their end are kept."""
    benchmark = look_up(benchmark_id)
    if benchmark.status in WORK_MOVING:
        levels = measured_so_far(benchmark)
        if benchmark.work_id:
            work.stop(benchmark.work_id)
        _end(benchmark, WorkStatus.STOPPED, {"levels": levels, "saturates_at": None, "facts": {}})
    return look_up(benchmark_id)


def delete(benchmark_id: str) -> None:
    """Ends and removes it. Raises NotFoundError."""
    forget(look_up(benchmark_id))


def tick() -> None:
    """Takes in what benchmarks that are over have found."""
    rounds.each(NOUN, Benchmark, benchmarks.moving, _settle)


def _settle(benchmark: Benchmark) -> None:
    if benchmark.work_id is None:
        if time.time() - benchmark.created_at > BEGIN_SECONDS:
            _end(benchmark, WorkStatus.FAILED, {}, "The studio ended before it began.", "Measure again.")
        return
    try:
        done = work.look_up(benchmark.work_id)
    except NotFoundError:
        _end(benchmark, WorkStatus.FAILED, {}, "Its work was removed.", "Measure again.")
        return
    if done.status not in WORK_MOVING:
        result = done.result or {"levels": measured_so_far(benchmark), "saturates_at": None, "facts": {}}
        _end(benchmark, done.status, result, done.error, done.hint)


def _end(
    benchmark: Benchmark, status: WorkStatus, result: dict[str, Any], error: str | None = None, hint: str | None = None
) -> None:
    """Writes the end once, with the trainings that were under way at any moment of it."""
    ended_at = time.time()
    with db.session() as session:
        row = benchmarks.get(session, benchmark.id)
        if row is None or row.status not in WORK_MOVING:
            return
        trainings = list(benchmarks.trainings_between(session, row.created_at, ended_at))
        row.facts = {**row.facts, **result.get("facts", {}), "trainings": trainings}
        row.result = {name: value for name, value in result.items() if name != "facts"}
        row.status, row.error, row.hint, row.ended_at = status, error, hint, ended_at
    _revoke(row.key_id)


def measured_so_far(benchmark: Benchmark) -> list[dict[str, Any]]:
    """The levels that the worker has finished."""
    try:
        content = (home.work_folder(benchmark.work_id or "none") / LEVELS).read_bytes()
    except OSError:
        return []
    levels: list[dict[str, Any]] = orjson.loads(content)
    return levels


def describe(benchmark: Benchmark) -> dict[str, Any]:
    """All there is to say: progress while it is under way, the levels so far, what was under way beside it."""
    doing = _work_of(benchmark) if benchmark.status in WORK_MOVING else None
    levels = measured_so_far(benchmark) if doing else benchmark.result.get("levels", [])
    facts = {**benchmark.facts, "beside": circumstances.other_load(benchmark.facts)}
    fields = ("id", "project_id", "endpoint_id", "endpoint_name", "model", "through", "load", "status", "error", "hint",
              "created_at", "ended_at")  # fmt: skip
    return {
        **{field: getattr(benchmark, field) for field in fields},
        "name": f"{benchmark.model} {benchmark.id[:4]}",
        "progress": doing.progress if doing else None,
        "stage": doing.stage if doing else "",
        "facts": facts,
        "levels": levels,
        "saturates_at": benchmark.result.get("saturates_at"),
    }


def _work_of(benchmark: Benchmark) -> Work | None:
    try:
        return work.look_up(benchmark.work_id or "none")
    except NotFoundError:
        return None


def several(benchmark_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Described, in that order. Raises NotFoundError, or RefusedError for too many."""
    if not 1 <= len(benchmark_ids) <= MOST_COMPARED:
        raise RefusedError(f"{len(benchmark_ids)} benchmarks cannot be compared.", f"Name 1 to {MOST_COMPARED}.")
    return [describe(look_up(benchmark_id)) for benchmark_id in dict.fromkeys(benchmark_ids)]
