"""What the pages say in passing."""

import gradio as gr
import pytest
from markupsafe import escape


@pytest.fixture
def toasts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The words of every toast that is shown, in order: Gradio itself shows them only in answer to a browser."""
    shown: list[str] = []
    for kind in ("Warning", "Success", "Info"):
        monkeypatch.setattr(gr, kind, lambda message, title="", **_: shown.append(_words(title, message)))
    return shown


def _words(title: str, message: str) -> str:
    return message if title in ("", "Done", "Not done") else f"{escape(title)}<br>{message}"
