"""A tuner: options of an endpoint tried one after another under a stated load, and the best offered for use.

    starting -> waiting -> measuring -> ending -> starting ...      the next variant
                                          └────> returning -> over  the endpoint comes back, if it had to rest

Each variant is a temporary endpoint and a benchmark. Where memory fits one only, the endpoint rests meanwhile (in
place). Everything is in the row, so a tuner goes on after a restart of the studio; one that was stopped still puts away
what it has started.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from engine.benchmarks import benchmarks, variants
from engine.benchmarks.benchmarks import Wanted
from engine.benchmarks.load import Load
from engine.benchmarks.tuner_plan import TunerWanted, checked
from engine.errors import ConflictError, NotFoundError, TunesmithError
from engine.existing import existing
from engine.process import rounds
from engine.serve import endpoints
from engine.serve.routing import NotReadyError
from storage import benchmarks as stored
from storage import db
from storage import endpoints as stored_endpoints
from storage.statuses import SERVING_MOVING, WORK_MOVING, EndpointStatus, WorkStatus
from storage.tables import Backend, Benchmark, Endpoint, Tuner

Changes = Mapping[str, Any]

NOUN = "tuners"
OVER = "over"
WAIT_SECONDS = 1200  # for a variant to answer; vLLM with a large model takes minutes


def create(request: TunerWanted) -> Tuner:
    """Begins to try options. Raises RefusedError for options that the backend does not have, ConflictError while
    another tuner is at it, NotFoundError."""
    endpoint, backend, tried, in_place = checked(request)
    tuner = Tuner(
        project_id=endpoint.project_id,
        endpoint_id=endpoint.id,
        endpoint_name=endpoint.name,
        load=request.load.model_dump(mode="json"),
        in_place=in_place,
        backend={name: getattr(backend, name) for name in ("kind", "model_id", "adapters", "options")},
        variants=tried,
    )
    with db.session() as session:
        for other_id in stored.moving_tuners(session):
            hint = "Two at once would disturb each other. Wait for it, or stop it."
            raise ConflictError(f"Tuner {other_id} is under way.", hint)
        session.add(tuner)
    return tuner


def look_up(tuner_id: str) -> Tuner:
    """Raises NotFoundError."""
    with db.reading() as session:
        return existing(session, Tuner, tuner_id)


def stop(tuner_id: str) -> Tuner:
    """Ends it; what it has started ends within seconds, and the endpoint comes back if it rested."""
    tuner = look_up(tuner_id)
    if tuner.status in WORK_MOVING:
        with db.session() as session:
            row = existing(session, Tuner, tuner_id)
            row.status, row.ended_at, row.moved_at = WorkStatus.STOPPED, time.time(), time.time()
            row.stage = "ending"
        if tuner.benchmark_id:
            _stop_benchmark(tuner.benchmark_id)
    return look_up(tuner_id)


def _stop_benchmark(benchmark_id: str) -> None:
    try:
        benchmarks.stop(benchmark_id)
    except NotFoundError:
        return  # deleted by a person


def delete(tuner_id: str) -> None:
    """Forgets a tuner; its benchmarks stay. Raises ConflictError while it is at it."""
    tuner = look_up(tuner_id)
    if tuner.stage != OVER:
        raise ConflictError(f"Tuner {tuner_id} is under way.", "Stop it first, and wait until it has cleaned up.")
    with db.session() as session:
        session.delete(existing(session, Tuner, tuner_id))


def apply(tuner_id: str) -> Backend:
    """Deploys the best options to the endpoint. Raises ConflictError before the end, or when nothing was better."""
    tuner = look_up(tuner_id)
    place = variants.best(tuner.variants)
    if tuner.stage != OVER or place is None:
        raise ConflictError(f"Tuner {tuner_id} has found nothing to use.", "Wait until it is over.")
    if place == 0:
        raise ConflictError("The present options were the best.", "There is nothing to change.")
    best, kind = tuner.variants[place]["options"], tuner.backend["kind"]
    deployed = endpoints.deploy(
        tuner.endpoint_id, kind, tuner.backend["model_id"], tuner.backend["adapters"], dict(best)
    )
    with db.session() as session:
        existing(session, Tuner, tuner_id).applied_at = time.time()
    return deployed


def tick() -> None:
    """Moves the tuner that is at it on by one stage."""
    rounds.each(NOUN, Tuner, stored.moving_tuners, _move_on)


def _move_on(tuner: Tuner) -> None:
    try:
        changes = STAGES[tuner.stage](tuner)
    except (ConflictError, NotReadyError):
        return  # something else is measured, or the endpoint is on its way: the next round asks again
    except TunesmithError as error:
        changes = _given_up(tuner, error.message, error.hint)
    if changes:
        _change(tuner, changes)


def _change(tuner: Tuner, changes: Changes) -> None:
    """Compare-and-set: one that was stopped meanwhile is left alone."""
    with db.session() as session:
        row = session.get(Tuner, tuner.id)
        if row is not None and (row.stage, row.position, row.status) == (tuner.stage, tuner.position, tuner.status):
            row.sqlmodel_update({"moved_at": time.time(), **changes})


def _given_up(tuner: Tuner, error: str, hint: str = "") -> Changes:
    failed = {"status": WorkStatus.FAILED, "error": error, "hint": hint, "ended_at": time.time()}
    following = {"ending": "returning", "returning": OVER}.get(tuner.stage, "ending")
    return {"stage": following, **(failed if _goes_on(tuner) else {})}


def _goes_on(tuner: Tuner) -> bool:
    return tuner.status in WORK_MOVING


def _starting(tuner: Tuner) -> Changes:
    if tuner.position >= len(tuner.variants):
        return {"stage": "returning"}
    if tuner.in_place and not _rests(tuner.endpoint_id):
        return {}
    trial = _trial(tuner) or endpoints.create_endpoint(
        trial_name(tuner),
        tuner.backend["kind"],
        tuner.backend["model_id"],
        tuple(tuner.backend["adapters"]),
        dict(tuner.variants[tuner.position]["options"]),
        tuner.project_id,
    )
    return {"stage": "waiting", "trial_id": trial.id, "variants": _with(tuner, status="starting")}


def _rests(endpoint_id: str) -> bool:
    """Whether an endpoint has stopped and holds no process; asks it to, if it has not been asked yet."""
    endpoint = endpoints.look_up(endpoint_id)
    if endpoint.stopped_at is None:
        endpoints.stop_endpoint(endpoint_id)
    with db.reading() as session:
        rows = stored_endpoints.backends(session, endpoint_id)
    return all(row.status not in SERVING_MOVING for row in rows)


def trial_name(tuner: Tuner) -> str:
    """The name of a variant's temporary endpoint: the same at every try, so that none is made twice."""
    return f"try-{tuner.id}-{tuner.position}"


def _trial(tuner: Tuner) -> Endpoint | None:
    """The endpoint of this variant, when the studio was killed after it was made."""
    with db.reading() as session:
        return stored_endpoints.live_by_name(session, trial_name(tuner))


def _with(tuner: Tuner, **changes: Any) -> list[dict[str, Any]]:
    """The variants, with changes to the one that is tried."""
    return [
        {**variant, **changes} if place == tuner.position else variant for place, variant in enumerate(tuner.variants)
    ]


def _waiting(tuner: Tuner) -> Changes:
    facts = endpoints.describe(endpoints.look_up(str(tuner.trial_id)))
    if facts["status"] == EndpointStatus.READY:
        load = Load.model_validate(tuner.load)
        started = _begun(tuner) or benchmarks.create(Wanted(str(tuner.trial_id), load))
        return {"stage": "measuring", "benchmark_id": started.id, "variants": _with(tuner, status="measuring")}
    is_late = time.time() - tuner.moved_at > WAIT_SECONDS
    if facts["status"] == EndpointStatus.FAILED or facts.get("restarts") or is_late:
        error = facts.get("error") or "It did not answer in time."
        return {"stage": "ending", "variants": _with(tuner, status="failed", error=error)}
    return {}


def _begun(tuner: Tuner) -> Benchmark | None:
    """The benchmark of this variant, when the studio was killed after it had begun."""
    with db.reading() as session:
        return next(iter(stored.recent(session, endpoint_id=tuner.trial_id, limit=1)), None)


def _measuring(tuner: Tuner) -> Changes:
    done = benchmarks.look_up(str(tuner.benchmark_id))
    if done.status in WORK_MOVING:
        return {}
    outcome: dict[str, Any] = {"status": str(done.status), "benchmark_id": done.id, "error": done.error}
    if done.status == WorkStatus.SUCCEEDED:
        outcome |= variants.score_of(done.result["levels"][0])
    return {"stage": "ending", "variants": _with(tuner, **outcome)}


def _ending(tuner: Tuner) -> Changes:
    """Puts the temporary endpoint away, then the next variant, or the end."""
    trial = tuner.trial_id or getattr(_trial(tuner), "id", None)
    try:
        if trial is not None and not _rests(trial):
            return {}
        if trial is not None:
            endpoints.delete_endpoint(trial)
    except NotFoundError:
        pass  # a person has deleted it
    following = "starting" if _goes_on(tuner) else "returning"
    return {"stage": following, "position": tuner.position + 1, "trial_id": None, "benchmark_id": None}


def _returning(tuner: Tuner) -> Changes:
    over: dict[str, Any] = {"stage": OVER}
    if _goes_on(tuner):
        over |= {"ended_at": time.time(), **_verdict(tuner)}
    if tuner.in_place and endpoints.look_up(tuner.endpoint_id).stopped_at is not None:
        endpoints.start_endpoint(tuner.endpoint_id)
    return over


def _verdict(tuner: Tuner) -> Changes:
    if variants.best(tuner.variants) is not None:
        return {"status": WorkStatus.SUCCEEDED}
    first = next((variant["error"] for variant in tuner.variants if variant["error"]), "")
    return {"status": WorkStatus.FAILED, "error": f"No variant could be measured. {first}".strip()}


STAGES: dict[str, Callable[[Tuner], Changes]] = {
    "starting": _starting,
    "waiting": _waiting,
    "measuring": _measuring,
    "ending": _ending,
    "returning": _returning,
}


def describe(tuner: Tuner) -> dict[str, Any]:
    """All there is to say of it: each variant with its numbers and its ratio to the present options."""
    fields = (
        "id", "project_id", "endpoint_id", "endpoint_name", "load", "in_place", "stage", "status", "error", "hint",
        "created_at", "ended_at", "applied_at",
    )  # fmt: skip
    now = tuner.variants[0]["score"]
    tried = [{**variant, "ratio": variant["score"] / now if now and variant["score"] is not None else None}
             for variant in tuner.variants]  # fmt: skip
    return {
        **{field: getattr(tuner, field) for field in fields},
        "variants": tried,
        "best": variants.best(tuner.variants) if tuner.stage == OVER else None,
        "progress": min(1.0, tuner.position / len(tuner.variants)),
    }
