"""Trials, golden prompts, and versions that make room: with real processes of the small fake server."""

import json
import os
import signal
import threading

import pytest

from engine.errors import ConflictError
from engine.process import devices, plan, work
from engine.serve import backends, endpoints, routing
from engine.serve.rollout import canary, golden, judge, room
from engine.serve.rollout.asked import Golden, Rollout, checked
from engine.serve.takeover import handover
from engine.serve.takeover.deployment import Wanted
from engine.serve.vllm import memory
from engine.serve.waking import waiting
from storage import db
from storage.statuses import EndpointStatus
from storage.tables import Backend, Endpoint
from tests.engine.serve.looking import life, processes, says, ticked
from tests.serving import active, backend, bring_up, finished_run, ready_model, until, worker_of
from tests.waiting import wait_for

pytestmark = pytest.mark.usefixtures("fake_server")


def test_a_trial_gets_its_share_of_requests_and_ends_in_a_takeover(endpoint: Endpoint) -> None:
    blue, run = active(endpoint), finished_run(ready_model())
    green = endpoints.deploy(endpoint.id, adapters=[run.id], asked=Rollout(canary=0.25, canary_seconds=1))
    until(green.id, EndpointStatus.READY)
    assert active(endpoint).id == blue.id
    asked = [routing.upstream("jokes").backend_id for _ in range(100)]
    assert asked.count(green.id) == 25
    for backend_id in asked:
        canary.report(endpoint.id, backend_id, False, ("whole", 0.1))
    wait_for(lambda: ticked() and active(endpoint).id == green.id)
    trial = life(endpoint)["canary"]
    assert (trial["word"], trial["blue"]["requests"], trial["green"]["requests"]) == ("promote", 75, 25)
    until(blue.id, EndpointStatus.STOPPED)
    assert {routing.upstream("jokes").backend_id for _ in range(8)} == {green.id}
    assert endpoints.look_up(endpoint.id).previous_backend_id == blue.id


def test_a_trial_with_errors_is_sent_back_and_says_why(endpoint: Endpoint) -> None:
    blue = active(endpoint)
    green = endpoints.deploy(endpoint.id, asked=Rollout(canary=0.5))
    until(green.id, EndpointStatus.READY)
    for number in range(40):
        backend_id = routing.upstream("jokes").backend_id
        canary.report(endpoint.id, backend_id, backend_id == green.id and number > 20)
    until(green.id, EndpointStatus.STOPPED)
    assert active(endpoint).id == blue.id
    trial = life(endpoint)["canary"]
    assert (trial["word"], trial["green"]["errors"]) == ("back", 10)
    assert trial["reason"] == "10 of its 20 requests failed, compared with 0 of 20 of the version before."
    assert {routing.upstream("jokes").backend_id for _ in range(8)} == {blue.id}


def test_a_roll_back_ends_a_trial(endpoint: Endpoint) -> None:
    with pytest.raises(ConflictError, match="no deployment on trial"):
        handover.decide(endpoint.id, "promote")
    blue = active(endpoint)
    green = endpoints.deploy(endpoint.id, asked=Rollout(canary=0.5))
    until(green.id, EndpointStatus.READY)
    assert endpoints.rollback(endpoint.id).id == blue.id
    until(green.id, EndpointStatus.STOPPED)


def test_a_death_on_trial_sends_it_back_at_once_and_nobody_is_sent_there(endpoint: Endpoint) -> None:
    blue = active(endpoint)
    green = endpoints.deploy(endpoint.id, asked=Rollout(canary=1))
    up = until(green.id, EndpointStatus.READY)
    assert routing.upstream("jokes").backend_id == green.id
    os.kill(worker_of(up), signal.SIGKILL)
    canary.note_unreached(green.id)  # what the gateway says at the first request it cannot pass on
    assert routing.upstream("jokes").backend_id == blue.id
    failed = until(green.id, EndpointStatus.FAILED)
    assert failed.restarts == 0
    assert endpoints.look_up(endpoint.id).canary_backend_id is None
    assert life(endpoint)["canary"]["word"] == "back"


def test_a_stop_and_a_newer_deployment_end_a_trial(endpoint: Endpoint) -> None:
    first = endpoints.deploy(endpoint.id, asked=Rollout(canary=0.5))
    until(first.id, EndpointStatus.READY)
    second = endpoints.deploy(endpoint.id, asked=Rollout(canary=0.5))
    assert backend(first.id).outcome["canary"]["reason"] == "A newer deployment came."
    until(second.id, EndpointStatus.READY)
    until(first.id, EndpointStatus.STOPPED)
    endpoints.stop_endpoint(endpoint.id)
    until(second.id, EndpointStatus.STOPPED)
    until(active(endpoint).id, EndpointStatus.STOPPED)
    assert not devices.holders()


def test_golden_prompts_are_asked_of_both_and_what_differs_is_shown(endpoint: Endpoint) -> None:
    run = finished_run(ready_model())
    green = endpoints.deploy(endpoint.id, adapters=[run.id], asked=checked({"golden": ["hello"]}))
    until(green.id, EndpointStatus.READY)
    assert active(endpoint).id == green.id
    expected, answer = "base says  hello", f"{run.id} says  hello"
    facts = {"prompt": "hello", "expected": expected, "answer": answer, "same": False, "required": False}
    assert life(endpoint)["golden"] == [facts]


def test_a_golden_answer_that_is_named_has_to_come_or_nothing_changes(endpoint: Endpoint) -> None:
    blue, run = active(endpoint), finished_run(ready_model())
    wanted = Golden(prompt="What is 17 plus 6?", answer="23")
    green = endpoints.deploy(endpoint.id, adapters=[run.id], asked=Rollout(golden=[wanted]))
    failed = until(green.id, EndpointStatus.FAILED)
    assert failed.error == "1 of 1 golden prompts got another answer than required."
    assert "instead of '23'" in str(failed.hint)
    assert active(endpoint).id == blue.id


@pytest.mark.parametrize(
    ("near_ties", "other_prompts", "problem"),
    [
        (2, 0, None),
        (1, 0, "`jokes` answers 1 of 8 prompts differently from the trained form."),
        (2, 1, "`jokes` reads 1 of 8 prompts as other tokens."),
    ],
)
def test_a_deployment_may_have_to_answer_as_it_was_trained(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, near_ties: int, other_prompts: int, problem: str | None
) -> None:
    told = {"name": "jokes", "rows": 8, "differs": 2, "near_ties": near_ties, "other_prompts": other_prompts}
    monkeypatch.setitem(plan.WORKERS, "parity", "tests.fake_parity")
    monkeypatch.setenv("FAKE_PARITY", json.dumps({"names": [told]}))
    blue, run = active(endpoint), finished_run(ready_model())
    green = endpoints.deploy(endpoint.id, adapters=[run.id], asked=Rollout(parity=True))

    def is_over() -> bool:
        work.tick()
        backends.tick()
        return backend(green.id).status in (EndpointStatus.READY, EndpointStatus.FAILED)

    wait_for(is_over, 30)
    assert backend(green.id).error == problem
    assert active(endpoint).id == (blue.id if problem else green.id)
    [compared] = work.about(endpoint.id)
    assert compared.result["address"] != blue.address  # green was asked, and not what answers


def test_a_prompt_that_got_no_answer_is_not_the_same_and_one_without_a_record_is_not_compared() -> None:
    prompts = [Golden(prompt="a", answer="1"), Golden(prompt="b"), Golden(prompt="c"), Golden(prompt="d", answer=" 4 ")]
    compared = golden.compare(prompts, {"b": "2"}, {"b": "2", "c": "3", "d": "4"})
    assert [(one["answer"], one["same"], one["required"]) for one in compared] == [
        (None, False, True),
        ("2", True, False),
        ("3", None, False),
        ("4", True, True),
    ]


def test_where_memory_fits_one_only_the_old_one_goes_first_and_requests_wait(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    blue, run = active(endpoint), finished_run(ready_model())
    monkeypatch.setattr(room, "_free", room.Free(lambda: 10))
    with db.session() as session:
        session.merge(ready_model()).parameters = 1
    said = endpoints.plan_deployment(endpoint.id, Wanted(adapters=[run.id]), Rollout(way="replace"))
    assert "stopped first" in said.says
    green = endpoints.deploy(endpoint.id, adapters=[run.id], asked=Rollout(way="replace"))
    until(blue.id, EndpointStatus.STOPPED)
    assert (active(endpoint).id, waiting.is_held("jokes"), life(endpoint)["way"]) == (green.id, True, "replace")
    until(green.id, EndpointStatus.READY)
    assert not waiting.is_held("jokes")
    assert says() == f"{run.id} says  hello"


def test_a_version_that_fails_in_the_place_of_the_old_one_brings_the_old_one_back(endpoint: Endpoint) -> None:
    blue = active(endpoint)
    green = endpoints.deploy(endpoint.id, model_id=ready_model(name="broken").id, asked=Rollout(way="replace"))
    until(green.id, EndpointStatus.FAILED)
    assert active(endpoint).id == blue.id
    assert waiting.is_held("jokes")
    until(blue.id, EndpointStatus.READY)
    assert says() == "base says  hello"
    description = endpoints.describe(endpoints.look_up(endpoint.id))
    assert (description["last_deployment_error"], description["can_roll_back"]) == ("This model is broken.", False)
    assert [row.id for row in processes(endpoint)] == [blue.id]


def test_memory_decides_which_way_a_deployment_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    model = ready_model()
    with db.session() as session:
        session.merge(model).parameters = 1_000_000_000
    row = Backend(endpoint_id="e", kind="transformers", model_id=model.id)
    monkeypatch.setattr(room, "_free", room.Free(lambda: 4_000_000_000))
    beside = room.look(row)
    assert (beside.way, beside.need_bytes) == ("beside", int(1.2 * 2_000_000_000) + room.SERVER_BYTES)
    assert "It needs about 3 GB of memory; 4 GB is free." in beside.says
    monkeypatch.setattr(room, "_free", room.Free(lambda: 3_400_000_000))  # not even the reserve is left
    assert room.look(row).way == "replace"
    assert room.look(row, "beside").way == "beside"
    vllm = Backend(endpoint_id="e", kind="vllm", model_id=model.id, options={"kv_cache_gib": 1})
    assert room.look(vllm).need_bytes == 2_000_000_000 + 2**30 + memory.processes_bytes()  # as a start is refused by
    vllm.options = {}
    assert room.look(vllm).need_bytes == memory.needs(2_000_000_000, None, 3_400_000_000).total


def test_two_deployments_in_the_same_moment_leave_one_and_what_answered_answers(endpoint: Endpoint) -> None:
    blue = active(endpoint)
    made: list[str] = []
    threads = [threading.Thread(target=lambda: made.append(endpoints.deploy(endpoint.id).id)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(backend(id).status for id in made) == ["queued", "stopped"]
    assert says() == "base says  hello"
    (left,) = [id for id in made if backend(id).status == "queued"]
    until(left, EndpointStatus.READY)
    until(blue.id, EndpointStatus.STOPPED)
    assert [row.id for row in processes(endpoint)] == [left]


def test_what_is_left_out_of_a_deployment_is_as_it_was() -> None:
    run = finished_run(ready_model())
    endpoint = endpoints.serve_run(run.id)
    bring_up(endpoint)
    again = endpoints.deploy(endpoint.id)
    assert (again.kind, again.model_id, again.adapters) == ("transformers", run.model_id, [run.id])
    base = endpoints.deploy(endpoint.id, model_id=run.model_id)
    assert (base.model_id, base.adapters) == (run.model_id, [])


def test_the_rule_is_given_what_was_counted() -> None:
    facts = canary._added({}, {"green": canary._Counts(3, 1, [0.1], [0.2, 0.3])})
    assert canary.side_of(facts, "green") == judge.Side(3, 1, [0.1], [0.2, 0.3])
    assert canary.side_of(facts, "blue") == judge.Side()
