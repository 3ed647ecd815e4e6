"""The Serve page: what it lists, what its buttons and its form do."""

from pathlib import Path
from typing import Any

import pytest

from engine.serve import endpoints
from pages.serve import page as serve
from pages.serve.endpoint_view import endpoints_html
from storage import db, home
from storage.statuses import EndpointStatus, ModelStatus, RunStatus
from storage.tables import Backend, Dataset, Model, Run
from tests.serving import write_adapter

PROJECT = {"project": "default"}
OUTSIDE = {"url": "http://127.0.0.1:9/v1", "model": "m"}


class Click:
    """What Gradio hands a callback for a button of a live fragment."""

    def __init__(self, name: str, id: str, **values: str) -> None:
        self.name, self.id, self.values = name, id, values


class Browser:
    """A request without cookies."""

    cookies: dict[str, str] = {}  # noqa: RUF012


@pytest.fixture
def trained(tmp_path: Path) -> None:
    for id in ("r1", "r2"):
        write_adapter(home.run_folder(id) / "adapter", id)
    with db.session() as session:
        session.add(
            Model(id="m1", source="path", source_id="/m", name="tiny", path=str(tmp_path), status=ModelStatus.READY)
        )
        session.add(Dataset(id="d1", project_id="default", name="d"))
        session.flush()
        for id, status in (("r1", RunStatus.SUCCEEDED), ("r2", RunStatus.SUCCEEDED), ("r3", RunStatus.FAILED)):
            result = {"status": status, "artifact": "adapter"}
            row: dict[str, Any] = {"id": id, "name": f"run <{id}>", "model_id": "m1", "dataset_id": "d1", **result}
            session.add(Run(project_id="default", recipe={}, **row))


def set_backend(endpoint_id: str, **values: Any) -> None:
    with db.session() as session:
        endpoint = endpoints.look_up(endpoint_id)
        backend = session.get(Backend, endpoint.active_backend_id)
        assert backend
        for name, value in values.items():
            setattr(backend, name, value)


def test_an_empty_project_says_what_to_do() -> None:
    assert "Press Serve on a finished run" in endpoints_html(PROJECT)


def test_an_endpoint_shows_how_it_is_and_how_to_call_it() -> None:
    endpoint = endpoints.create_endpoint("far", "external", options=OUTSIDE)
    shown = endpoints_html(PROJECT)
    assert "far" in shown
    assert "queued" in shown
    set_backend(endpoint.id, status=EndpointStatus.READY)
    shown = endpoints_html(PROJECT)
    assert '"model": "far"' in shown
    assert "/chat?endpoint=far" in shown
    assert "http://127.0.0.1:9/v1" in shown


def test_endpoints_that_run_come_first_and_a_page_holds_twenty() -> None:
    endpoints_made = [endpoints.create_endpoint(f"far-{number}", "external", options=OUTSIDE) for number in range(22)]
    for endpoint in endpoints_made[1:]:
        endpoints.stop_endpoint(endpoint.id)
        set_backend(endpoint.id, status=EndpointStatus.STOPPED)
    first, second = endpoints_html(PROJECT), endpoints_html({**PROJECT, "page": "2"})
    assert first.index("<h2>far-0</h2>") < first.index("<h2>far-21</h2>") < first.index("<h2>far-20</h2>")
    assert (first.count("<section"), second.count("<section")) == (20, 2)
    assert "<h2>far-1</h2>" in second


def test_a_failed_endpoint_shows_why_and_offers_to_start_again() -> None:
    endpoint = endpoints.create_endpoint("far", "external", options=OUTSIDE)
    set_backend(endpoint.id, status=EndpointStatus.FAILED, error="It said <b>no</b>", hint="Ask again.")
    shown = endpoints_html(PROJECT)
    assert "It said &lt;b&gt;no&lt;/b&gt;" in shown
    assert "Ask again." in shown
    assert 'data-act="start"' in shown


@pytest.mark.usefixtures("trained")
def test_the_names_of_runs_are_escaped_and_other_runs_can_be_deployed() -> None:
    endpoint = endpoints.serve_run("r1")
    set_backend(endpoint.id, status=EndpointStatus.READY)
    shown = endpoints_html(PROJECT)
    assert "run &lt;r1&gt;" in shown
    assert "<r1>" not in shown
    assert '<option value="r2">' in shown
    assert '<option value="r3">' not in shown


@pytest.mark.usefixtures("trained")
def test_the_form_offers_models_that_are_ready_and_their_finished_runs() -> None:
    model, adapters = serve.choices()
    assert model["choices"] == [("tiny", "m1")]
    assert sorted(value for _name, value in adapters["choices"]) == ["r1", "r2"]


def test_an_outside_api_needs_an_address_and_no_model() -> None:
    assert [update["visible"] for update in serve.fields_of("external")] == [False, False, True, True, True]
    assert [update["visible"] for update in serve.fields_of("vllm")] == [True, True, False, False, False]


def test_the_form_makes_an_endpoint_and_clears_its_name(toasts: list[str]) -> None:
    answer = serve.create("far", "external", None, [], OUTSIDE["url"], "m", "", Browser())
    assert answer == ""
    assert toasts == ["far is starting."]


def test_what_the_engine_refuses_is_a_toast(toasts: list[str]) -> None:
    serve.create("No Name", "external", None, [], OUTSIDE["url"], "m", "", Browser())
    assert "`No Name` cannot be the name of the endpoint" in toasts[0]


@pytest.mark.usefixtures("trained")
def test_the_buttons_stop_start_deploy_and_delete() -> None:
    endpoint = endpoints.serve_run("r1")
    set_backend(endpoint.id, status=EndpointStatus.READY)
    serve.act(Click("deploy", endpoint.id, run="r2"))
    assert endpoints.describe(endpoints.look_up(endpoint.id))["deploying"]["adapters"] == ["r2"]
    serve.act(Click("stop", endpoint.id))
    assert endpoints.look_up(endpoint.id).stopped_at
    serve.act(Click("delete", endpoint.id))
    assert "Nothing is served yet" in endpoints_html(PROJECT)
