"""Benchmarks with real processes: the worker that measures, and a server whose speed is known."""

import json
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from app.server import create_app
from engine.accounts import keys
from engine.benchmarks import benchmarks
from engine.benchmarks.benchmarks import Wanted
from engine.benchmarks.load import Load
from engine.errors import ConflictError, NotFoundError, RefusedError
from engine.process import plan, work
from engine.serve import endpoints
from engine.serve.routing import NotReadyError
from engine.rows.store import columnar
from storage import benchmarks as stored_benchmarks
from storage import db, home
from storage import keys as stored_keys
from storage.statuses import RunStatus, WorkStatus
from storage.tables import Dataset, Endpoint, Run
from tests import tunable_server
from tests.engine.data.stored_datasets import stored_dataset
from tests.rest import make_access
from tests.serving import bring_up, end_all, finished_run, http_server, ready_model
from tests.waiting import wait_for

QUICK = Load(concurrency=(1, 4), prompts=8, output_tokens=6, input_tokens=40, warmup=1)


@pytest.fixture(autouse=True)
def fake_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(plan.WORKERS, "serve", "tests.tunable_server")
    yield
    end_all()


@pytest.fixture
def endpoint() -> Endpoint:
    made = endpoints.create_endpoint("jokes", model_id=ready_model().id)
    bring_up(made)
    return made


def measured(wanted: Wanted) -> dict[str, Any]:
    described = benchmarks.describe(benchmarks.wait(benchmarks.create(wanted).id, 60))
    assert described["status"] == "succeeded", described["error"]
    return described


def test_an_endpoint_is_measured_level_by_level(endpoint: Endpoint) -> None:
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
    assert facts["trainings"] == []
    endpoints.delete_endpoint(endpoint.id)
    assert benchmarks.look_up(found["id"]).status == WorkStatus.SUCCEEDED  # it stays, and says what it measured


def test_prompts_come_from_the_questions_of_a_dataset(endpoint: Endpoint) -> None:
    dataset = stored_dataset(rows=5)
    load = Load(concurrency=(2,), prompts=7, output_tokens=3, dataset_id=dataset.id)
    [level] = measured(Wanted(endpoint.id, load))["levels"]
    assert (level["completed"], level["total_input_tokens"]) == (7, 7 * 3)  # "ask 1", and a first token
    assert level["median_ttft_ms"] > tunable_server.TOKEN_SECONDS * 1000  # the piece that only names a role is no token


def test_a_rate_sends_requests_however_slowly_they_are_answered(endpoint: Endpoint) -> None:
    load = Load(rate=200, prompts=30, output_tokens=10, input_tokens=20, repeats=2)
    [level] = measured(Wanted(endpoint.id, load))["levels"]
    assert (level["concurrency"], level["rate"], level["completed"]) == (None, 200, 60)
    assert level["max_concurrent_requests"] > tunable_server.SEQS
    assert len(level["runs"]) == 2


def test_until_saturated_doubles_until_more_at_once_give_no_more(endpoint: Endpoint) -> None:
    load = Load(concurrency=(1,), until_saturated=True, prompts=24, output_tokens=8, input_tokens=20)
    found = measured(Wanted(endpoint.id, load))
    clients = [level["concurrency"] for level in found["levels"]]
    assert clients == [2**place for place in range(len(clients))]
    assert found["saturates_at"] == clients[-2]
    assert found["saturates_at"] >= tunable_server.SEQS


def test_seconds_end_a_level_before_its_prompts_do(endpoint: Endpoint) -> None:
    [level] = measured(Wanted(endpoint.id, Load(concurrency=(2,), seconds=0.5, output_tokens=5)))["levels"]
    assert 2 <= level["completed"] < 500
    assert 0.4 < level["duration"] < 3


def test_through_the_gateway_it_asks_with_a_key_of_its_own_that_ends_with_it(endpoint: Endpoint) -> None:
    app = create_app(make_access(), with_window=False, with_engine=False)
    with http_server(app) as address:
        found = measured(Wanted(endpoint.id, QUICK, gateway=address))
        assert (found["through"], found["levels"][1]["completed"]) == ("gateway", 8)
        with db.reading() as session:
            assert stored_keys.recent(session) == []
        body = (home.work_folder(str(benchmarks.look_up(found["id"]).work_id)) / "spec.json").read_text()
    assert keys.PREFIX not in body


@pytest.mark.parametrize(
    ("row", "kind"), [("torn", "torn stream"), ("refuse", "http 503")], ids=["torn", "refused"]
)
def test_errors_are_counted_by_kind_and_never_as_answers(endpoint: Endpoint, row: str, kind: str) -> None:
    dataset = asking(row, "fine")
    load = Load(concurrency=(2,), prompts=8, output_tokens=3, dataset_id=dataset.id, warmup=0)
    found = measured(Wanted(endpoint.id, load))
    [level] = found["levels"]
    assert (level["completed"], level["failed"], level["errors"]) == (4, 4, {kind: 4})
    assert level["error_examples"][kind]


def test_a_server_that_counts_nothing_is_counted_by_its_pieces(endpoint: Endpoint) -> None:
    load = Load(concurrency=(1,), prompts=2, output_tokens=3, dataset_id=asking("no usage").id)
    [level] = measured(Wanted(endpoint.id, load))["levels"]
    assert (level["tokens_counted_by"], level["total_output_tokens"]) == ("stream", 6)


def test_where_every_request_fails_the_benchmark_fails_and_says_what_was_answered(endpoint: Endpoint) -> None:
    load = Load(concurrency=(1,), prompts=2, dataset_id=asking("refuse").id)
    failed = benchmarks.wait(benchmarks.create(Wanted(endpoint.id, load)).id, 60)
    assert failed.status == WorkStatus.FAILED
    assert failed.error == "Every request failed (http 503). It is full."


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
    pid = int(json.loads(wait_for(lambda: (folder / "shim.json").exists() and (folder / "shim.json").read_text()))["worker"])
    os.kill(pid, signal.SIGKILL)

    def is_over() -> bool:
        work.tick()
        benchmarks.tick()
        return benchmarks.look_up(started.id).status == WorkStatus.FAILED

    wait_for(is_over, 20)
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
        (Wanted(endpoint.id, Load(dataset_id=text.id)), RefusedError, "`prose` ask nothing"),
    ):
        with pytest.raises(error, match=words):
            benchmarks.create(wanted)
    with db.reading() as session:
        assert stored_benchmarks.count(session) == 0


def test_a_training_that_was_running_meanwhile_is_told(endpoint: Endpoint) -> None:
    run = finished_run(ready_model(name="third"), name="Sums")
    with db.session() as session:
        row = session.get_one(Run, run.id)
        row.status, row.started_at = RunStatus.RUNNING, time.time() - 5
    found = measured(Wanted(endpoint.id, QUICK))
    assert found["facts"]["trainings"] == ["Sums"]
    assert "Training Sums was running." in found["facts"]["beside"]


def asking(*questions: str) -> Dataset:
    """A dataset of chats with these questions."""
    dataset = stored_dataset(name="questions", sha256="0" * 64)
    path = home.made(home.blobs()) / "asked.parquet"
    with columnar.Writer(path, "chat") as writer:
        for row, question in enumerate(questions):
            turns = [{"role": "user", "content": question}, {"role": "assistant", "content": "say"}]
            writer.add(row + 1, {"messages": turns})
        writer.close()
    with db.session() as session:
        session.get_one(Dataset, dataset.id).sha256 = columnar.sha256_of(path)
    path.rename(home.blobs() / f"{columnar.sha256_of(path)}.parquet")
    return dataset
