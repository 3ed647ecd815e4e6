"""The tuner, with real processes: a server started as vLLM is, whose speed depends on its options."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.benchmarks import benchmarks, tuner, tuner_plan, variants
from engine.benchmarks.load import Load
from engine.benchmarks.tuner_plan import TunerWanted
from engine.errors import ConflictError, NotFoundError, RefusedError
from engine.process import work
from engine.serve import backends, endpoints
from storage import benchmarks as stored_benchmarks
from storage import db
from storage import endpoints as stored_endpoints
from storage.statuses import SERVING_MOVING, EndpointStatus, WorkStatus
from storage.tables import Backend, Endpoint, Tuner
from tests.conftest import ROOT
from tests.serving import active, bring_up, end_all, ready_model
from tests.waiting import wait_for

PYTHON = f"""#!/bin/sh
case "$*" in *"--max-num-seqs 3"*) echo 'ValueError: three is too many' >&2; exit 1;; esac
shift 2
cd {ROOT}
exec {sys.executable} -m tests.tunable_server "$@"
"""
LOAD = Load(concurrency=(8,), prompts=40, output_tokens=12, input_tokens=20, warmup=0)


@pytest.fixture(autouse=True)
def vllm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A Python that has a vLLM whose speed is known."""
    path = tmp_path / "python"
    path.write_text(PYTHON)
    path.chmod(0o700)
    monkeypatch.setenv("TUNESMITH_VLLM_PYTHON", str(path))
    monkeypatch.setattr(backends, "SETTLE_SECONDS", 0)  # nobody else asks here
    yield
    end_all()


@pytest.fixture
def endpoint() -> Endpoint:
    """`jokes`, on its way up."""
    return endpoints.create_endpoint("jokes", "vllm", ready_model().id, options={"max_num_seqs": 2})


def round_of_the_reconciler() -> None:
    for tick in (work.tick, backends.tick, benchmarks.tick, tuner.tick):
        tick()


def until(condition: Callable[[], Any], seconds: float = 60) -> None:
    def holds() -> Any:
        round_of_the_reconciler()
        return condition()

    wait_for(holds, seconds, every=0.1)


def live_names() -> list[str]:
    with db.reading() as session:
        return [endpoint.name for endpoint, _backend in stored_endpoints.live(session)]


def test_the_best_options_are_found_and_put_to_use(endpoint: Endpoint) -> None:
    bring_up(endpoint)
    started = tuner.create(TunerWanted(endpoint.id, LOAD, {"max_num_seqs": (3, 8)}, in_place=False))
    with pytest.raises(ConflictError, match="is under way"):
        tuner.create(TunerWanted(endpoint.id, LOAD, {"max_num_seqs": (8,)}))
    with pytest.raises(ConflictError, match="found nothing"):
        tuner.apply(started.id)
    until(lambda: tuner.look_up(started.id).stage == "over")
    found = tuner.describe(tuner.look_up(started.id))
    assert found["status"] == "succeeded", found
    assert [variant["options"]["max_num_seqs"] for variant in found["variants"]] == [2, 3, 8]
    assert found["best"] == 2
    assert "three is too many" in found["variants"][1]["error"]  # told, and the others go on
    assert found["variants"][2]["ratio"] > 1.5
    assert found["variants"][0]["ratio"] == 1
    assert live_names() == ["jokes"]  # nothing is left of what was tried, and what answered still does
    with db.reading() as session:
        assert stored_benchmarks.count(session) == 2
    tuner.apply(started.id)
    until(lambda: active(endpoint).options == {"max_num_seqs": 8})
    assert tuner.look_up(started.id).applied_at
    tuner.delete(started.id)
    with pytest.raises(NotFoundError):
        tuner.look_up(started.id)


def test_where_memory_fits_one_the_endpoint_rests_and_comes_back_whatever_happens(endpoint: Endpoint) -> None:
    bring_up(endpoint)
    started = tuner.create(TunerWanted(endpoint.id, LOAD, {"max_num_seqs": (4,)}, in_place=True))
    until(lambda: tuner.look_up(started.id).stage == "measuring")
    assert live_names() == [tuner.trial_name(started)]
    measuring = tuner.look_up(started.id)
    with db.session() as session:  # a studio that was killed after it had made things, and before it had noted them
        row = session.get_one(type(started), started.id)
        row.stage, row.trial_id, row.benchmark_id = "starting", None, None
    until(lambda: tuner.look_up(started.id).stage == "measuring")
    again = tuner.look_up(started.id)
    assert (again.trial_id, again.benchmark_id) == (measuring.trial_id, measuring.benchmark_id)
    assert tuner.stop(started.id).status == WorkStatus.STOPPED
    with pytest.raises(ConflictError, match="has cleaned up"):
        tuner.delete(started.id)
    until(lambda: tuner.look_up(started.id).stage == "over")
    assert live_names() == ["jokes"]
    assert active(endpoint).options == {"max_num_seqs": 2}
    assert active(endpoint).status in SERVING_MOVING
    assert tuner.look_up(started.id).status == WorkStatus.STOPPED


def test_a_tuner_none_of_whose_variants_could_be_measured_has_failed(endpoint: Endpoint) -> None:
    tried = variants.variants({}, {"max_num_seqs": (4,)})
    for entry in tried:
        entry |= {"status": "failed", "error": "It had no memory."}
    plain: dict[str, Any] = {"project_id": "default", "endpoint_id": endpoint.id, "endpoint_name": "jokes"}
    row = Tuner(**plain, load={}, backend={}, variants=tried, stage="returning", position=2)
    with db.session() as session:
        session.add(row)
    tuner.tick()
    over = tuner.look_up(row.id)
    assert (over.stage, over.status, over.error) == (
        "over", WorkStatus.FAILED, "No variant could be measured. It had no memory."
    )  # fmt: skip


def test_what_cannot_be_tried_is_refused(endpoint: Endpoint) -> None:
    with db.session() as session:
        session.get_one(Backend, endpoint.active_backend_id).status = EndpointStatus.READY
    outside = endpoints.create_endpoint("far", "external", options={"url": "http://127.0.0.1:9/v1", "model": "m"})
    for wanted, words in (
        (TunerWanted(endpoint.id, Load(), {"max_num_seqs": (4,)}), "one load"),
        (TunerWanted(endpoint.id, LOAD, {"no_such_option": (4,)}), "options of this vllm endpoint are wrong"),
        (TunerWanted(endpoint.id, LOAD, {"max_num_seqs": (0,)}), "options of this vllm endpoint are wrong"),
        (TunerWanted(endpoint.id, LOAD, {"max_num_seqs": ()}), "nothing to try"),
        (TunerWanted(endpoint.id, LOAD, {"max_num_seqs": tuple(range(1, 40))}), "too many"),
        (TunerWanted(outside.id, LOAD, {"max_num_seqs": (4,)}), "somewhere else"),
    ):
        with pytest.raises(RefusedError, match=words):
            tuner.create(wanted)


def variant(score: float | None, failed: int = 0, ttft: float = 10.0) -> dict[str, Any]:
    return {"options": {}, "score": score, "numbers": {"failed": failed, "p99_ttft_ms": ttft}}


def test_the_best_has_no_failed_request_then_the_highest_score_then_the_soonest_token() -> None:
    assert variants.best([variant(10), variant(30, failed=1), variant(20), variant(20, ttft=5)]) == 3
    assert variants.best([variant(None), variant(1)]) == 1
    assert variants.best([variant(None)]) is None


def test_every_combination_is_tried_once_beginning_with_what_is_served() -> None:
    tried = variants.variants({"max_num_seqs": 4}, {"max_num_seqs": (4, 64), "max_num_batched_tokens": (32, 512)})
    assert [entry["options"] for entry in tried] == [
        {"max_num_seqs": 4},
        {"max_num_seqs": 4, "max_num_batched_tokens": 32},
        {"max_num_seqs": 4, "max_num_batched_tokens": 512},
        {"max_num_seqs": 64, "max_num_batched_tokens": 512},
    ]


def test_a_second_server_goes_beside_only_where_it_fits() -> None:
    small = Backend(endpoint_id="e", kind="vllm", device="gpu:0", options={"gpu_memory_utilization": 0.4})
    usual = Backend(endpoint_id="e", kind="vllm", device="gpu:0")
    assert (tuner_plan.fits_beside(small), tuner_plan.fits_beside(usual)) == (True, False)
    assert tuner_plan.default_options(usual)["max_num_seqs"] == (64, 128, 256)
    assert tuner_plan.default_options(Backend(endpoint_id="e", kind="transformers")) == {}
