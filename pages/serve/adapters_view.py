"""The adapters on an endpoint's card: which are loaded, what each takes, and forms to add one and take one out."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from engine.serve import adapters
from pages.parts import html
from pages.parts.html import Header, Row
from pages.serve import offered
from storage.tables import Run

Facts = dict[str, Any]
COLUMNS = (
    "Adapter", "Names on /v1", Header("Memory", "number"), Header("Loaded in", "number"), "Status",
    Header("Actions", "actions"),
)  # fmt: skip
TONES = {"loaded": "good", "loading": "live", "failed": "bad", "draining": "warn"}


def adapters_html(facts: Facts) -> Markup:
    """The adapters of one endpoint; nothing where there are none."""
    listed = facts["served_adapters"]
    if not listed:
        return Markup()
    rows = [_row(facts, adapter) for adapter in listed]
    table = html.table(COLUMNS, rows, f"Adapters of {facts['name']}")
    return Markup('<div class="ts-adapters">{}{}</div>').format(table, _faster_merged(facts))


def _row(facts: Facts, adapter: Facts) -> Row:
    run = html.link(adapter["run_name"], f"/runs?run={adapter['run_id']}")
    step = Markup("<small>step {}</small>").format(f"{adapter['step']:,}") if adapter["step"] is not None else ""
    names = html.join(Markup("<code>{}</code> ").format(name) for name in adapter["names"])
    status = adapter["status"]
    badge = Markup('<span class="ts-badge" data-tone="{}" title="{}"><i></i>{}</span>').format(
        TONES.get(status, "calm"),
        adapter["error"] or "",
        status,
    )
    error = Markup("<small>{}</small>").format(adapter["error"]) if adapter["error"] else ""
    return Row(
        [
            Markup("{}{}").format(run, step),
            names,
            html.size(adapter["size_bytes"]),
            _milliseconds(adapter["load_seconds"]),
            Markup("{}{}").format(badge, error),
            _remove_button(facts, adapter),
        ],
        id=adapter["subject"],
    )


def _milliseconds(seconds: float | None) -> str:
    return html.DASH if seconds is None else f"{seconds * 1000:,.0f} ms"


def _remove_button(facts: Facts, adapter: Facts) -> Markup:
    if adapter["status"] not in ("loaded", "failed") or adapter["internal_name"] is None:
        return Markup()  # a whole model stays until its server ends
    own = facts["name"] in adapter["names"]
    answer = f" {facts['name']} then answers as the base model." if own else ""
    question = f"Remove {adapter['run_name']} from {facts['name']}?{answer} Running answers are finished first."
    return html.button("Remove", "remove-adapter", f"{facts['id']} {adapter['subject']}", question)


def _faster_merged(facts: Facts) -> Markup:
    """On a CPU, vLLM computes through an adapter at a part of its speed: one that stays is better merged."""
    listed = facts["served_adapters"]
    if facts.get("kind") != "vllm" or facts.get("device") != "cpu" or len(listed) != 1:
        return Markup()
    run_id = listed[0]["run_id"]
    text = Markup(
        '<p class="ts-note">On a CPU vLLM is slower through an adapter than with a whole model. For an adapter in '
        "steady use, {} it with its base and serve the result.</p>"
    )
    return text.format(html.link("merge", f"/runs?run={run_id}"))


def add_form(facts: Facts, deployable: Sequence[Run]) -> Markup:
    """A form to add a finished run of the same base, or one of its checkpoints, while the endpoint answers."""
    runs = [run for run in deployable if run.model_id == facts.get("model_id") and run.artifact == "adapter"]
    if not runs or facts.get("kind") in ("external", "llama") or facts["status"] != "ready" or facts["deploying"]:
        return Markup()
    options = html.join(
        Markup('<option value="{}">{}</option>').format(subject, label)
        for number, run in enumerate(runs)
        for label, subject in offered.of_run(run, number < offered.MOST_WITH_CHECKPOINTS)
    )
    return Markup(
        "<details><summary>Add an adapter</summary>"
        '<p class="ts-note">It is loaded while the endpoint answers. With a name it takes over what that name leads '
        "to: <code>{name}</code> itself, or a short one such as prod, which answers as <code>{name}:prod</code>.</p>"
        '<form class="ts-inline" data-act="add-adapter" data-id="{id}"><label><span class="ts-sr">Adapter</span>'
        '<select name="subject" class="ts-input">{options}</select></label>'
        '<label><span class="ts-sr">Name</span><input name="alias" class="ts-input" maxlength="100" '
        'placeholder="Name, may be empty" autocomplete="off"></label>'
        '<button class="ts-button">Add</button></form></details>'
    ).format(name=facts["name"], id=facts["id"], options=options)


def add(endpoint_id: str, values: Mapping[str, str]) -> None:
    """What the form does."""
    run_id, _, step = values.get("subject", "").partition("@")
    adapters.add(endpoint_id, run_id, int(step) if step.isdecimal() else None, values.get("alias", "").strip() or None)


def remove(pair: str) -> None:
    """What a row's button does: its id is the endpoint's and the adapter's."""
    endpoint_id, _, subject = pair.partition(" ")
    adapters.remove(endpoint_id, subject)
