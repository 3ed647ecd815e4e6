"""Serving a version: the form for a new endpoint, or, for a GGUF file without llama.cpp, the way to it."""

from typing import Any

from markupsafe import Markup

from engine.errors import TunesmithError
from engine.runtimes import runtimes
from engine.serve import gguf
from pages.parts import fields, html
from pages.parts.filling import filled
from storage.statuses import WORK_MOVING

INSTALL = "install-llama"


def folded(label: str, subject: str, kind: str, name: str) -> Markup:
    """A fold with the form. `subject` is NAME/3 or NAME@ALIAS, `kind` what the version is, `name` what is proposed."""
    content = _form(subject, name) if kind != "gguf" else _gguf(subject, name)
    return filled('<details class="rg-more"><summary>{}</summary>{}</details>', label, content)


def _form(subject: str, name: str) -> Markup:
    return fields.form("serve", subject, "Serve", fields.text("endpoint", "Name of the endpoint", value=name))


def _gguf(subject: str, name: str) -> Markup:
    """A GGUF file is served by llama.cpp, which may have to be installed first."""
    try:
        gguf.libraries()
    except TunesmithError as error:
        return _missing(error)
    return _form(subject, name)


def _missing(error: TunesmithError) -> Markup:
    facts = runtimes.describe(gguf.RUNTIME)
    if facts["status"] in WORK_MOVING:
        told = html.notice("llama.cpp is being installed.", "The Serve page shows how far it is.", "calm")
        return told + html.link("Runtimes", "/serve#runtimes")
    if facts["installed"] or facts["reason"]:
        return html.notice(error.message, facts["reason"] or error.hint, "warn")
    return html.notice(error.message, _needs(facts), "warn") + html.button("Install llama.cpp", INSTALL, "llama")


def _needs(facts: dict[str, Any]) -> str:
    download = f"It downloads {html.size(facts['download_bytes'])}"
    if facts["build_minutes"]:
        return f"{download}, is built on this machine and takes about {facts['build_minutes'] + 2} minutes."
    return f"{download} and takes a minute or two."
