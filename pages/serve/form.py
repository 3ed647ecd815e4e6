"""The form of the Serve page: a new endpoint, or another backend for one that is there.

What a click needs is in the fields and in the page's address (`/serve?deploy=ID`); nothing outlives the click.
Every function answers with an update for each of `PARTS`, in their order, so that a page wires them all alike.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from markupsafe import Markup

from engine import names
from engine.errors import RefusedError, TunesmithError
from engine.serve import endpoints, gguf, outside_look, proposals
from engine.serve.vllm import command
from engine.subjects import free_names
from pages.parts import html
from pages.serve import gguf_view, looked_view, offered, options
from pages.serve.form_words import ABOUT, HELP
from storage import db, runs

INSTALL = "/serve#runtimes"
INSTALLED = {"vllm": command.python, "llama": gguf.libraries}  # where what it needs is; refused where it is not there
WITH_MODEL = ("transformers", "vllm")
PLACES = ("accordion", "about", "note", "inside", "outside", "vllm", "gguf", "looked", "problem", "start")
FIELDS = ("target", "name", "kind", "model_id", "adapters", "version", "url", "api_key_env", "model")
OPTIONS = tuple(f"vllm.{name}" for name in options.names("vllm"))
PARTS = (*PLACES, *FIELDS, *OPTIONS)


@dataclass(frozen=True)
class Asked:
    """What the fields say."""

    target: str
    name: str
    kind: str
    model_id: str | None
    adapters: Sequence[str]
    outside: Mapping[str, str]
    options: Mapping[str, Any]


def answers(changes: Mapping[str, Any]) -> list[Any]:
    """An update for each part; those without one stay as they are."""
    return [changes.get(part, gr.skip()) for part in PARTS]


def asked(values: Sequence[Any]) -> Asked:
    """The fields' values, in the order of `FIELDS` and then the options, as what they mean."""
    given = dict(zip(FIELDS, values[: len(FIELDS)], strict=True))
    text = {name: (given[name] or "").strip() for name in ("target", "name", "url", "api_key_env", "model")}
    outside = {name: text[name] for name in ("url", "model", "api_key_env") if text[name]}
    vllm_options = options.meant("vllm", values[len(FIELDS) :])
    kind = given["kind"]
    chosen = {"vllm": vllm_options, "external": outside, "llama": gguf_view.options(given["version"])}.get(kind, {})
    return Asked(text["target"], text["name"], kind, given["model_id"], given["adapters"] or (), outside, chosen)


def opened(deploy: str | None, model_id: str | None = None, run_id: str | None = None) -> list[Any]:
    """The form when the page opens: empty, for a model, for a run, or with what answers at an endpoint to deploy to."""
    if not deploy:
        return answers(_for_run(run_id) if run_id else _empty(model_id))
    try:
        facts = endpoints.describe(endpoints.look_up(deploy))
    except TunesmithError as error:
        return answers(_empty(None) | {"problem": shown(str(html.notice(error.message, error.hint)))})
    return answers(_filled(facts))


def shown(content: str) -> Any:
    """A part that is only there while it says something."""
    return gr.update(value=content, visible=bool(content))


def _for_run(run_id: str) -> dict[str, Any]:
    """A run's base with the run, and a name for both, which can be changed."""
    with db.reading() as session:
        run = runs.get(session, run_id)
    if run is None or run.deleted_at is not None or not run.artifact:
        return _empty(None) | {"problem": shown(str(html.notice("There is no such run to serve.")))}
    chosen = {"adapters": gr.update(choices=offered.trained(run.model_id), value=[run.id])}
    return _empty(run.model_id) | chosen | _named(free_names.of_run(run))


def _named(name: str) -> dict[str, Any]:
    return {"name": gr.update(value=name), "start": named(name, "")}


def _empty(model_id: str | None) -> dict[str, Any]:
    """Only what is offered: somebody may have begun to fill in the form before this has come."""
    models = offered.ready_models()
    asked_for = model_id if model_id in [id for _, id in models] else None
    first = asked_for or (models[0][1] if models else None)
    return {
        **({"accordion": gr.update(open=True), **_named(free_names.of_model(asked_for))} if asked_for else {}),
        "model_id": gr.update(choices=models, value=first),
        "adapters": gr.update(choices=offered.trained(first), value=[]),
        "version": gr.update(choices=gguf_view.choices()),
    }


def _filled(facts: Mapping[str, Any]) -> dict[str, Any]:
    kind, set_options = facts.get("kind") or "transformers", facts.get("options") or {}
    model_id, adapters = facts.get("model_id"), facts.get("adapters") or []
    values = {f"vllm.{name}": gr.update(value=_option(kind, set_options, name)) for name in options.names("vllm")}
    banner = Markup('<p class="sv-banner">{} {}</p>').format(
        Markup("What you start here replaces what <b>{}</b> serves, as soon as it answers.").format(facts["name"]),
        html.link("Make a new endpoint instead", "/serve"),
    )
    return {
        "accordion": gr.update(label=f"Deploy to {facts['name']}", open=True),
        "about": shown(str(banner)),
        "target": gr.update(value=facts["id"]),
        "name": gr.update(value=facts["name"], visible=False),
        "kind": gr.update(value=kind),
        "model_id": gr.update(choices=offered.ready_models(), value=model_id),
        "adapters": gr.update(choices=offered.trained(model_id), value=adapters),
        "version": gr.update(choices=gguf_view.choices(), value=set_options.get("export_id")),
        "url": gr.update(value=set_options.get("url", "") if kind == "external" else ""),
        "model": gr.update(value=set_options.get("model") if kind == "external" else None),
        "api_key_env": gr.update(value=set_options.get("api_key_env", "") if kind == "external" else ""),
        "start": gr.update(value="Deploy", interactive=True),
        **_for_kind(kind, model_id, adapters),
        **values,
    }


def _option(kind: str, set_options: Mapping[str, Any], name: str) -> Any:
    return options.shown("vllm", name, set_options.get(name) if kind == "vllm" else None)


def kind_chosen(kind: str, model_id: str | None, adapters: Sequence[str]) -> list[Any]:
    """Which fields are there: a server somewhere else needs an address, everything else a model."""
    return answers(_for_kind(kind, model_id, adapters))


def model_chosen(kind: str, model_id: str | None) -> list[Any]:
    """What the model's runs have trained, and what its options would be."""
    adapters = {"adapters": gr.update(choices=offered.trained(model_id), value=[])}
    return answers(adapters | (_proposed(model_id, ()) if kind == "vllm" else {}))


def _for_kind(kind: str, model_id: str | None, adapters: Sequence[str]) -> dict[str, Any]:
    return {
        "note": gr.update(value=note(kind)),
        "problem": shown(""),
        "inside": gr.update(visible=kind in WITH_MODEL),
        "gguf": gr.update(visible=kind == "llama"),
        "outside": gr.update(visible=kind == "external"),
        "vllm": gr.update(visible=kind == "vllm"),
        **(_proposed(model_id, adapters) if kind == "vllm" else {}),
    }


def _proposed(model_id: str | None, adapters: Sequence[str]) -> dict[str, Any]:
    proposed = proposals.of("vllm", model_id, adapters)
    return {f"vllm.{name}": options.proposed("vllm", name, proposed.get(name)) for name in options.names("vllm")}


def note(kind: str) -> str:
    """What a backend is, and whether it can run here."""
    about = Markup('<p class="ts-note">{}</p>').format(ABOUT.get(kind, ""))
    if kind not in INSTALLED:
        return str(about)
    try:
        return str(about + Markup('<p class="ts-note">Installed: <code>{}</code></p>').format(INSTALLED[kind]()))
    except RefusedError as error:
        link = html.link("Install it", INSTALL)
        words = Markup("{} {}.").format(error.message, link)
        return str(about + html.notice(words, error.hint, "warn"))


def look(url: str, key_env: str) -> list[Any]:
    """Who answers at an address, and its models to choose from."""
    try:
        seen = outside_look.look(url or "", (key_env or "").strip() or None)
    except TunesmithError as error:
        words = str(html.notice(error.message, error.hint))
        return answers({"looked": shown(words), "url": marked("url", "")})
    choices = looked_view.choices(seen)
    chosen = choices[0][1] if choices and not seen.problems else None
    return answers(
        {
            "looked": shown(looked_view.looked_html(seen)),
            "url": gr.update(value=seen.url, **_marks("url", "")),
            "model": gr.update(choices=choices, value=chosen, **_marks("model", "")),
        }
    )


def start(values: Sequence[Any], project_id: str) -> tuple[list[Any], str]:
    """Starts what the fields ask for. Gives the form's updates and, when it worked, what to say in a toast."""
    request = asked(values)
    if wrong := problems(request):
        return answers(_refused(wrong)), ""
    try:
        if request.target:
            endpoints.deploy(request.target, request.kind, _model(request), _adapters(request), dict(request.options))
            said = f"A new version of {request.name} is starting."
        else:
            endpoints.create_endpoint(
                request.name, request.kind, _model(request), _adapters(request), dict(request.options), project_id
            )
            said = f"{request.name} is starting."
    except TunesmithError as error:
        message, hint = (options.called(request.kind, text) for text in (error.message, error.hint))
        return answers(_refused({}) | {"problem": shown(str(html.notice(message, hint)))}), ""
    return answers(_refused({}) | _done(request)), said


def named(name: str | None, target: str | None) -> Any:
    """The button that starts: it waits for the name of a new endpoint."""
    return gr.update(interactive=bool((name or "").strip() or target))


def _model(request: Asked) -> str | None:
    return request.model_id if request.kind in WITH_MODEL else None


def _adapters(request: Asked) -> Sequence[str]:
    return request.adapters if request.kind in WITH_MODEL else ()


def _done(request: Asked) -> dict[str, Any]:
    if request.target:
        return {"problem": shown("")}
    emptied = gr.update(value="", **_marks("name", ""))
    return {"name": emptied, "start": named("", request.target), "problem": shown("")}


def problems(request: Asked) -> dict[str, str]:
    """What is wrong, by the field it stands at; "" for the rest."""
    messages: dict[str, str] = {}
    if not request.target:
        try:
            names.in_address(request.name, "endpoint")
        except RefusedError as error:
            messages["name"] = f"{error.message if request.name else 'The endpoint needs a name.'} {error.hint}"
    if request.kind == "external":
        return messages | _outside_problems(request)
    if request.kind == "llama":
        return messages | ({} if request.options else {"version": gguf_view.NONE_CHOSEN})
    if not request.model_id:
        messages["model_id"] = "Choose a model. The Models page adds some."
    if request.kind == "vllm":
        messages |= {
            f"vllm.{name}" if name else "": words for name, words in options.problems("vllm", request.options).items()
        }
    return messages


def _outside_problems(request: Asked) -> dict[str, str]:
    """What is wrong with the address, the model or the key's variable."""
    needed = {"url": "Type the address of the server.", "model": "Choose a model, or type its name."}
    missing = {name: words for name, words in needed.items() if not request.outside.get(name)}
    return missing or options.problems("external", request.options)


def _refused(wrong: Mapping[str, str]) -> dict[str, Any]:
    """Every field with what is wrong with it, or with nothing; no value is touched."""
    marks = {name: marked(name, wrong.get(name, "")) for name in HELP}
    marks |= {part: options.marked("vllm", part.removeprefix("vllm."), wrong.get(part, "")) for part in OPTIONS}
    count = len(wrong)
    words = "One field needs another value." if count == 1 else f"{count} fields need other values."
    line = str(html.notice(wrong.get("", words), "", "bad")) if wrong else ""
    return marks | {"problem": shown(line)}


def marked(name: str, problem: str) -> Any:
    """A field with what is wrong with it."""
    return gr.update(**_marks(name, problem))


def _marks(name: str, problem: str) -> dict[str, Any]:
    return {
        "info": options.literal(problem or HELP[name]),
        "elem_classes": ["sv-field", options.WRONG] if problem else ["sv-field"],
    }
