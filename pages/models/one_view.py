"""One model in full: what it is, where it lies, how it writes a chat, and what it is used for."""

from collections.abc import Mapping

from markupsafe import Markup

from engine.errors import NotFoundError
from engine.models import models, used
from engine.models.used import Used
from pages.models import cards
from pages.parts import html, listed
from storage.statuses import EndpointStatus, ModelStatus
from storage.tables import Backend, Endpoint, Model, Run

STARTING = (EndpointStatus.QUEUED, EndpointStatus.STARTING)


def one_html(query: Mapping[str, str]) -> str:
    """The model the address names. One that is gone is said to be."""
    try:
        model = models.look_up(query["model"])
    except NotFoundError as error:
        return str(html.empty("No such model", error.message, "/models", "All models", "models"))
    for_visitor, uses = query.get("role") == "viewer", used.of(model.id)
    back = Markup('<p class="da-back">{}</p>').format(html.link("All models", "/models", soft=True))
    parts = [_head(model, uses, for_visitor), _template(model), _endpoints(uses), _runs(uses), _results(uses)]
    return str(Markup('<div class="ts-stack mo-one" data-key="{}">{}{}</div>').format(model.id, back, html.join(parts)))


def _head(model: Model, uses: Used, for_visitor: bool) -> Markup:
    buttons = html.join([_chat(model, uses), cards.train_button(model), _serve(model), *cards.state_buttons(model)])
    head = Markup('<div class="ts-title"><h2>{}</h2>{}<div class="ts-actions">{}</div></div>').format(
        model.name, cards.badge(model), buttons
    )
    source = Markup('<p class="mo-source">{}</p>').format(cards.source(model, for_visitor))
    path = Markup() if for_visitor else listed.words(model) + _path(model)
    return Markup('<section class="ts-card">{}{}{}{}</section>').format(head, source, cards.state(model), path)


def _path(model: Model) -> Markup:
    """Where it lies, to be copied; and the exact commit, where it came from a hub."""
    places = [("Folder", model.path), ("Revision", model.revision)]
    items = [_place(name, f"{name.lower()}-{model.id}", value) for name, value in places if value]
    return Markup('<dl class="mo-paths">{}</dl>').format(html.join(items))


def _place(name: str, element_id: str, value: str) -> Markup:
    copy = Markup('<button type="button" class="ts-button" data-copy="{}" aria-label="Copy: {}">Copy</button>')
    return Markup('<div><dt>{}</dt><dd><code id="{}">{}</code>{}</dd></div>').format(
        name, element_id, value, copy.format(element_id, name)
    )


def _chat(model: Model, uses: Used) -> Markup:
    """Opens a chat where something answers for the model, else has it answer."""
    if model.status != ModelStatus.READY:
        return Markup()
    if endpoint := uses.answering:
        return html.link_button("Chat", f"/chat?endpoint={endpoint.name}", primary=True)
    if any(backend.status in STARTING for _, backend in uses.endpoints):
        return Markup('<button type="button" class="ts-button" disabled>Starting…</button>')
    return html.button("Chat", "chat", model.id, tone="primary")


def _serve(model: Model) -> Markup:
    return html.link_button("Serve", f"/serve?model={model.id}") if model.status == ModelStatus.READY else Markup()


def _template(model: Model) -> Markup:
    text = used.template(model)
    if text is None:
        return Markup()
    return html.card(
        "Chat template",
        Markup(
            '<details class="ts-more" data-keep id="template-{}"><summary>{}</summary>'
            '<pre class="ts-code" tabindex="0" aria-label="Chat template">{}</pre></details>'
        ).format(model.id, f"Jinja template, {len(text):,} characters", text),
    )


def _endpoints(uses: Used) -> Markup:
    if not uses.endpoints:
        return Markup()
    rows = [_endpoint_row(endpoint, backend) for endpoint, backend in uses.endpoints]
    headers = ("Endpoint", html.Header("Status", room=12), "Answered by", html.Header("Adapters", "number"))
    return html.card("Endpoints", html.table(headers, rows, "Endpoints of this model"))


def _endpoint_row(endpoint: Endpoint, backend: Backend) -> html.Row:
    name = html.link(endpoint.name, "/serve")
    return html.Row((name, html.badge(backend.status), backend.kind, str(len(backend.adapters))), id=backend.id)


def _runs(uses: Used) -> Markup:
    if not uses.runs:
        nothing = Markup('<p class="ts-note">No run of this model yet.</p>')
        return html.card("Runs", nothing)
    headers = (
        "Run",
        html.Header("Status", room=12),
        "Method",
        html.Header("Loss", "number"),
        html.Header("Created", "number"),
    )
    more = uses.run_count - len(uses.runs)
    note = Markup('<p class="ts-note">The newest; {} more are on the Runs page.</p>').format(more) if more else ""
    return html.card("Runs", html.table(headers, [_run_row(run) for run in uses.runs], "Runs of this model"), note)


def _run_row(run: Run) -> html.Row:
    name = html.link(run.name, f"/runs?run={run.id}")
    cells = (name, html.badge(run.status), run.method, html.number(run.loss), html.moment(run.created_at))
    return html.Row(cells, id=run.id)


def _results(uses: Used) -> Markup:
    """What its trainings have left, with the ways to use it."""
    if not uses.results:
        return Markup()
    rows = [_result_row(run) for run in uses.results]
    headers = ("Result of", "What it is", html.Header("Made", "number"), html.Header("Actions", "actions"))
    return html.card("Adapters and trained models", html.table(headers, rows, "Adapters and models trained from it"))


def _result_row(run: Run) -> html.Row:
    name = html.link(run.name, f"/runs?run={run.id}")
    return html.Row((name, _kind(run), html.moment(run.ended_at), _take(run)), id=run.id)


def _kind(run: Run) -> str:
    return "a whole model" if (run.artifact or "").startswith("model") else "an adapter for this model"


def _take(run: Run) -> Markup:
    return html.link_button("Get it", f"/runs?run={run.id}&tab=files")
