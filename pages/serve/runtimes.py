"""Runtimes on the Serve page: what is installed, what an installation takes and how far it is, and the way back."""

from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr
from markupsafe import Markup

from engine.runtimes import runtimes
from pages.parts import html, live, toasts
from pages.parts.log_link import log_link

Facts = Mapping[str, Any]
MOVING = ("queued", "running")
INTRO = (
    "Programs beside the studio, each in its own environment. A new version is installed and tested beside the old "
    "one, which stays in use until then."
)


def section() -> None:
    """The runtimes, live, with their buttons."""
    live.acting(live.live("runtimes", runtimes_html, seconds=3, actions=True), act)


def act(event: gr.EventData) -> None:
    """What a button of a runtime does."""
    with toasts.toast():
        ACTS[event.name](event.id)


ACTS: dict[str, Callable[[str], object]] = {
    "runtime-install": runtimes.install,
    "runtime-again": lambda kind: runtimes.install(kind, again=True),
    "runtime-cancel": runtimes.cancel,
    "runtime-back": runtimes.roll_back,
    "runtime-uninstall": runtimes.uninstall,
}


def runtimes_html(query: Mapping[str, str]) -> str:
    """A card with a part for each kind; nothing for a visitor of a share link, as paths of this machine are in it."""
    if query.get("role") == "viewer":
        return ""
    parts = html.join(_runtime(facts) for facts in runtimes.describe_all())
    intro = Markup('<p class="ts-note">{}</p>').format(INTRO)
    return str(html.card("Runtimes", intro, parts, id="runtimes"))


def _runtime(facts: Facts) -> Markup:
    head = Markup('<div class="ts-title"><h3>{}</h3>{}<div class="ts-actions">{}</div></div>').format(
        facts["title"], _badge(facts), html.join([_log(facts), *_buttons(facts)])
    )
    purpose = Markup('<p class="ts-note">{}</p>').format(facts["purpose"])
    return Markup('<section class="ts-runtime" data-key="{}">{}{}{}{}{}</section>').format(
        facts["kind"], head, purpose, _installing(facts), _facts(facts), _tried(facts)
    )


def _log(facts: Facts) -> Markup:
    """Of the newest installation."""
    return log_link(facts["id"], f"installation of {facts['title']}") if facts["id"] else Markup()


def _badge(facts: Facts) -> Markup:
    if facts["status"] in MOVING:
        return html.badge("installing")
    return html.badge("ready") if facts["installed"] else html.badge("not installed")


def _buttons(facts: Facts) -> list[Markup]:
    kind, title, installed = facts["kind"], facts["title"], facts["installed"]
    if facts["status"] in MOVING:
        return [html.button("Cancel", "runtime-cancel", kind, f"Cancel the installation of {title}?")]
    buttons = []
    if facts["offered"] and not facts["reason"] and not facts["is_current"]:
        words = "Use it" if facts["own"] else "Update" if installed else "Install"
        buttons.append(html.button(words, "runtime-install", kind, tone="" if installed else "primary"))
    if facts["version_before"]:
        question = f"Switch back to {title} {facts['version_before']}?"
        buttons.append(html.button(f"Back to {facts['version_before']}", "runtime-back", kind, question))
    if installed:
        question = f"Uninstall {title}? Every version of it is removed from the disk."
        buttons.append(html.button("Uninstall", "runtime-uninstall", kind, question, "danger"))
    return buttons


def _installing(facts: Facts) -> Markup:
    if facts["status"] in MOVING:
        share = "" if facts["progress"] is None else f"{100 * facts['progress']:.0f} %"
        return Markup('<div class="mo-fetching"><p><span>{}</span><span>{}</span></p>{}</div>').format(
            facts["stage"] or "Waiting", share, html.progress(facts["progress"], f"Installing {facts['title']}")
        )
    if facts["status"] == "failed":
        return html.notice(facts["error"] or "It could not be installed.", facts["hint"] or "")
    return Markup()


def _facts(facts: Facts) -> Markup:
    installed = facts["installed"]
    if facts["reason"] and not installed:
        return html.notice("Cannot be installed here", facts["reason"], "warn")
    pairs: list[tuple[str, object]] = []
    if installed:
        size = None if installed["own"] else html.size(installed["size_bytes"])
        pairs += [("In use", f"{installed['words']} {installed['version']}"), ("Size on disk", size)]
        pairs += [("Installed", html.moment(installed["installed_at"]))]
    if facts["offered"] and not facts["is_current"]:
        pairs += [("Found here" if facts["own"] else "To install", facts["offered"])]
        pairs += [("Download", _size(facts["download_bytes"])), ("Free disk needed", _size(facts["disk_bytes"]))]
        pairs += [("Built here", f"about {facts['build_minutes']} min")] if facts["build_minutes"] else []
    pairs += [("Not offered", note) for note in facts["notes"] if not facts["is_current"]]
    return html.facts(pairs)


def _tried(facts: Facts) -> Markup:
    """What was tested before it was used."""
    checks = facts["installed"]["checks"] if facts["installed"] else []
    return Markup('<p class="ts-note">Tested before use: {}.</p>').format("; ".join(checks)) if checks else Markup()


def _size(count: int | None) -> str | None:
    return None if count is None else html.size(count)
