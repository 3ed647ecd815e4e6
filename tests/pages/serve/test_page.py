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
def test_the_card_shows_sleep_a_trial_and_golden_prompts_that_differ() -> None:
    endpoint = endpoints.serve_run("r1")
    set_backend(endpoint.id, status=EndpointStatus.READY)
    shown = endpoints_html(PROJECT)
    assert 'data-act="sleep"' in shown
    assert "starts beside the old one" in shown  # said before anybody presses Deploy
    serve.act(Click("deploy", endpoint.id, run="r2", canary="0.5", golden="What is <this>?\n\n"))
    green_id = endpoints.describe(endpoints.look_up(endpoint.id))["deploying"]["backend_id"]
    differs = {"prompt": "<q>", "expected": "yes", "answer": "no", "same": False, "required": False}
    same = {"prompt": "q", "expected": "yes", "answer": "yes", "same": True, "required": False}
    side = {"requests": 12, "errors": 0, "stream": [0.25], "whole": []}
    with db.session() as session:
        green = session.get_one(Backend, green_id)
        assert (green.rollout["canary"], green.rollout["golden"][0]["prompt"]) == (0.5, "What is <this>?")
        green.status = EndpointStatus.READY
        green.outcome = {"golden": [differs, same], "canary": {"word": "on", "since": 1.0, "blue": side, "green": side}}
        session.merge(endpoints.look_up(endpoint.id)).canary_backend_id = green_id
    shown = endpoints_html(PROJECT)
    assert "It answers 50 % of requests" in shown
    assert "250 ms" in shown
    assert "1 of 2 answered as before" in shown
    assert "&lt;q&gt;" in shown
    assert 'data-act="promote"' in shown
    assert "A new version is starting." not in shown


@pytest.mark.usefixtures("trained")
def test_an_endpoint_that_sleeps_can_be_woken_and_its_minutes_changed(toasts: list[str]) -> None:
    endpoint = endpoints.serve_run("r1")
    serve.act(Click("idle", endpoint.id, minutes="15"))
    serve.act(Click("idle", endpoint.id, minutes="a while"))
    assert toasts[0] == "It sleeps after 15 minutes without a request."
    assert "is not a number of minutes." in toasts[1]
    set_backend(endpoint.id, status=EndpointStatus.ASLEEP)
    with db.session() as session:
        session.merge(endpoints.look_up(endpoint.id)).asleep_at = 1.0
    shown = endpoints_html(PROJECT)
    assert "It sleeps and takes no memory." in shown
    assert f"/chat?endpoint={endpoint.name}" in shown
    serve.act(Click("wake", endpoint.id))
    assert "Requests wait for it, 0 now." in endpoints_html(PROJECT)


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
