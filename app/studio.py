"""The window: every page under a route of its own, in the order a person meets them."""

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

import gradio as gr

from pages import shell

NAMES = ("home", "models", "data", "train", "runs", "serve", "chat", "system")
SESSIONS_KEPT = 32  # Gradio keeps 10,000, about a megabyte each


def pages() -> tuple[ModuleType, ...]:
    """The pages there are. Each has SLUG, TITLE, SUBTITLE, KEY, ICON, FRAGMENTS and `page()`."""
    return tuple(import_module(f"pages.{name}") for name in NAMES if find_spec(f"pages.{name}"))


def build() -> gr.Blocks:
    """One Blocks with a route for every page. Mount it last, at "/"."""
    every = pages()
    with gr.Blocks(title="Tunesmith", analytics_enabled=False, fill_width=True) as demo:
        _draw(every[0], every)
    for module in every[1:]:
        with demo.route(module.TITLE, module.SLUG):
            _draw(module, every)
    demo.state_session_capacity = SESSIONS_KEPT
    return demo


def _draw(module: ModuleType, every: tuple[ModuleType, ...]) -> None:
    shell.frame(module, every)
    module.page()
