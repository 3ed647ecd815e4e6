"""The window: every page under a route of its own, in the order a person meets them."""

from types import ModuleType

import gradio as gr

from pages import shell, usage
from pages.chat import page as chat
from pages.code import page as code
from pages.data import page as data
from pages.evaluate import page as evaluate
from pages.help import page as help
from pages.home import page as home
from pages.models import page as models
from pages.registry import page as registry
from pages.runs import page as runs
from pages.serve import page as serve
from pages.sweeps import page as sweeps
from pages.system import page as system
from pages.train import page as train

PAGES: tuple[ModuleType, ...] = (
    home,
    models,
    data,
    train,
    runs,
    sweeps,
    evaluate,
    registry,
    serve,
    chat,
    code,
    usage,
    system,
    help,
)
"""Each has SLUG, TITLE, SUBTITLE, KEY, ICON, GROUP, FRAGMENTS and `page()`. Pages of a group stand together."""

SESSIONS_KEPT = 32  # Gradio keeps 10,000, about a megabyte each


def build() -> gr.Blocks:
    """One Blocks with a route for every page. Mount it last, at "/"."""
    with gr.Blocks(title="Tunesmith", analytics_enabled=False, fill_width=True) as demo:
        _draw(PAGES[0])
    for module in PAGES[1:]:
        with demo.route(module.TITLE, module.SLUG):
            _draw(module)
    demo.state_session_capacity = SESSIONS_KEPT
    return demo


def _draw(module: ModuleType) -> None:
    shell.frame(module, PAGES)
    module.page()
