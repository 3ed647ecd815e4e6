"""What the hub answers on the Models page: models of a name, or one model with its size and whether it fits here.

`/models?hub=qwen3` searches, `/models?hub=Qwen/Qwen3-0.6B` (or its address) looks at that model. The hub is asked by a
worker; the page shows what has come of it.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from engine.errors import TunesmithError
from engine.models import hub, hub_check
from engine.models.hub import Asked
from engine.models.hub_check import Checked
from pages.parts import html
from storage.statuses import WORK_MOVING, WorkStatus
from storage.tables import Work

HUB = "https://huggingface.co"
WORDS = {"full": "Full fine-tuning", "lora": "LoRA", "qlora": "QLoRA, 4 bits"}


def hub_html(query: Mapping[str, str]) -> str:
    """The answer to the question in the address; nothing while there is none. Visitors ask nothing."""
    text = query.get("hub", "").strip()
    if not text or query.get("model") or query.get("role") == "viewer":
        return ""
    try:
        asked = asked_of(text)
        latest = hub.latest(asked) or hub.begin(asked)
        content = _answer(asked, latest)
    except TunesmithError as error:
        content = html.notice(error.message, error.hint)
    return str(Markup('<section class="mo-hub" data-key="{}">{}</section>').format(text, content))


def asked_of(text: str) -> Asked:
    """An id or an address is looked at, everything else is searched for. Raises RefusedError."""
    return hub.look_at(text) if "/" in text else hub.search_for(text)


def _answer(asked: Asked, latest: Work) -> Markup:
    if latest.status in WORK_MOVING:
        words = "Searching the hub" if asked.kind == hub.SEARCH else f"Looking at {asked.text}"
        return Markup('<div class="ts-card mo-fetching"><p><span>{}</span></p>{}</div>').format(
            words, html.progress(None, words)
        )
    if latest.status != WorkStatus.SUCCEEDED:
        again = Markup('<div class="ts-actions">{}</div>').format(html.button("Ask again", "ask-again", asked.text))
        return html.notice(latest.error or "The hub did not answer.", latest.hint or "") + again
    if asked.kind == hub.SEARCH:
        return _listed(asked.text, latest.result["models"])
    return _checked(hub_check.judged(latest))


def _listed(text: str, models: list[dict[str, Any]]) -> Markup:
    if not models:
        return html.empty("No such model", f"The hub has no model with safetensors that has {text} in its name.")
    headers = [
        html.Header("Model"),
        html.Header("Parameters", "number"),
        html.Header("Downloads", "number"),
        html.Header("Licence"),
        html.Header("Updated", "number"),
        html.Header("Actions", "actions"),
    ]
    table = html.table(headers, [_row(model) for model in models], "Models of the hub")
    note = "The most downloaded first. Look shows a model's size and whether it fits here, without a download."
    return html.card(f"On the hub: {text}", Markup('<p class="ts-note">{}</p>').format(note), table)


def _row(model: Mapping[str, Any]) -> html.Row:
    address = _address(model["id"])
    gated = html.badge("gated", "You must accept its terms on the hub first.") if model["gated"] else ""
    name = Markup('<div class="ts-name">{} {}</div>').format(html.link(model["id"], address, soft=True), gated)
    look = Markup('<a class="ts-button" data-soft href="{}" aria-label="Look at {}">Look</a>').format(
        address, model["id"]
    )
    figures = (html.count(model["parameters"]), html.count(model["downloads"]))
    cells = (name, *figures, model["licence"] or html.DASH, model["updated"] or html.DASH, look)
    return html.Row(cells, id=model["id"])


def _address(hub_id: str) -> str:
    """The address of the look at a model; an old one has no owner in its id, and is written as an address."""
    return f"/models?hub={quote(hub_id if '/' in hub_id else f'{HUB}/{hub_id}', safe='/:')}"


def _checked(checked: Checked) -> Markup:
    marks = [
        html.badge("gated", "You must accept its terms on the hub first.") if checked.gated else "",
        html.badge("private", "Only some accounts see it.") if checked.private else "",
    ]
    reasons = [html.notice(reason.message, reason.hint) for reason in checked.refusals]
    reasons += [html.notice(reason.message, reason.hint, "warn") for reason in checked.warnings]
    return html.card(
        checked.id,
        _facts(checked),
        _needs(checked),
        html.join(reasons),
        Markup('<footer class="ts-actions">{}</footer>').format(html.join(_buttons(checked))),
        aside=html.join(marks),
    )


def _facts(checked: Checked) -> Markup:
    context = f"{checked.context_length:,} tokens" if checked.context_length else None
    template = {True: "yes", False: "no", None: None}[checked.has_chat_template]
    return html.facts(
        (
            ("Download", html.size(checked.size_bytes)),
            ("Free disk", html.size(checked.free_disk_bytes)),
            ("Parameters", html.count(checked.parameters) if checked.parameters else None),
            ("Context", context),
            ("Licence", checked.licence),
            ("Chat template", template),
            ("Architecture", checked.architecture),
            ("Downloads", html.count(checked.downloads) if checked.downloads is not None else None),
        )
    )


def _needs(checked: Checked) -> Markup:
    """The memory of a training with each tuning, beside what there is."""
    if not checked.needs:
        return Markup()
    items = html.join(
        Markup('<div data-fits="{}"><span>{}</span><small>{} of {}</small>{}<small>{}</small></div>').format(
            "yes" if need.fits else "no",
            WORDS[need.tuning],
            html.size(need.memory_bytes),
            html.size(checked.memory_bytes),
            html.progress(
                need.memory_bytes / max(1, checked.memory_bytes),
                f"Memory of {WORDS[need.tuning]}",
                "calm" if need.fits else "bad",
            ),
            "fits here" if need.fits else "does not fit here",
        )
        for need in checked.needs
    )
    about = "Memory of a training with the usual settings, estimated. The Train page uses your settings."
    return Markup('<div class="mo-needs"><p class="ts-note">{}</p>{}</div>').format(about, items)


def _buttons(checked: Checked) -> list[Markup]:
    if checked.model_id:
        main = html.link_button("Open: already downloaded", f"/models?model={checked.model_id}", primary=True)
    elif checked.can_be_fetched:
        label = f"Download {html.size(checked.size_bytes)}"
        main = html.button(label, "fetch", checked.id, tone="primary")
    else:
        main = Markup()
    page = Markup('<a class="ts-button" href="{}/{}" target="_blank" rel="noopener noreferrer">Page on the hub</a>')
    close = Markup('<a class="ts-button" data-soft href="/models">Close</a>')
    again = html.button("Look again", "ask-again", checked.id) if checked.refusals else Markup()
    return [main, again, page.format(HUB, checked.id), close]
