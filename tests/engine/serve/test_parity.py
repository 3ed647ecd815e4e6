"""A comparison of an endpoint: who may be compared, what the worker is told, what is said of it."""

import json
from collections.abc import Iterator

import pytest

from engine.errors import ConflictError, NotFoundError, RefusedError
from engine.process import process, work
from engine.serve import endpoints, parity
from pages.serve import parity_view
from storage import db, home
from storage.statuses import EndpointStatus, WorkStatus
from storage.tables import Backend, Endpoint, Work
from tests import serving
from tests.rest import log_in, make_client


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """One that says it is ready, with a run beside its base; nothing listens there."""
    model = serving.ready_model()
    run = serving.finished_run(model)
    made = Endpoint(project_id="default", name="jokes")
    backend = Backend(endpoint_id=made.id, kind="transformers", model_id=model.id, adapters=[run.id])
    backend.status, backend.address = EndpointStatus.READY, "unix:/nowhere"
    backend.served_names = ["jokes", "jokes:base", f"jokes:{run.id}"]
    made.active_backend_id = backend.id
    with db.session() as session:
        session.add(made)
        session.flush()
        session.add(backend)
    yield made
    for found in work.about(made.id):
        work.forget(found)


def begun(endpoint: Endpoint, **numbers: int) -> Work:
    return parity.start(endpoint.id, **numbers)


def test_each_form_is_compared_once_under_its_first_name(endpoint: Endpoint) -> None:
    found = begun(endpoint)
    backend = serving.active(endpoint)
    [tuned, base] = found.spec["voices"]
    assert (tuned["name"], base["name"]) == ("jokes", "jokes:base")
    assert tuned["adapter_path"] == str(home.run_folder(backend.adapters[0]) / "adapter")
    assert base["adapter_path"] is None
    assert found.spec["address"] == "unix:/nowhere"
    assert (found.spec["rows"], tuned["run_folder"]) == (8, str(home.run_folder(backend.adapters[0])))  # by default


def test_one_that_is_under_way_is_not_begun_twice(endpoint: Endpoint) -> None:
    assert begun(endpoint).id == begun(endpoint, rows=3).id


def test_the_newest_takes_the_place_of_the_others(endpoint: Endpoint) -> None:
    first = begun(endpoint)
    _over(first)
    second = begun(endpoint)
    assert second.id != first.id
    assert [found.id for found in work.about(endpoint.id)] == [second.id]


def test_a_deleted_endpoint_takes_its_comparison_with_it(endpoint: Endpoint) -> None:
    begun(endpoint)
    endpoints.delete_endpoint(endpoint.id)
    assert not work.about(endpoint.id)


@pytest.mark.parametrize(
    ("kind", "status"), [("external", EndpointStatus.READY), ("transformers", EndpointStatus.QUEUED)]
)
def test_what_cannot_be_compared_is_refused_in_words(endpoint: Endpoint, kind: str, status: EndpointStatus) -> None:
    with db.session() as session:
        row = session.get_one(Backend, serving.active(endpoint).id)
        row.kind, row.status = kind, status
    error, words = (RefusedError, "outside server") if kind == "external" else (ConflictError, "does not answer now")
    with pytest.raises(error, match=words):
        begun(endpoint)


@pytest.mark.parametrize("numbers", [{"rows": -1}, {"rows": 65}, {"max_tokens": 0}, {"max_tokens": 513}])
def test_numbers_out_of_bounds_are_refused(endpoint: Endpoint, numbers: dict[str, int]) -> None:
    with pytest.raises(RefusedError, match="0 to 64 rows and 1 to 512 tokens"):
        begun(endpoint, **numbers)


def test_memory_that_is_short_is_said_before(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("psutil.virtual_memory", lambda: type("Memory", (), {"available": 1 << 20})())
    with pytest.raises(ConflictError, match=r"needs .* of memory, .* are free"):
        begun(endpoint)


def test_nothing_is_told_before_somebody_asked(endpoint: Endpoint) -> None:
    assert parity.of(endpoint.id) is None
    with pytest.raises(NotFoundError, match="not compared yet"):
        parity.look_up(endpoint.id)


def _over(found: Work, **result: object) -> None:
    """As the worker ends it."""
    process.end(work.folder(found))
    with db.session() as session:
        row = session.get_one(Work, found.id)
        row.status, row.result = WorkStatus.SUCCEEDED, dict(result)


WHERE = {"prompt": "<b>why</b>", "at": 3, "gap": 0.125, "trained": "this", "served": "that"}
NAME = {
    "name": "jokes", "identical": False, "rows": 8, "differs": 1, "near_ties": 1, "largest_gap": 0.125,
    "other_prompts": 0, "equal_tokens": 200, "held_out": 3, "where": [WHERE],
}  # fmt: skip
RESULT = {"identical": False, "rows": 8, "differs": 1, "dtype": "bfloat16", "max_tokens": 32, "names": [NAME]}


def test_the_card_says_where_they_part(endpoint: Endpoint) -> None:
    facts = endpoints.describe(endpoint)
    assert "not compared yet" in parity_view.parity_html(facts, parity.of(endpoint.id))
    found = begun(endpoint)
    assert "comparing" in parity_view.parity_html(facts, parity.of(endpoint.id))
    _over(found, **RESULT)
    shown = parity_view.parity_html(facts, parity.of(endpoint.id))
    assert "differs in 1 of 8" in shown
    assert "5 fixed, 3 held-out" in shown
    assert "each at a near tie that rounding decides" in shown
    assert "token 4, 0.12 nats" in shown
    assert "&lt;b&gt;why" in shown
    assert "earlier backend" not in shown
    with db.session() as session:
        session.get_one(Endpoint, endpoint.id).active_backend_id = None
    assert "earlier backend" in parity_view.parity_html(facts, parity.of(endpoint.id))


def test_a_comparison_over_rest(endpoint: Endpoint) -> None:
    client = log_in(make_client())
    address = f"/api/endpoints/{endpoint.id}/parity"
    assert client.get(address).status_code == 404
    begun_answer = client.post(address)
    assert begun_answer.status_code == 202
    assert begun_answer.json()["identical"] is None
    [found] = work.about(endpoint.id)
    _over(found, **RESULT)
    told = client.get(address).json()
    assert {name: told[name] for name in ("status", "identical", "rows", "differs", "current")} == {
        "status": "succeeded", "identical": False, "rows": 8, "differs": 1, "current": True,
    }  # fmt: skip
    assert told["names"][0]["where"] == [WHERE]
    assert told["names"][0]["held_out"] == 3
    assert json.loads(json.dumps(told)) == told
    assert client.post(address, json={"rows": 1000}).status_code == 422
