"""Aliases: moved with a reason, compare-and-set, logged, rolled back; and the endpoints that follow one."""

import threading
import time

import pytest

from engine.errors import ConflictError, NotFoundError, RefusedError, TunesmithError
from engine.models import models
from engine.registry import aliases, following, registered, versions
from engine.registry.aliases import Promotion
from engine.serve import endpoints
from storage import db
from storage import endpoints as stored
from storage.statuses import EndpointStatus
from storage.tables import AliasFollower, ModelAlias, Run
from tests.engine.serve.looking import says
from tests.serving import active, backend, bring_up, finished_run, until


@pytest.fixture
def jokes(runs: tuple[Run, Run]) -> tuple[Run, Run]:
    """The model `jokes` with two versions."""
    for run in runs:
        versions.add("jokes", run_id=run.id)
    return runs


def leads_to(alias: str = "production") -> int:
    with db.reading() as session:
        model = registered.found(session, "jokes")
        led = session.get_one(ModelAlias, (model.id, alias))
    return next(number for number in (1, 2) if versions.look_up("jokes", number).id == led.version_id)


def test_a_move_has_a_reason_and_the_log_knows_who_and_why(jokes: tuple[Run, Run]) -> None:
    aliases.move("jokes", "production", Promotion(1, "the first that works", "anna"))
    moved = aliases.move("jokes", "production", Promotion(2, "fewer bad puns", "ben"))
    assert (moved.before, moved.after) == (1, 2)
    back = aliases.roll_back("jokes", "production", "it forgot the punch line", who="anna")
    assert (back.before, back.after) == (2, 1)
    lines, count = aliases.log("jokes")
    told = [(line.action, line.before, line.after, line.who, line.why) for line in lines if line.action == "moved"]
    assert told == [
        ("moved", 2, 1, "anna", "it forgot the punch line"),
        ("moved", 1, 2, "ben", "fewer bad puns"),
        ("moved", None, 1, "anna", "the first that works"),
    ]
    assert count == 5  # with the two versions that were kept


def test_a_move_without_sense_changes_nothing(jokes: tuple[Run, Run]) -> None:
    wrong: list[tuple[str, Promotion, type[TunesmithError]]] = [
        ("production", Promotion(9, "why"), NotFoundError),
        ("production", Promotion(1, "  "), RefusedError),
        ("production", Promotion(1, "\u202e"), RefusedError),
        ("a/b", Promotion(1, "why"), RefusedError),
        ("<i>", Promotion(1, "why"), RefusedError),
        ("production", Promotion(1, "why", expected=2), ConflictError),
    ]
    for alias, wanted, error in wrong:
        with pytest.raises(error):
            aliases.move("jokes", alias, wanted)
    with pytest.raises(NotFoundError):
        aliases.roll_back("jokes", "production", "why")
    aliases.move("jokes", "production", Promotion(1, "first"))
    with pytest.raises(ConflictError, match="never led to another version"):
        aliases.roll_back("jokes", "production", "why")


def test_of_two_promotions_at_once_one_is_told_that_the_other_was_faster(jokes: tuple[Run, Run]) -> None:
    aliases.move("jokes", "production", Promotion(1, "first"))
    versions.add("jokes", run_id=jokes[0].id)
    start = threading.Barrier(2)
    ended: list[int | str] = []

    def promote(number: int) -> None:
        start.wait()
        try:
            ended.append(aliases.move("jokes", "production", Promotion(number, "mine", expected=1)).after)
        except ConflictError as error:
            ended.append(error.message)

    threads = [threading.Thread(target=promote, args=(number,)) for number in (2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (won,) = [end for end in ended if isinstance(end, int)]
    (lost,) = [end for end in ended if isinstance(end, str)]
    assert lost == f"The alias `production` of `jokes` leads to version {won} now: somebody else has moved it."
    assert [line.after for line in aliases.log("jokes")[0] if line.action == "moved"] == [won, 1]


@pytest.mark.usefixtures("fake_server")
def test_an_endpoint_follows_its_alias_by_a_blue_green_deployment(jokes: tuple[Run, Run]) -> None:
    aliases.move("jokes", "production", Promotion(1, "first"))
    endpoint = following.serve("funny", "version:jokes@production")
    blue = bring_up(endpoint)
    assert says("funny").startswith(f"{jokes[0].id} says")
    moved = aliases.move("jokes", "production", Promotion(2, "better"))
    (state,) = moved.endpoints
    assert (state["endpoint"], state["status"], state["version"]) == ("funny", "deploying", 2)
    assert says("funny").startswith(f"{jokes[0].id} says")  # until the new one has proved itself
    green = newest(endpoint.id)
    until(green, EndpointStatus.READY)
    assert active(endpoint).id == green
    assert says("funny").startswith(f"{jokes[1].id} says")
    until(blue.id, EndpointStatus.STOPPED)
    model = registered.look_up("jokes")
    assert following.states(model.id)[0]["status"] == "serving"
    with pytest.raises(ConflictError, match="the endpoint `funny` serves it"):
        versions.delete("jokes", 2)
    with pytest.raises(ConflictError, match="the endpoint `funny` follows it"):
        aliases.remove("jokes", "production")
    following.unfollow(endpoint.id)
    aliases.remove("jokes", "production")


def newest(endpoint_id: str) -> str:
    with db.reading() as session:
        return str(session.get_one(AliasFollower, endpoint_id).backend_id)


@pytest.mark.usefixtures("fake_server")
def test_a_move_during_a_deployment_gives_that_up_and_the_last_version_answers(jokes: tuple[Run, Run]) -> None:
    versions.add("jokes", run_id=finished_run_of(jokes).id)
    aliases.move("jokes", "production", Promotion(1, "first"))
    endpoint = following.serve("funny", "version:jokes@production")
    bring_up(endpoint)
    aliases.move("jokes", "production", Promotion(2, "second"))
    given_up = newest(endpoint.id)
    aliases.move("jokes", "production", Promotion(3, "third"))
    assert backend(given_up).status in (EndpointStatus.STOPPED, EndpointStatus.DRAINING)
    until(newest(endpoint.id), EndpointStatus.READY)
    assert active(endpoint).adapters == [versions.look_up("jokes", 3).run_id]


def finished_run_of(jokes: tuple[Run, Run]) -> Run:
    return finished_run(models.look_up(jokes[0].model_id), "third")


@pytest.mark.usefixtures("fake_server")
def test_what_a_kill_cut_off_between_move_and_deployment_is_done_by_the_next_round(
    jokes: tuple[Run, Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    aliases.move("jokes", "production", Promotion(1, "first"))
    endpoint = following.serve("funny", "version:jokes@production")
    bring_up(endpoint)
    second = versions.look_up("jokes", 2)
    with db.session() as session:  # as a kill leaves it: the alias was moved, nothing more
        model = registered.found(session, "jokes")
        led = session.get_one(ModelAlias, (model.id, "production"))
        led.version_id, led.moved_at = second.id, time.time()
    following.tick()
    assert newest(endpoint.id) == active(endpoint).id  # whoever moved it may still be about to deploy
    monkeypatch.setattr(following, "PATIENCE_SECONDS", -1)
    following.tick()
    until(newest(endpoint.id), EndpointStatus.READY)
    assert active(endpoint).adapters == [jokes[1].id]
    before = newest(endpoint.id)
    following.tick()
    assert newest(endpoint.id) == before


@pytest.mark.usefixtures("fake_server")
def test_a_stopped_endpoint_stays_stopped_and_takes_the_version_when_it_starts(
    jokes: tuple[Run, Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "PATIENCE_SECONDS", -1)
    aliases.move("jokes", "production", Promotion(1, "first"))
    endpoint = following.serve("funny", "version:jokes@production")
    until(active(endpoint).id, EndpointStatus.READY)
    endpoints.stop_endpoint(endpoint.id)
    until(active(endpoint).id, EndpointStatus.STOPPED)
    moved = aliases.move("jokes", "production", Promotion(2, "second"))
    following.tick()
    assert moved.endpoints[0]["status"] == "stopped"
    assert endpoints.look_up(endpoint.id).stopped_at is not None
    endpoints.start_endpoint(endpoint.id)
    following.tick()
    until(newest(endpoint.id), EndpointStatus.READY)
    assert active(endpoint).adapters == [jokes[1].id]


def test_a_version_that_a_following_endpoint_cannot_serve_is_not_promoted(
    jokes: tuple[Run, Run], fake_server: None
) -> None:
    aliases.move("jokes", "production", Promotion(1, "first"))
    following.serve("funny", "version:jokes@production")
    with db.session() as session:
        model = registered.found(session, "jokes")
        versions.found(session, model, 2).kind = "gguf"
    with pytest.raises(RefusedError, match="`funny` follows `production` and cannot serve this version"):
        aliases.move("jokes", "production", Promotion(2, "why"))
    assert leads_to() == 1
    with pytest.raises(ConflictError, match="The GGUF file of version 2 of `jokes` is gone"):
        following.serve("other", "version:jokes/2")


@pytest.mark.usefixtures("fake_server")
def test_an_endpoint_that_is_there_can_begin_to_follow_and_end_that(jokes: tuple[Run, Run]) -> None:
    aliases.move("jokes", "production", Promotion(1, "first"))
    endpoint = endpoints.create_endpoint("funny", model_id=jokes[0].model_id)
    bring_up(endpoint)
    with pytest.raises(RefusedError, match="is not an alias"):
        following.follow(endpoint.id, "version:jokes/1")
    following.follow(endpoint.id, "version:jokes@production")
    assert following.of_endpoints([endpoint.id]) == {endpoint.id: "version:jokes@production"}
    until(newest(endpoint.id), EndpointStatus.READY)
    assert active(endpoint).adapters == [jokes[0].id]
    endpoints.deploy(endpoint.id, model_id=jokes[0].model_id, adapters=())
    until_other(endpoint.id)
    following.unfollow(endpoint.id)
    with pytest.raises(ConflictError, match="follows no alias"):
        following.unfollow(endpoint.id)


def until_other(endpoint_id: str) -> None:
    with db.reading() as session:
        by_hand = stored.backends(session, endpoint_id)[0].id
    until(by_hand, EndpointStatus.READY)
    until(newest(endpoint_id), EndpointStatus.STOPPED)
    assert following.states(registered.look_up("jokes").id)[0]["status"] == "other"
