"""The Serve page: what it lists, what its buttons and its form do."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from engine.accounts import keys
from engine.registry import aliases, following, versions
from engine.registry.aliases import Promotion
from engine.serve import client_code, endpoints, figures, idle, routing
from pages.serve import page as serve
from pages.serve.clients_view import clients_html
from pages.serve.endpoint_view import endpoints_html
from pages.serve.log_view import log_html
from pages.serve.try_view import try_html
from storage import db, home
from storage.statuses import EndpointStatus, ModelStatus, RunStatus
from storage.tables import Backend, Dataset, Model, Run
from tests.conftest import ROOT
from tests.pages.clicks import Click
from tests.serving import write_adapter

PROJECT = {"project": "default"}
OUTSIDE = {"url": "http://127.0.0.1:9/v1", "model": "m"}


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
    assert "/chat?endpoint=far" in shown
    assert "http://127.0.0.1:9/v1" in shown
    for fold in ("try", "clients"):
        assert f'src="/fragments/serve/{fold}?endpoint={endpoint.id}"' in shown
    assert "/fragments/serve/log" not in shown  # its log is somebody else's


def test_the_card_says_when_it_was_last_used() -> None:
    endpoint = endpoints.create_endpoint("far", "external", options=OUTSIDE)
    set_backend(endpoint.id, status=EndpointStatus.READY, address=OUTSIDE["url"])
    routing.forget()
    never = "<dt>Last used</dt><dd>not yet</dd>"
    assert never in endpoints_html(PROJECT)
    routing.upstream("far")
    assert re.search(r"<dt>Last used</dt><dd><time title=[^>]*>(just now|\d+ s ago)", endpoints_html(PROJECT))
    idle.save()
    assert endpoints.describe(endpoints.look_up(endpoint.id))["life"]["last_used_at"] is not None
    assert endpoints.look_up(endpoint.id).last_used_at is not None


@pytest.mark.usefixtures("trained")
def test_stop_asks_first_and_says_what_ends() -> None:
    endpoints.create_endpoint("far", "external", options=OUTSIDE)
    near = endpoints.serve_run("r1")
    set_backend(near.id, status=EndpointStatus.READY)
    asked = re.findall(r'data-act="stop"[^>]*data-confirm="([^"]*)"', endpoints_html(PROJECT))
    callers = "get errors until you start it again."
    assert sorted(asked) == sorted(
        [
            f"Stop far? The server somewhere else goes on. Callers of far {callers}",
            f"Stop {near.name}? Answers being written get ten seconds, then they are cut off. "
            f"Callers of {near.name} {callers}",
        ]
    )


def test_an_endpoint_that_follows_an_alias_names_it(trained: None) -> None:
    versions.add("jokes", run_id="r1")
    aliases.move("jokes", "production", Promotion(1, "works"))
    following.serve("funny", "version:jokes@production")
    endpoints.create_endpoint("still", "transformers", None, ("r1",))
    shown = endpoints_html(PROJECT)
    assert shown.count('<a href="/registry?model=jokes">version:jokes@production</a>') == 1


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


def test_figures_show_what_is_measured_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = endpoints.create_endpoint("far", "external", options=OUTSIDE)
    measured = {"requests_per_second": 0.0, "first_token_ms_p50": 1234.0, "first_token_ms_p95": None, "unknown": 3.0}
    monkeypatch.setitem(figures.SOURCES, "test", lambda id: measured if id == endpoint.id else {})
    assert "sv-figures" not in endpoints_html(PROJECT)
    set_backend(endpoint.id, status=EndpointStatus.READY)
    shown = endpoints_html(PROJECT)
    assert "<dt>Requests/s</dt><dd>0</dd>" in shown
    assert "<dt>First token</dt><dd>1.2 s</dd>" in shown
    assert shown.count("data-figure") == 2
    monkeypatch.delitem(figures.SOURCES, "test")
    assert "sv-figures" not in endpoints_html(PROJECT)


@pytest.mark.usefixtures("trained")
def test_the_log_begins_with_the_cause_and_has_the_failed_deployments_too() -> None:
    endpoint = endpoints.serve_run("r1")
    set_backend(endpoint.id, status=EndpointStatus.READY)
    green = endpoints.deploy(endpoint.id, model_id="m1", adapters=["r2"])
    with db.session() as session:
        row = session.get_one(Backend, green.id)
        row.status, row.error, row.hint = EndpointStatus.FAILED, "No <memory>.", "Take less."
    for backend_id, words in ((green.id, "bad words"), (endpoint.active_backend_id, "good words")):
        folder = home.ensure_folder(home.backend_folder(str(backend_id)))
        (folder / "output.log").write_text(f"{words} <b>\n")
    shown = log_html({**PROJECT, "endpoint": endpoint.id})
    order = [
        "A deployment that is failed",
        "No &lt;memory&gt;.",
        f'<ts-log data-keep id="log-{green.id}" address="/api/backends/{green.id}/log">',
        "What answers now",
        f'address="/api/backends/{endpoint.active_backend_id}/log"',
    ]
    assert [shown.index(part) for part in order] == sorted(shown.index(part) for part in order)
    assert "gone" in log_html({**PROJECT, "endpoint": "nope"})


def test_a_prompt_can_be_sent_to_each_name() -> None:
    endpoint = endpoints.create_endpoint("far", "external", options=OUTSIDE)
    assert '<option value="far">far</option>' in try_html({**PROJECT, "endpoint": endpoint.id})
    assert "There is no endpoint" in try_html({**PROJECT, "endpoint": "nope"})


@pytest.mark.usefixtures("trained")
def test_code_has_the_browsers_address_and_the_chosen_name() -> None:
    endpoint = endpoints.serve_run("r1")
    query = {**PROJECT, "endpoint": endpoint.id, "origin": "https://studio.example:8443"}
    assert "https://studio.example:8443/v1/chat/completions" in clients_html(query)
    assert "&#34;model&#34;: &#34;run-r1:base&#34;" in clients_html({**query, "model": "run-r1:base"})
    for origin in ("javascript:alert(1)", "https://a.example/<b>", "https://a.example/x", ""):
        assert "http://127.0.0.1:7860/v1" in clients_html({**query, "origin": origin, "model": "somebody-elses"})


def test_each_client_has_its_rule_in_the_style_sheet() -> None:
    style = (ROOT / "app" / "static" / "serving.css").read_text()
    for client in client_code.clients("http://a", "m"):
        assert f'[value="{client.id}"]:checked) [data-client="{client.id}"]' in style


def test_a_key_is_made_and_put_into_the_code_once(toasts: list[str]) -> None:
    endpoint = endpoints.create_endpoint("far", "external", options=OUTSIDE)
    made = json.loads(serve.act(Click("key", endpoint.id, origin="https://studio.example", model="far")))
    secret = re.findall(r"sk-tunesmith-[\w-]{43}", made["html"])[0]
    assert made["id"] == f"fold-clients-{endpoint.id}"
    assert "https://studio.example/v1/chat/completions" in made["html"]
    key = keys.verify(secret)
    assert key is not None
    assert (key.scope, key.name) == ("inference", "for far")
    assert secret not in clients_html({**PROJECT, "endpoint": endpoint.id})
    assert serve.act(Click("stop", endpoint.id)) == ""
