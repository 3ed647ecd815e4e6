"""Serve: the endpoints of the project, what they answer to, and a new one."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gradio as gr
from gradio.components import Component

from engine.serve import endpoints, parity
from pages.parts import live, toasts
from pages.serve.endpoint_view import endpoints_html
from pages.shell import project_of
from storage import db, models, runs
from storage.statuses import ModelStatus

SLUG, TITLE, SUBTITLE, KEY, ICON = "serve", "Serve", "Models that answer, here and to other programs", "s", "serve"

MOST_OFFERED = 200  # runs, the newest; others are named by their id
KINDS = [
    ("In the studio (transformers)", "transformers"),
    ("vLLM, for many users on a GPU", "vllm"),
    ("An API somewhere else", "external"),
]


def page() -> None:
    """The endpoints, live; under them the form for a new one."""
    live.acting(live.live("endpoints", endpoints_html, actions=True), act)
    with gr.Accordion("New endpoint", open=False, elem_id="new-endpoint"):
        form, outside = _form()
        start_button = gr.Button("Start endpoint", variant="primary", elem_id="endpoint-create")
    inside = [form["model_id"], form["adapters"]]
    gr.on(None, choices, None, inside, **live.QUIET)
    form["model_id"].input(adapters_of, form["model_id"], form["adapters"], **live.QUIET)
    form["kind"].input(fields_of, form["kind"], [*inside, *outside], **live.QUIET)
    created = start_button.click(create, list(form.values()), form["name"], **live.ACTING)
    created.then(None, js=live.REFRESH, **live.QUIET)


def _form() -> tuple[dict[str, Component], list[Component]]:
    """The fields, and those of them that an outside API needs."""
    with gr.Row(elem_classes="ts-form-row"):
        name = gr.Textbox(
            label="Name", info="What callers name as the model: a-z, 0-9 and -.", max_lines=1, elem_id="endpoint-name"
        )
        kind = gr.Radio(KINDS, value="transformers", label="Answered by", elem_id="endpoint-kind")
    with gr.Row(elem_classes="ts-form-row"):
        model = gr.Dropdown([], label="Base model", allow_custom_value=True, elem_id="endpoint-model")
        adapters = gr.Dropdown(
            [],
            label="Adapters",
            info="Finished runs of that model. The first answers to the endpoint's own name.",
            multiselect=True,
            allow_custom_value=True,
            elem_id="endpoint-adapters",
        )
    with gr.Row(elem_classes="ts-form-row"):
        outside: list[Component] = [
            gr.Textbox(
                label="Address",
                info="Such as http://127.0.0.1:11434/v1",
                visible=False,
                max_lines=1,
                elem_id="outside-url",
            ),
            gr.Textbox(label="Model there", visible=False, max_lines=1, elem_id="outside-model"),
            gr.Textbox(
                label="Variable with its key",
                info="An environment variable whose name ends in _API_KEY; empty without one.",
                visible=False,
                max_lines=1,
                elem_id="outside-key",
            ),
        ]
    names = ("name", "kind", "model_id", "adapters", "url", "model", "api_key_env")
    return dict(zip(names, (name, kind, model, adapters, *outside), strict=True)), outside


def choices() -> tuple[Any, Any]:
    """The models that can be served; the first is chosen, and its runs are offered."""
    with db.reading() as session:
        ready_models = [(model.name, model.id) for model in models.recent(session) if model.status == ModelStatus.READY]
    first_id = ready_models[0][1] if ready_models else None
    return gr.update(choices=ready_models, value=first_id), adapters_of(first_id)


def adapters_of(model_id: str | None) -> Any:
    """The finished runs of a model, as choices."""
    with db.reading() as session:
        finished = runs.finished_of(session, model_id, MOST_OFFERED) if model_id else []
    return gr.update(choices=[(run.name, run.id) for run in finished if run.artifact], value=[])


def fields_of(kind: str) -> list[Any]:
    """Which fields show: an outside API needs an address, everything else a model."""
    outside = kind == "external"
    return [gr.update(visible=not outside)] * 2 + [gr.update(visible=outside)] * 3


def create(  # noqa: PLR0913  (one argument for each field of the form)
    name: str, kind: str, model_id: str | None, adapters: Sequence[str], url: str, model: str, key: str,
    request: gr.Request,
) -> Any:  # fmt: skip
    """Starts an endpoint; the live list shows the rest. Clears the name when it worked."""
    with toasts.toast():
        if kind == "external":
            model_id, adapters = None, ()
            options = {"url": url, "model": model, **({"api_key_env": key} if key else {})}
        else:
            options = {}
        project = project_of(request)
        endpoint = endpoints.create_endpoint(name.strip(), kind, model_id, adapters, options, project)
        toasts.done(f"{endpoint.name} is starting.")
        return ""
    return gr.skip()


def act(event: gr.EventData) -> None:
    """What a button of an endpoint does."""
    with toasts.toast():
        ACTS[event.name](event.id, event.values)


def _deploy(endpoint_id: str, values: Mapping[str, str]) -> None:
    with db.reading() as session:
        run = runs.get(session, values.get("run", ""))
    if run is not None:
        endpoints.deploy(endpoint_id, model_id=run.model_id, adapters=[run.id])


ACTS: dict[str, Callable[[str, Mapping[str, str]], object]] = {
    "stop": lambda id, _: endpoints.stop_endpoint(id),
    "start": lambda id, _: endpoints.start_endpoint(id),
    "rollback": lambda id, _: endpoints.rollback(id),
    "delete": lambda id, _: endpoints.delete_endpoint(id),
    "parity": lambda id, _: parity.start(id),
    "deploy": _deploy,
}

FRAGMENTS: dict[str, live.Fragment] = {"endpoints": endpoints_html}
