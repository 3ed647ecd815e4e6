"""Buttons that stop something: whether they ask first is decided once, by what is lost, and is the same on every page.

What can be taken up again asks nothing: a run saves a checkpoint, a sweep keeps its trials, an evaluation its answers.
What would have to be made anew asks, and says so.
"""

from typing import Literal

from markupsafe import Markup

from pages.parts import html

Noun = Literal["run", "sweep", "evaluation", "benchmark", "tuner", "import", "export"]

QUESTIONS: dict[Noun, str] = {
    "run": "",
    "sweep": "",
    "evaluation": "",
    "benchmark": "Stop the benchmark of {}? It cannot be continued: what is being measured now is lost. Complete"
    " measurements are kept.",
    "tuner": "Stop tuning {}? It cannot be continued: options that were not tried yet are left out.",
    "import": "Cancel the import of {}? The rows that were read are not kept.",
    "export": "Cancel the export {}? What was made so far is not kept.",
}


def stop(noun: Noun, id: str, name: str, act: str = "stop", label: str = "Stop") -> Markup:
    """The button. `name` is how a person knows what is stopped."""
    return html.button(label, act, id, QUESTIONS[noun].format(name))
