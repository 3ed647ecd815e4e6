"""Benchmarks with real processes: the worker that measures, and a server whose speed is known."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.server import create_app
from engine.accounts import keys
from engine.benchmarks import benchmarks
from engine.benchmarks.benchmarks import Wanted
from engine.benchmarks.load import Load
from engine.errors import ConflictError, NotFoundError, RefusedError
from engine.process import work
from engine.serve import endpoints
from engine.serve.routing import NotReadyError
from storage import benchmarks as stored_benchmarks
from storage import db, home
from storage import keys as stored_keys
from storage.statuses import RunStatus, WorkStatus
from storage.tables import Endpoint, Run
from tests import tunable_endpoint, tunable_server
from tests.engine.data.stored_datasets import stored_dataset
from tests.rest import make_access
from tests.serving import finished_run, http_server, ready_model
from tests.waiting import wait_for

QUICK = Load(concurrency=(1, 4), prompts=8, output_tokens=6, input_tokens=40, warmup=1)


@pytest.fixture(scope="module")
def socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One server for all tests of this file."""
    with tunable_server.running(tmp_path_factory.mktemp("server")) as path:
        yield path


@pytest.fixture
def endpoint(socket: str) -> Endpoint:
    return tunable_endpoint.served(socket)


def measured(wanted: Wanted) -> dict[str, Any]:
    described = benchmarks.describe(benchmarks.wait(benchmarks.create(wanted).id, 60))
    assert described["status"] == "succeeded", described["error"]
    return described


def test_an_endpoint_is_measured_level_by_level_and_what_ran_beside_it_is_told(endpoint: Endpoint) -> None:
    run = finished_run(ready_model(name="third"), name="Sums")
    with db.session() as session:
        row = session.get_one(Run, run.id)
        row.status, row.started_at = RunStatus.RUNNING, time.time() - 5
    found = measured(Wanted(endpoint.id, QUICK, model="jokes:base"))
    one, four = found["levels"]
    assert [(level["concurrency"], level["completed"], level["failed"]) for level in (one, four)] == [
        (1, 8, 0), (4, 8, 0)
    ]  # fmt: skip
    assert one["total_output_tokens"] == 8 * 6
    assert one["total_input_tokens"] == pytest.approx(8 * 40, abs=8)
    assert one["tokens_counted_by"] == "server"
    token_ms = tunable_server.TOKEN_SECONDS * 1000
    assert token_ms <= one["median_tpot_ms"] < token_ms * 3
    assert one["median_e2el_ms"] >= 6 * token_ms
    assert four["output_throughput"] > 2 * one["output_throughput"]
    assert (found["endpoint_name"], found["model"], found["through"]) == ("jokes", "jokes:base", "backend")
    facts = found["facts"]
    assert (facts["kind"], facts["backend_version"], facts["options"]) == ("transformers", "0.32.0", {})
    assert facts["machine"]["cores"] >= 1
    assert facts["trainings"] == ["Sums"]
    assert "Training Sums was running." in facts["beside"]
    endpoints.delete_endpoint(endpoint.id)
    assert benchmarks.look_up(found["id"]).status == WorkStatus.SUCCEEDED  # it stays, and says what it measured


def shim_of(folder: Path) -> dict[str, Any]:
    """What the shim has told, once it has started the worker."""
    try:
        told: dict[str, Any] = json.loads((folder / "shim.json").read_text())
    except (OSError, ValueError):
        return {}
    return told if "worker" in told else {}


def test_through_the_gateway_it_asks_with_a_key_of_its_own_that_ends_with_it(endpoint: Endpoint) -> None:
    app = create_app(make_access(), with_window=False, with_engine=False)
    with http_server(app) as address:
        found = measured(Wanted(endpoint.id, QUICK, gateway=address))
        assert (found["through"], found["levels"][1]["completed"]) == ("gateway", 8)
        with db.reading() as session:
            assert stored_keys.recent(session) == []
        body = (home.work_folder(str(benchmarks.look_up(found["id"]).work_id)) / "spec.json").read_text()
    assert keys.PREFIX not in body


def test_one_is_measured_at_a_time_and_what_was_measured_stays_when_it_is_stopped(endpoint: Endpoint) -> None:
    load = Load(concurrency=(1, 2), seconds=0.4, output_tokens=4)
    long = load.model_copy(update={"concurrency": (1, 2, 3, 4, 5, 6, 7, 8), "repeats": 3})
    first = benchmarks.create(Wanted(endpoint.id, long))
    with pytest.raises(ConflictError, match="under way"):
        benchmarks.create(Wanted(endpoint.id, load))
    wait_for(lambda: benchmarks.measured_so_far(benchmarks.look_up(first.id)), 30)
    running = benchmarks.describe(benchmarks.look_up(first.id))
    assert running["levels"][0]["concurrency"] == 1
    stopped = benchmarks.describe(benchmarks.stop(first.id))
    assert (stopped["status"], stopped["levels"][0]["concurrency"]) == ("stopped", 1)
    benchmarks.stop(benchmarks.create(Wanted(endpoint.id, load)).id)
    benchmarks.delete(first.id)
    with pytest.raises(NotFoundError):
        benchmarks.look_up(first.id)


def test_a_killed_worker_is_a_failed_benchmark_that_holds_up_no_other(endpoint: Endpoint) -> None:
    started = benchmarks.create(Wanted(endpoint.id, Load(concurrency=(1,), seconds=60)))
    folder = home.work_folder(str(started.work_id))
    os.kill(wait_for(lambda: shim_of(folder))["worker"], signal.SIGKILL)

    def is_over() -> bool:
        work.tick()
        benchmarks.tick()
        return benchmarks.look_up(started.id).status == WorkStatus.FAILED

    wait_for(is_over)
    assert benchmarks.look_up(started.id).error
    assert measured(Wanted(endpoint.id, QUICK))["levels"]


def test_what_cannot_be_measured_is_refused_before_anything_begins(endpoint: Endpoint) -> None:
    other = endpoints.create_endpoint("poems", model_id=ready_model(name="other").id)
    text = stored_dataset(kind="text", name="prose")
    for wanted, error, words in (
        (Wanted("nope", QUICK), NotFoundError, "no endpoint `nope`"),
        (Wanted(endpoint.id, QUICK, model="nothing"), NotFoundError, "no model `nothing`"),
        (Wanted(other.id, QUICK), NotReadyError, "`poems` is"),
        (Wanted(other.id, QUICK, model="jokes"), RefusedError, "`jokes` is not a name of endpoint `poems`"),
        (Wanted(endpoint.id, Load(dataset_id="nope")), NotFoundError, "no dataset `nope`"),
        (Wanted(endpoint.id, Load(dataset_id=text.id)), RefusedError, "`prose` have no prompts"),
    ):
        with pytest.raises(error, match=words):
            benchmarks.create(wanted)
    with db.reading() as session:
        assert stored_benchmarks.count(session) == 0
