"""How a new backend (green) takes over from the one that answers (blue): prepared, compared, at once or after a trial.

queued     golden prompts are asked of blue; where memory fits one only, blue is stopped, and requests wait
starting   when green has answered a token, the golden prompts are asked of it
ready      takes over by compare-and-set; or gets a share of the requests, and is judged every second
"""

import time

from sqlmodel import Session

from engine.errors import ConflictError, RefusedError, TunesmithError
from engine.existing import existing
from engine.process import work
from engine.process.answers import Answers
from engine.serve import abilities, parity, routing
from engine.serve.rollout import asked, canary, golden, judge
from engine.serve.takeover.moves import end_trial, ended_trial, is_on_trial, retire
from storage import db, endpoints
from storage.statuses import WORK_MOVING, EndpointStatus, WorkStatus
from storage.tables import Backend, Endpoint

_asked: Answers[dict[str, str]] = Answers("golden", is_news=True)  # by backend and attempt: answers to golden prompts


def is_prepared(backend: Backend) -> bool:
    """Whether everything is done that comes before the start of a backend. Nothing waits here: asked every second."""
    return _is_recorded(backend) and _has_room(backend)


def _is_recorded(backend: Backend) -> bool:
    """Blue's answers to the golden prompts are kept with green, as long as blue is there to give them."""
    prompts = [prompt for prompt in asked.of(backend).golden if prompt.answer is None]
    if not prompts or "recorded" in backend.rollout:
        return True
    recorded: dict[str, str] = {}
    if (place := _blue_place(backend)) is not None:
        answer = _asked.to(f"before {backend.id}", lambda: golden.answers(place, prompts))
        if answer is None:
            return False
        recorded = answer.value
    with db.session() as session:
        if (row := endpoints.backend(session, backend.id)) is not None:
            row.rollout = {**row.rollout, "recorded": recorded}
    return True


def _blue_place(backend: Backend) -> golden.Place | None:
    with db.reading() as session:
        endpoint = endpoints.get(session, backend.endpoint_id)
    if endpoint is None or endpoint.active_backend_id == backend.id:
        return None
    try:
        upstream = routing.upstream(endpoint.name)
    except TunesmithError:
        return None  # it does not answer: there is nothing to compare with
    return golden.Place(upstream.address, upstream.model, upstream.key_env)


def _has_room(backend: Backend) -> bool:
    """Where memory fits one only, blue goes first; green takes its place at once, and requests wait for it."""
    if backend.rollout.get("way") != "replace":
        return True
    with db.reading() as session:
        blue = endpoints.backend(session, backend.rollout.get("blue"))
    if blue is None or blue.status in _GONE:
        return True
    if blue.status != EndpointStatus.DRAINING:
        _make_room(backend, blue.id)
    return False


def _make_room(backend: Backend, blue_id: str) -> None:
    with db.session() as session:
        blue, endpoint = endpoints.backend(session, blue_id), endpoints.get(session, backend.endpoint_id)
        if blue is None or endpoint is None or endpoint.stopped_at is not None:
            return
        if endpoint.active_backend_id == blue.id:
            endpoint.active_backend_id, endpoint.previous_backend_id = backend.id, blue.id
            endpoint.waits_since = time.time()
        retire(session, blue, "makes room for the next one")
    routing.forget()


_GONE = (EndpointStatus.STOPPED, EndpointStatus.FAILED, EndpointStatus.ASLEEP)


def agrees(backend: Backend, address: str) -> bool:
    """Whether the golden prompts let it take over; they are asked in another thread.

    Raises RefusedError when one of them is answered otherwise than it has to be, or cannot be asked at all.
    """
    _refuse_numbers(backend)
    if not _is_as_trained(backend, address):
        return False
    prompts = asked.of(backend).golden
    if not prompts:
        return True
    place = golden.Place(address, _called(backend), backend.options.get("api_key_env"))
    answer = _asked.to(f"{backend.id} {backend.attempt}", lambda: golden.answers(place, prompts))
    if answer is None:
        return False
    compared = golden.compare(prompts, backend.rollout.get("recorded", {}), answer.value)
    with db.session() as session:
        if (row := endpoints.backend(session, backend.id)) is not None:
            row.outcome = {**row.outcome, "golden": compared}
    wrong = [answer for answer in compared if answer["required"] and not answer["same"]]
    if wrong:
        message = f"{len(wrong)} of {len(compared)} golden prompts got another answer than required."
        first = wrong[0]
        answered = "nothing" if first["answer"] is None else repr(first["answer"])[:200]
        hint = f"{first['prompt'][:100]!r} was answered with {answered} instead of {first['expected'][:200]!r}."
        raise RefusedError(message, hint)
    return True


def _refuse_numbers(backend: Backend) -> None:
    """Raises RefusedError where what was asked needs written answers, or the two versions do not do the same."""
    how = asked.of(backend)
    if how.golden:
        abilities.refuse_other(backend, "A golden prompt")
    if how.canary is None:
        return
    with db.reading() as session:
        endpoint = endpoints.get(session, backend.endpoint_id)
        blue = endpoints.backend(session, endpoint.active_backend_id if endpoint else None)
    if blue is not None and blue.ready_at and abilities.of(blue) != abilities.of(backend):
        words = abilities.WORDS
        message = f"The new version {words[abilities.of(backend)]}; the version before {words[abilities.of(blue)]}."
        raise RefusedError(message, "A trial compares two that do the same: deploy without `canary`.")


def _is_as_trained(backend: Backend, address: str) -> bool:
    """Whether a comparison with the trained form lets it take over; nothing is compared unless that was asked for."""
    if not asked.of(backend).parity or backend.kind == "external":
        return True
    with db.reading() as session:
        endpoint = existing(session, Endpoint, backend.endpoint_id)
    newest = work.latest(endpoint.id, parity.KIND)
    if newest is None or newest.spec.get("backend_id") != backend.id:
        newest = parity.begin(endpoint, backend, address)
    if newest.status in WORK_MOVING:
        return False
    if newest.status != WorkStatus.SUCCEEDED:
        raise RefusedError(f"The comparison with the trained form failed: {newest.error}", newest.hint or "")
    if (difference := parity.problem(newest.result)) is not None:
        raise RefusedError(difference, "The endpoint's card shows where. Deploy without `parity` to take it anyway.")
    return True


def _called(backend: Backend) -> str:
    """What its server calls the endpoint's own name."""
    with db.reading() as session:
        endpoint = endpoints.get(session, backend.endpoint_id)
    return routing.called(endpoint, backend, endpoint.name) if endpoint else backend.served_names[0]


def begin(session: Session, endpoint: Endpoint, backend: Backend) -> None:
    """What a backend does that has just become ready: it takes over, or begins its trial beside one that answers."""
    endpoint.waits_since = None
    if endpoint.active_backend_id == backend.id:
        return
    blue = endpoints.backend(session, endpoint.active_backend_id)
    if asked.of(backend).canary is not None and blue is not None and blue.status == EndpointStatus.READY:
        endpoint.canary_backend_id = backend.id
        backend.outcome = {**backend.outcome, "canary": canary.begun()}
    else:
        _flip(session, endpoint, backend, "another backend took over")


def _flip(session: Session, endpoint: Endpoint, backend: Backend, reason: str) -> None:
    """Makes it the one that answers, unless somebody else has changed that meanwhile."""
    session.flush()
    blue_id = endpoint.active_backend_id
    if not endpoints.switch_active(session, endpoint.id, blue_id, backend.id):
        return
    session.refresh(endpoint)
    end_trial(endpoint, backend.id)
    if (blue := endpoints.backend(session, blue_id)) is not None:
        retire(session, blue, reason)


def end_trial_when_due(backend: Backend) -> None:
    """Ends a trial when its time has come: green takes over, or goes."""
    canary.save()
    with db.reading() as session:
        row = endpoints.backend(session, backend.id)
    if row is None or not is_on_trial(row):
        return
    facts = row.outcome["canary"]
    seconds, planned = time.time() - facts["since"], asked.of(row).canary_seconds
    verdict = judge.verdict(canary.side_of(facts, "blue"), canary.side_of(facts, "green"), seconds, planned)
    if verdict.word != "on":
        _end_trial(row.endpoint_id, row.id, verdict)


def _end_trial(endpoint_id: str, backend_id: str, verdict: judge.Verdict) -> None:
    with db.session() as session:
        endpoint, green = endpoints.get(session, endpoint_id), endpoints.backend(session, backend_id)
        if endpoint is None or green is None or endpoint.canary_backend_id != green.id or not is_on_trial(green):
            return
        green.outcome = ended_trial(green, verdict.word, verdict.reason)
        end_trial(endpoint, green.id)
        if verdict.word == "promote":
            _flip(session, endpoint, green, "another backend took over")
        else:
            session.flush()
            retire(session, green, verdict.reason[:200])
    routing.forget()


def decide(endpoint_id: str, word: judge.Word) -> None:
    """Ends the trial of an endpoint by hand. Raises NotFoundError, and ConflictError when there is none."""
    canary.save()
    with db.reading() as session:
        endpoint = existing(session, Endpoint, endpoint_id)
    if endpoint.canary_backend_id is None:
        hint = "Deploy with `canary` first: the share of the requests that the new version answers."
        raise ConflictError(f"Endpoint `{endpoint.name}` has no deployment on trial.", hint)
    _end_trial(endpoint.id, endpoint.canary_backend_id, judge.Verdict(word, "Decided by a person."))
