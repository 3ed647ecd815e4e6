"""Words that users stumbled over: what was said instead stays, and none of the old ones comes back."""

import re

import pytest

from tests.conftest import ROOT
from tests.test_english import sentences

# What is better -> what was said. Of the window's and the engine's texts; names of actions and of code are none.
OLD = {
    "to fix": r"\b(put|puts) (it )?right\b",
    "import": r"\b[Bb]ring in\b|\bbrought in\b",
    "this many of the rows": r"\bso many of the\b",
    "so the share is approximate": r"\bis met about\b",
    "free": r"\bNobody\. ",
    "what it is: The base model to train.": r"\bby its id( in the studio)?\b(?! or name)",
    "the page of the guide": r"\bdocs/guide/",
    "The endpoint needs a name.": r"`` cannot be",
    "fits 80 % of the first rows": r"\(\{\} %\)$",
    "a time that was measured": r"\babout (two|2|one|a) minutes?\b(?! for)",
    "is queued": r"\bin the line\b",
    "no longer exists": r"\bnot (here|there) any more\b",
    "get the code": r"\bTake the code\b",
    "continues": r"\bGoes on again\b|\bWhat trains goes on\b",
    "stop following": r"\bFollow no more\b",
    "at the top": r"\bat its head\b",
    "remove from favourites": r"\bNo favourite\b",
    "no row of it": r"\bNothing of this file\b",
    "import it again": r"What is made in the studio has no columns.*upload",
}


@pytest.mark.parametrize("better", OLD)
def test_no_sentence_says_it_in_the_old_way(better: str) -> None:
    said = [(place, text) for place, text in sentences() if re.search(OLD[better], text)]
    assert said == [], f"say: {better}"


@pytest.mark.parametrize("better", OLD)
def test_no_script_of_the_window_says_it_in_the_old_way(better: str) -> None:
    said = [
        f"{file.name}: {text}"
        for file in sorted((ROOT / "app" / "static").rglob("*.js"))
        for text in re.findall(r'"([^"\n]+ [^"\n]+)"|`([^`\n]+ [^`\n]+)`', file.read_text(encoding="utf-8"))
        if re.search(OLD[better], " ".join(text))
    ]
    assert said == [], f"say: {better}"
