"""The form of the Serve page: it opens empty or with what answers, and refuses at the field without losing a value."""

import re
from collections.abc import Iterator
from typing import Any

import gradio as gr
import pytest

from engine.process import plan
from engine.serve import endpoints, proposals
from engine.serve.vllm import start
from pages.runs.state import action_buttons
from pages.serve import form, options
from pages.serve import page as serve
from storage import db
from storage import endpoints as stored_endpoints
from storage.statuses import RunStatus
from storage.tables import Backend, Run
from tests.hostile_server import OK, hostile, text
from tests.pages.clicks import Visitor
from tests.serving import active, end_all, finished_checkpoint, finished_run, ready_model


@pytest.fixture(autouse=True)
def ended(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(plan.WORKERS, "serve", "tests.fake_openai")
    yield
    end_all()


def by_part(updates: list[Any]) -> dict[str, Any]:
    """What changes, by the part it changes."""
    changes = dict(zip(form.PARTS, updates, strict=True))
    for change in changes.values():
        if "info" in change:
            change["info"] = re.sub(r"\\(.)", r"\1", change["info"])  # as Markdown shows it
    return {part: update for part, update in changes.items() if set(update) > {"__type__"}}


def fields(**values: Any) -> list[Any]:
    """The values of all fields, as an untouched form has them but for those."""
    given: dict[str, Any] = {name: "" for name in form.FIELDS} | {"kind": "transformers", "adapters": []}
    given |= {f"vllm.{name}": options.shown("vllm", name, None) for name in options.names("vllm")}
    return list((given | values).values())


def started(**values: Any) -> dict[str, Any]:
    return by_part(serve.start(Visitor(), *fields(**values)))


def test_an_empty_form_offers_models_that_are_ready_and_their_finished_runs() -> None:
    run = finished_run(ready_model())
    opened = by_part(form.opened(None))
    assert opened["model_id"]["choices"] == [("tiny", run.model_id)]
    assert opened["adapters"]["choices"] == [(run.name, run.id)]
    assert set(opened) == {"model_id", "adapters", "version"}  # what somebody has filled in meanwhile stays
    chosen = by_part(form.model_chosen("transformers", "another"))
    assert chosen["adapters"]["choices"] == []


def test_a_new_endpoint_is_offered_the_kept_checkpoints_of_runs_that_ended_however() -> None:
    run = finished_run(ready_model())
    for step in (4, 8):
        finished_checkpoint(run, step)
    (finished_checkpoint(run, 9) / "adapter_model.safetensors").write_bytes(b"cut off")
    steps = [(f"{run.name}, step {step}", f"{run.id}@{step}") for step in (8, 4)]
    assert by_part(form.opened(None))["adapters"]["choices"] == [(run.name, run.id), *steps]
    with db.session() as session:
        session.get_one(Run, run.id).status = RunStatus.STOPPED
    assert by_part(form.model_chosen("transformers", run.model_id))["adapters"]["choices"] == steps
    with db.session() as session:
        session.get_one(Run, run.id).status = RunStatus.RUNNING
    assert by_part(form.model_chosen("transformers", run.model_id))["adapters"]["choices"] == []


def test_a_run_whose_name_no_address_can_have_opens_the_form_with_a_name_to_change() -> None:
    model = ready_model()
    run, latin = finished_run(model, "한국어 말투 3"), finished_run(model)
    assert f'href="/serve?run={run.id}"' in action_buttons(run)
    assert 'data-act="serve"' in action_buttons(latin)
    opened = by_part(form.opened(None, None, run.id))
    assert (opened["name"]["value"], opened["start"]["interactive"]) == ("rows", True)  # the dataset's
    assert (opened["model_id"]["value"], opened["adapters"]["value"]) == (model.id, [run.id])
    assert opened["accordion"]["open"] is True
    assert by_part(form.opened(None, model.id))["name"]["value"] == "tiny"
    assert "no such run" in by_part(form.opened(None, None, "gone"))["problem"]["value"]


@pytest.mark.parametrize(
    ("kind", "there"),
    [("transformers", ["inside"]), ("vllm", ["inside", "vllm"]), ("external", ["outside"]), ("llama", ["gguf"])],
)
def test_a_backend_decides_which_fields_are_there(kind: str, there: list[str]) -> None:
    shown = by_part(form.kind_chosen(kind, None, []))
    assert [part for part in ("inside", "outside", "vllm", "gguf") if shown[part]["visible"]] == there


def test_a_backend_that_is_not_installed_says_how_to_get_it(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert '<a class="ts-link" href="/serve#runtimes">' in form.note("vllm")
    assert "vLLM is not installed." in form.note("vllm")
    python = tmp_path / "python"
    python.touch()
    monkeypatch.setenv("TUNESMITH_VLLM_PYTHON", str(python))
    assert f"Installed: <code>{python}</code>" in form.note("vllm")


def test_an_endpoint_is_made_and_the_name_cleared(toasts: list[str]) -> None:
    model = ready_model()
    changes = started(name=" jokes ", model_id=model.id)
    assert changes["name"]["value"] == ""
    assert toasts == ["jokes is starting."]


def test_start_waits_for_a_name_and_the_field_says_so() -> None:
    with gr.Blocks():
        parts = serve._form()
    assert parts["start"].interactive is False
    assert parts["name"].info.startswith("Needed before Start.")
    can_start = {name: form.named(name, "")["interactive"] for name in ("", "  ", "jokes")}
    assert can_start == {"": False, "  ": False, "jokes": True}
    assert started(name="jokes", model_id=ready_model().id)["start"]["interactive"] is False  # the name is cleared
    with db.reading() as session:
        (endpoint,) = stored_endpoints.named(session, "jokes")
    assert by_part(form.opened(endpoint.id))["start"]["interactive"] is True  # a deployment has its name


def test_what_is_wrong_stands_at_its_field_and_no_value_is_touched(toasts: list[str]) -> None:
    changes = started(name="No Name", kind="vllm", model_id="m", **{"vllm.max_num_seqs": "5000"})
    assert changes["name"]["info"].startswith("`No Name` cannot be the name of the endpoint")
    assert changes["vllm.max_num_seqs"]["info"].startswith("Must be less than or equal to 4096.")
    wrong = [part for part, change in changes.items() if options.WRONG in change.get("elem_classes", ())]
    assert wrong == ["name", "vllm.max_num_seqs"]
    assert "2 fields need other values." in changes["problem"]["value"]
    assert not [part for part, change in changes.items() if "value" in change and part != "problem"]
    assert toasts == []


def test_what_the_engine_refuses_stays_under_the_form() -> None:
    model = ready_model()
    started(name="jokes", model_id=model.id)
    changes = started(name="jokes", model_id=model.id)
    assert "There is an endpoint `jokes` already." in changes["problem"]["value"]
    assert "value" not in changes["name"]


def test_a_server_somewhere_else_needs_an_address_and_a_model() -> None:
    changes = started(name="far", kind="external")
    assert changes["url"]["info"].startswith("Type the address of the server.")
    assert changes["model"]["info"].startswith("Choose a model, or type its name.")
    changes = started(name="far", kind="external", url="http://169.254.169.254/", model="m")
    assert "link-local" in changes["url"]["info"]


def test_a_look_fills_in_the_address_and_offers_the_models() -> None:
    answer = b'\r\n{"data": [{"id": "big", "owned_by": "vllm", "max_model_len": 4096}, {"id": "small"}]}'
    with hostile({"/v1/models": text(OK + answer), "/version": text(OK + b'\r\n{"version": "0.32.0"}')}) as url:
        changes = by_part(form.look(url.removesuffix("/v1"), ""))
    assert changes["url"]["value"] == url
    assert changes["model"]["choices"] == [("big, 4,096 tokens", "big"), ("small", "small")]
    assert changes["model"]["value"] == "big"
    assert "vLLM 0.32.0, 2 models" in changes["looked"]["value"]


def test_a_look_that_finds_nobody_says_so_and_keeps_the_address() -> None:
    with hostile({}) as url:
        pass
    changes = by_part(form.look(url, ""))
    assert "It cannot be reached" in changes["looked"]["value"]
    refused = by_part(form.look("http://metadata/", ""))
    assert "link-local" in refused["looked"]["value"]
    assert "value" not in refused["url"]


def test_a_form_for_an_endpoint_has_what_answers_there_and_deploys_to_it(toasts: list[str]) -> None:
    run = finished_run(ready_model())
    endpoint = endpoints.create_endpoint("jokes", adapters=[run.id])
    opened = by_part(form.opened(endpoint.id))
    assert opened["accordion"]["label"] == "Deploy to jokes"
    assert (opened["kind"]["value"], opened["model_id"]["value"]) == ("transformers", run.model_id)
    assert opened["adapters"]["value"] == [run.id]
    assert opened["name"]["visible"] is False
    started(target=endpoint.id, name="jokes", model_id=run.model_id, adapters=[])
    assert toasts == ["A new version of jokes is starting."]
    assert endpoints.describe(endpoints.look_up(endpoint.id))["deploying"]["adapters"] == []


def test_a_form_for_an_outside_endpoint_has_its_address() -> None:
    outside = {"url": "http://127.0.0.1:9/v1", "model": "big"}
    opened = by_part(form.opened(endpoints.create_endpoint("far", "external", options=outside).id))
    assert (opened["url"]["value"], opened["model"]["value"]) == (outside["url"], "big")
    assert opened["outside"]["visible"]


def test_a_form_for_an_endpoint_that_is_gone_says_so() -> None:
    assert "There is no endpoint `nope`" in by_part(form.opened("nope"))["problem"]["value"]


def test_proposed_values_stand_in_empty_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    run = finished_run(ready_model())
    asked: list[Any] = []

    def propose(model: Any, folders: Any) -> dict[str, Any]:
        asked.append((model.id, [folder.name for folder in folders]))
        return {"max_num_seqs": 16, "max_model_len": None}

    monkeypatch.setattr(start, "proposed", propose)
    changes = by_part(form.kind_chosen("vllm", run.model_id, [run.id]))
    assert asked == [(run.model_id, ["adapter"])]
    assert changes["vllm.max_num_seqs"]["placeholder"] == "16"
    assert changes["vllm.max_model_len"]["placeholder"] == ""
    assert proposals.of("vllm", "nope") == {}


def test_an_endpoint_of_vllm_is_shown_with_its_options() -> None:
    endpoint = endpoints.create_endpoint("fast", model_id=ready_model().id)
    with db.session() as session:
        row = session.get_one(Backend, active(endpoint).id)
        row.kind, row.options = "vllm", {"max_num_seqs": 7}
    opened = by_part(form.opened(endpoint.id))
    assert opened["vllm.max_num_seqs"]["value"] == "7"
    assert opened["kind"]["value"] == "vllm"
    assert opened["vllm"]["visible"]
