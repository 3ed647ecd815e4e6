"""The parity of an endpoint on its card: whether it answers as it was trained, and where it does not."""

from typing import Any

from markupsafe import Markup

from engine.serve import parity
from pages.parts import html
from pages.parts.log_link import log_link

Facts = dict[str, Any]
MOVING = ("queued", "running")


def parity_html(facts: Facts, parity: Facts | None) -> Markup:
    """A fold with the badge, what differs, and the button; nothing where there is nothing to compare.

    `found` is of parity.of_all.
    """
    if facts.get("kind") in (None, "external", "llama") or (facts.get("kind") == "vllm" and facts["does"] != "text"):
        return Markup()
    begin = Markup()
    if facts["status"] == "ready" and not (parity and parity["status"] in MOVING):
        begin = html.button("Compare again" if parity else "Compare now", "parity")
    about = Markup(
        '<p class="ts-note">The trained form and the server are asked the same prompts, eight fixed ones and held-out '
        "rows of each run. The likeliest token counts; both should choose the same, token by token.</p>"
    )
    log = log_link(parity["work_id"], f"parity of {facts['name']}") if parity else ""
    return Markup('<details><summary>Parity {}</summary>{}{}<div class="ts-actions">{}{}</div></details>').format(
        badge(parity), about, _told(parity), begin, log
    )


def badge(parity: Facts | None) -> Markup:
    """In a word or two."""
    if parity is None:
        return Markup('<span class="ts-note">not compared yet</span>')
    if parity["status"] in MOVING:
        return _badge("live", "comparing")
    if parity["identical"] is None:
        return html.badge(parity["status"])
    words = "identical" if parity["identical"] else f"differs in {parity['differs']} of {parity['rows']}"
    words += "" if parity["current"] else ", of an earlier backend"
    return _badge("good" if parity["identical"] else "warn", words)


def _badge(tone: str, words: str) -> Markup:
    return Markup('<span class="ts-badge" data-tone="{}"><i></i>{}</span>').format(tone, words)


def _told(facts: Facts | None) -> Markup:
    if facts is None:
        return Markup()
    if facts["status"] in MOVING:
        return html.progress(facts["progress"], f"Comparing {facts['stage'] or ''}")
    if facts["identical"] is None:
        return html.notice(facts["error"] or "The comparison was stopped.", facts["hint"] or "")
    rows = [[name["name"], parity.asked(name), _verdict(name)] for name in facts["names"]]
    table = html.table(["Name", "Prompts", "Answers"], [html.Row(cells=row) for row in rows], "Parity of each name")
    note = Markup('<p class="ts-note">{}</p>').format(
        f"{facts['rows']} prompts, up to {facts['max_tokens']} tokens each, trained form in {facts['dtype']}, "
        f"{html.ago(facts['ended_at'])}."
    )
    return html.join([table, *(_where(name) for name in facts["names"] if name["where"]), note])


def _verdict(name: Facts) -> str:
    if name["identical"]:
        return f"identical in all {name['rows']}"
    words = f"{name['differs']} of {name['rows']} differ"
    if name["other_prompts"]:
        return f"{words}; {name['other_prompts']} prompts are read as other tokens"
    if name["near_ties"] == name["differs"]:
        return f"{words}, each at a near tie that rounding decides"
    return f"{words}, by up to {html.number(name['largest_gap'], 3)} nats"


def _where(name: Facts) -> Markup:
    rows = [
        html.Row(
            cells=[
                difference["prompt"][:80],
                _place(difference),
                difference["trained"][:120],
                difference["served"][:120],
            ]
        )
        for difference in name["where"]
    ]
    headers = ["Prompt", "First differs", "Trained", "Served"]
    return Markup("<h3>{}</h3>{}").format(name["name"], html.table(headers, rows, f"Differences of {name['name']}"))


def _place(difference: Facts) -> str:
    if difference["at"] is None:
        return "in the prompt"
    gap = "one has ended" if difference["gap"] is None else f"{html.number(difference['gap'], 3)} nats"
    return f"token {difference['at'] + 1}, {gap}"
