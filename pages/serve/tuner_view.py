"""A tuner on the Serve page: how far it is, what each variant gave, and the best to put to use."""

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from pages.parts import html, stopping
from pages.serve.options import in_words

Facts = dict[str, Any]
STAGES = {
    "starting": "is about to start",
    "waiting": "is starting",
    "measuring": "is being measured",
    "ending": "is cleaned up",
    "returning": "has ended, and the endpoint comes back",
}


def tuners_html(described: Sequence[Facts]) -> Markup:
    """The last tuners, the newest first; those that are over are folded."""
    return html.join(_tuner(facts) for facts in described)


def _tuner(facts: Facts) -> Markup:
    buttons = html.join(_buttons(facts))
    heading = f"Options of {facts['endpoint_name']}"
    head = Markup('<div class="ts-title"><h3>{}</h3>{}<div class="ts-actions">{}</div></div>').format(
        heading, html.badge(str(facts["status"])), buttons
    )
    trouble = html.notice(facts["error"], facts["hint"] or "") if facts["error"] else Markup()
    body = html.join([head, _progress(facts), trouble, _verdict(facts), _variants(facts)])
    return Markup('<section class="ts-tuner" data-id="{}" data-key="{}">{}</section>').format(
        facts["id"], facts["id"], body
    )


def _buttons(facts: Facts) -> list[Markup]:
    if facts["stage"] != "over":
        stopped = facts["status"] == "stopped"
        return [] if stopped else [stopping.stop("tuner", facts["id"], facts["endpoint_name"], "stop-tuner")]
    buttons = []
    if facts["best"] and not facts["applied_at"]:
        words = options_words(facts["variants"][facts["best"]]["options"])
        question = f"Deploy {facts['endpoint_name']} with {words}?"
        buttons.append(html.button("Use the best", "apply-tuner", facts["id"], confirm=question, tone="primary"))
    buttons.append(html.button("Delete", "delete-tuner", facts["id"], confirm="Delete this tuner?", tone="danger"))
    return buttons


def _progress(facts: Facts) -> Markup:
    if facts["stage"] == "over":
        return Markup()
    done = round(facts["progress"] * len(facts["variants"]))
    place = min(done + 1, len(facts["variants"]))
    rests = " The endpoint does not answer meanwhile." if facts["in_place"] else ""
    words = f"Variant {place} of {len(facts['variants'])} {STAGES[facts['stage']]}.{rests}"
    return Markup('{}<p class="ts-note">{}</p>').format(html.progress(facts["progress"], "Tuner"), words)


def _verdict(facts: Facts) -> Markup:
    if facts["best"] is None:
        return Markup()
    if facts["applied_at"]:
        return html.notice("The best options were deployed.", tone="good")
    best = facts["variants"][facts["best"]]
    if facts["best"] == 0:
        return html.notice("The present options are the best of those tried.", tone="good")
    faster = f", {best['ratio']:.2f} times the present" if best["ratio"] else ""
    return html.notice(f"Best: {options_words(best['options'])}{faster}.", tone="good")


def _variants(facts: Facts) -> Markup:
    score = "Goodput/s" if facts["load"]["goodput"] else "Tokens/s"
    heads: list[str | html.Header] = [
        "Options", "Status", html.Header(score, "number"), html.Header("To present", "number"),
        html.Header("TTFT p99, ms", "number"), html.Header("TPOT p50, ms", "number"),
    ]  # fmt: skip
    rows = [_row(facts, place, variant) for place, variant in enumerate(facts["variants"])]
    table = html.table(heads, rows, f"Variants of {facts['endpoint_name']}")
    if facts["stage"] != "over":
        return table
    return Markup("<details><summary>What was tried</summary>{}</details>").format(table)


def _row(facts: Facts, place: int, variant: Facts) -> html.Row:
    numbers = variant["numbers"]
    words = options_words(variant["options"]) + (" (present)" if place == 0 else "")
    error = Markup("<small>{}</small>").format(variant["error"]) if variant["error"] else Markup()
    status = html.join([html.badge(variant["status"]), error])
    ratio = f"{variant['ratio']:.2f} x" if variant["ratio"] is not None else html.DASH
    times = [html.number(numbers.get(name), 3) for name in ("p99_ttft_ms", "median_tpot_ms")]
    return html.Row([words, status, html.number(variant["score"], 4), ratio, *times], selected=place == facts["best"])


def options_words(options: Facts) -> str:
    """Options in a line."""
    return in_words(options) or "defaults"
