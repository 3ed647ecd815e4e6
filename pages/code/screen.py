"""What an event writes to the page: the editor, the panels under it, and the line that says how it went."""

from typing import Any

import gradio as gr

from engine.code.candidates import Written
from pages.code import files
from pages.code.files import Desk, desk_with
from pages.code.sheet import Sheet

Shown = list[Any]
"""The snippet's id, the desk's four fields, the output, what was made, the error, the line."""


def shown(line: str, desk: Desk | None = None, **given: Any) -> Shown:
    """Those that are given; the others stay as they are."""
    parts = [given.get(name, gr.skip()) for name in ("output", "made", "error")]
    fields = [gr.skip()] * 4 if desk is None else files.fields(desk)
    return [given.get("snippet_id", gr.skip()), *fields, *parts, line]


def desk_after(sheet: Sheet, written: Written) -> Desk:
    """The files with an answer, the one it wrote last open."""
    return desk_with(written.files, written.changed[-1] if written.changed else sheet.opened, sheet.language)
