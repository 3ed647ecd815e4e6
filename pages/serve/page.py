"""Serve: the endpoints of the project, what they answer to, and a new one."""

from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr
from gradio.components import Component

from engine.serve import endpoints, parity
from pages.parts import live, toasts
from pages.serve import adapters_view, benchmarks_view, form, form_words, life_view, options, runtimes
from pages.serve.clients_view import clients_html, key_made
from pages.serve.endpoint_view import endpoints_html
from pages.serve.log_view import log_html
from pages.serve.try_view import try_html
from pages.shell import project_of

SLUG, TITLE, SUBTITLE, KEY, ICON = "serve", "Serve", "Models that answer, here and to other programs", "s", "serve"
GROUP = "Use"

Parts = dict[str, Any]
SHOW_CODE = "(code) => { if (window.tunesmith) tunesmith.put(code); }"
TO_THE_FORM = "() => { if (window.tunesmith) tunesmith.reveal('new-endpoint', 'deploy', 'model', 'run'); }"


def page() -> None:
    """The form for a new endpoint, folded, or for another backend of one that is there; below, the endpoints, live."""
    parts = _form()
    cards = live.live("endpoints", endpoints_html, actions=True)
    benchmarks_view.section()
    runtimes.section()
    code = gr.Textbox(visible=False, elem_id="client-code")
    acted = cards.action(act, None, code, **live.ACTING)
    acted.then(None, code, js=SHOW_CODE, **live.QUIET).then(None, js=live.REFRESH, **live.QUIET)
    everything = [parts[name] for name in form.PARTS]
    fields = [parts[name] for name in (*form.FIELDS, *form.OPTIONS)]
    opening = gr.on(None, open_form, None, everything, **live.QUIET)
    opening.then(None, js=TO_THE_FORM, **live.QUIET)
    parts["name"].change(form.named, [parts["name"], parts["target"]], parts["start"], **live.QUIET)
    kind, model, adapters = parts["kind"], parts["model_id"], parts["adapters"]
    kind.input(form.kind_chosen, [kind, model, adapters], everything, **live.QUIET)
    model.input(form.model_chosen, [kind, model], everything, **live.QUIET)
    looking = [parts["look"].click, parts["url"].submit]
    gr.on(looking, form.look, [parts["url"], parts["api_key_env"]], everything, **live.ACTING)
    started = parts["start"].click(start, fields, everything, **live.ACTING)
    started.then(None, js=live.REFRESH, **live.QUIET)


def _form() -> Parts:
    """Every part of the form under its name."""
    parts: Parts = {}
    with gr.Accordion("New endpoint", open=False, elem_id="new-endpoint") as parts["accordion"]:
        parts["about"] = _html("endpoint-about")
        parts["target"] = gr.Textbox(visible=False, elem_id="endpoint-target")
        with gr.Row(elem_classes="ts-form-row"):
            parts["name"] = _text("name", "Name", "endpoint-name")
            parts["kind"] = gr.Radio(
                form_words.KINDS, value="transformers", label="Answered by", elem_id="endpoint-kind"
            )
        parts["note"] = gr.HTML(form.note("transformers"), apply_default_css=False, elem_id="endpoint-note")
        parts |= _inside() | _gguf() | _outside() | _options()
        parts["problem"] = _html("endpoint-problem")
        parts["start"] = gr.Button("Start endpoint", variant="primary", interactive=False, elem_id="endpoint-create")
    return parts


def _html(elem_id: str) -> gr.HTML:
    return gr.HTML("", visible=False, apply_default_css=False, elem_id=elem_id)


def _text(name: str, label: str, elem_id: str) -> gr.Textbox:
    return gr.Textbox(
        label=label, info=options.literal(form_words.HELP[name]), max_lines=1, elem_id=elem_id, elem_classes="sv-field"
    )


def _inside() -> Parts:
    with gr.Row(elem_classes="ts-form-row") as inside:
        model = gr.Dropdown(
            [],
            label="Base model",
            info=form_words.HELP["model_id"],
            allow_custom_value=True,
            elem_id="endpoint-model",
            elem_classes="sv-field",
        )
        adapters = gr.Dropdown(
            [],
            label="Adapters",
            info="Runs of that model and their checkpoints. The first answers to the endpoint's own name.",
            multiselect=True,
            allow_custom_value=True,
            elem_id="endpoint-adapters",
        )
    return {"inside": inside, "model_id": model, "adapters": adapters}


def _gguf() -> Parts:
    with gr.Column(visible=False) as column:
        version = gr.Dropdown(
            [],
            label="Version of the registry",
            info=options.literal(form_words.HELP["version"]),
            elem_id="endpoint-version",
            elem_classes="sv-field",
        )
    return {"gguf": column, "version": version}


def _outside() -> Parts:
    with gr.Column(visible=False, elem_classes="sv-outside") as outside:
        with gr.Row(elem_classes="ts-form-row"):
            url = _text("url", "Address", "outside-url")
            key = _text("api_key_env", "Variable with its key", "outside-key")
            look = gr.Button("Look", scale=0, min_width=96, elem_id="outside-look")
        looked = _html("outside-looked")
        model = gr.Dropdown(
            [],
            label="Model there",
            info=form_words.HELP["model"],
            allow_custom_value=True,
            elem_id="outside-model",
            elem_classes="sv-field",
        )
    return {"outside": outside, "url": url, "api_key_env": key, "look": look, "looked": looked, "model": model}


def _options() -> Parts:
    """The options of vLLM: the common ones, and the others folded."""
    fields: dict[str, Component] = {name: options.component("vllm", name) for name in options.names("vllm")}
    with gr.Column(visible=False, elem_id="vllm-options") as column:
        with gr.Row(elem_classes="sv-options"):
            for name, field in fields.items():
                if options.is_common(name):
                    field.render()
        with gr.Accordion("More options", open=False, elem_id="vllm-more"), gr.Row(elem_classes="sv-options"):
            for name, field in fields.items():
                if not options.is_common(name):
                    field.render()
    return {"vllm": column, **{f"vllm.{name}": field for name, field in fields.items()}}


def open_form(request: gr.Request) -> list[Any]:
    """The form when the page opens: `?deploy=ID` fills it with what answers there, `?model=ID`, `?run=ID` with that."""
    return form.opened(*map(request.query_params.get, ("deploy", "model", "run")))


def start(request: gr.Request, *values: Any) -> list[Any]:
    """Starts what the form asks for; the live list shows the rest. What is wrong stands at its field."""
    updates, said = form.start(values, project_of(request))
    if said:
        toasts.done(said)
    return updates


def act(event: gr.EventData) -> str:
    """What a button of an endpoint does; returns code for other programs, where it has just got a key."""
    with toasts.toast():
        result = ACTS[event.name](event.id, event.values)
        return result if isinstance(result, str) else ""
    return ""


ACTS: dict[str, Callable[[str, Mapping[str, str]], object]] = {
    "stop": lambda id, _: endpoints.stop_endpoint(id),
    "start": lambda id, _: endpoints.start_endpoint(id),
    "rollback": lambda id, _: endpoints.rollback(id),
    "delete": lambda id, _: endpoints.delete_endpoint(id),
    "add-adapter": adapters_view.add,
    "remove-adapter": lambda pair, _: adapters_view.remove(pair),
    "key": key_made,
    "parity": lambda id, _: parity.start(id),
    **life_view.ACTS,
}

FRAGMENTS: dict[str, live.Fragment] = {
    "endpoints": endpoints_html,
    "benchmarks": benchmarks_view.benchmarks_html,
    "runtimes": runtimes.runtimes_html,
    "try": try_html,
    "clients": clients_html,
    "log": log_html,
}
