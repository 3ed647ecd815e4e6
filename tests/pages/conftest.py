"""What the pages say in passing."""

import re

import gradio as gr
import pytest


@pytest.fixture
def toasts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The words of every toast that is shown, in order: Gradio itself shows them only in answer to a browser."""
    shown: list[str] = []
    for kind in ("Warning", "Success", "Info"):
        monkeypatch.setattr(gr, kind, lambda message, **_: shown.append(re.sub("</?b>", "", message)))
    return shown


@pytest.fixture(autouse=True)
def _untraced(untraced: None) -> None:
    """Workers and shims go without Coverage: tests.engine and tests.workers hold what runs in them."""
