"""Files beside the message: looked at as soon as they are chosen, shown by their names until the message is sent."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from engine.chat import attached_files
from pages.parts import toasts


def named(files: Sequence[str] | None) -> list[tuple[Path, str]]:
    """Paths as Gradio hands them over, each with the file's own name."""
    return [(Path(path), Path(path).name) for path in files or ()]


def attach(before: Sequence[str] | None, chosen: Sequence[str] | None) -> dict[str, Any]:
    """The files that go with the message: those of before, and the chosen ones if they can go too."""
    with toasts.toast():
        files = [*(before or ()), *(chosen or ())]
        attached_files.question("", named(files))
        return dict(gr.update(value=files, visible=bool(files)))
    return dict(gr.skip())


def shown(files: Sequence[str] | None) -> dict[str, Any]:
    """Hidden again when the last one is taken away."""
    return dict(gr.update(visible=bool(files)))
