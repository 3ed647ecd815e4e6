"""Benchmarks and tuners over REST."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from engine.benchmarks import benchmarks
from engine.serve import endpoints
from storage import db
from storage.statuses import EndpointStatus, WorkStatus
from storage.tables import Backend, Benchmark, Endpoint
from tests import tunable_endpoint, tunable_server
from tests.serving import ready_model


@pytest.fixture(scope="module")
def socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with tunable_server.running(tmp_path_factory.mktemp("server")) as path:
        yield path


@pytest.fixture
def endpoint(socket: str) -> Endpoint:
    return tunable_endpoint.served(socket)


def test_an_endpoint_is_measured_compared_downloaded_and_forgotten(owner: TestClient, endpoint: Endpoint) -> None:
    load = {"concurrency": [1, 2], "prompts": 4, "output_tokens": 3, "goodput": {"ttft": 5000}}
    answer = owner.post("/api/benchmarks", json={"endpoint_id": endpoint.id, **load})
    assert (answer.status_code, answer.json()["status"]) == (201, "running")
    id = answer.json()["id"]
    assert owner.post("/api/benchmarks", json={"endpoint_id": endpoint.id, **load}).status_code == 409
    benchmarks.wait(id, 60)
    shown = owner.get(f"/api/benchmarks/{id}").json()
    assert (shown["status"], [level["completed"] for level in shown["levels"]]) == ("succeeded", [4, 4])
    assert shown["levels"][0]["request_goodput"] == shown["levels"][0]["request_throughput"]
    listed = owner.get("/api/benchmarks", params={"endpoint_id": endpoint.id})
    assert (listed.headers["x-total-count"], listed.json()[0]["id"]) == ("1", id)
    compared = owner.get("/api/benchmarks/compare", params={"ids": f"{id},{id}"}).json()
    assert {tuple(row["ratios"]) for row in compared["rows"] if row["metric"] == "output_throughput"} == {(1.0,)}
    csv = owner.get("/api/benchmarks/download", params={"ids": id, "format": "csv"})
    assert (csv.headers["content-type"], csv.text.count("\n")) == ("text/csv; charset=utf-8", 3)
    assert owner.get("/api/benchmarks/download", params={"ids": id}).json()[0]["id"] == id
    assert owner.delete(f"/api/benchmarks/{id}").status_code == 204
    assert owner.get(f"/api/benchmarks/{id}").status_code == 404


def test_what_is_wrong_is_said_in_the_one_shape(owner: TestClient, endpoint: Endpoint) -> None:
    cases: list[tuple[dict[str, object], int, str]] = [
        ({"rate": 1, "concurrency": [1]}, 422, "exclude each other"),
        ({"concurrency": [0]}, 422, "concurrency"),
        ({"model": "nothing"}, 404, "no model `nothing`"),
        ({"dataset_id": "nope"}, 404, "no dataset `nope`"),
        ({"endpoint_id": "nope"}, 404, "no endpoint `nope`"),
        ({"speed": 1}, 422, "speed"),
    ]
    for fields, status, said in cases:
        answer = owner.post("/api/benchmarks", json={"endpoint_id": endpoint.id, **fields})
        assert (answer.status_code, said in str(answer.json()["error"])) == (status, True), answer.text
    assert owner.get("/api/benchmarks/compare", params={"ids": ",".join(["a"] * 9)}).status_code == 422
    assert owner.get("/api/benchmarks/compare", params={"ids": ""}).status_code == 422
    starting = endpoints.create_endpoint("poems", model_id=ready_model().id)
    answer = owner.post("/api/benchmarks", json={"endpoint_id": starting.id})
    assert (answer.status_code, answer.json()["error"]["message"]) == (503, "Endpoint `poems` is queued.")


def test_a_tuner_is_made_shown_stopped_and_refused(owner: TestClient, endpoint: Endpoint) -> None:
    body = {"endpoint_id": endpoint.id, "load": {"concurrency": [4]}, "options": {"max_num_seqs": [2, 4]}}
    answer = owner.post("/api/tuners", json=body)  # ours has no options
    assert (answer.status_code, "options of this transformers endpoint" in answer.text) == (422, True)
    with db.session() as session:
        backend = session.get_one(Backend, endpoint.active_backend_id)
        backend.kind, backend.status = "vllm", EndpointStatus.READY
    made = owner.post("/api/tuners", json=body).json()
    assert [variant["options"] for variant in made["variants"]] == [{}, {"max_num_seqs": 2}, {"max_num_seqs": 4}]
    assert owner.get(f"/api/tuners/{made['id']}").json()["stage"] == "starting"
    assert owner.post(f"/api/tuners/{made['id']}/apply").status_code == 409
    assert owner.delete(f"/api/tuners/{made['id']}").status_code == 409
    assert owner.post(f"/api/tuners/{made['id']}/stop").json()["status"] == "stopped"
    assert owner.get("/api/tuners").headers["x-total-count"] == "1"
    assert owner.get("/api/tuners/nope").status_code == 404


def test_benchmarks_of_a_studio_that_ended_before_they_began_are_failed(owner: TestClient) -> None:
    names = {"endpoint_id": "e", "endpoint_name": "jokes", "model": "jokes"}
    lost = Benchmark.model_validate({"project_id": "default", **names, "load": {}, "created_at": 1.0})
    with db.session() as session:
        session.add(lost)
    benchmarks.tick()
    assert owner.get(f"/api/benchmarks/{lost.id}").json()["status"] == WorkStatus.FAILED
