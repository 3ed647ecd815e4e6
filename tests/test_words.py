"""Words that users stumbled over: what was said instead stays, and none of the old ones comes back."""

import re

import pytest

from engine.serve.vllm.options import VllmOptions
from pages.serve import options
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
    "is not an adapter": r"\bnames (no|nothing)\b",
    "differently": r"\botherwise than\b",
    "fixes": r"\b[Mm]ends?\b(?= )",
    "cleaned up": r"\bput (things )?away\b|\bis put away\b",
    "computed": r"\bworked out\b",
    "compared with the version before": r"\bbeside \{\}",
    "Use one of": r"\bHere run\b",
    "supports one objective": r"\bknows (one objective|numbers only)\b",
    "no request for 10 minutes": r"\bnobody asked\b|\bsomebody ended that\b",
    "Empty: chosen for this model": r"\b[Ww]hen empty\b|\bEmpty (reads|takes)\b|\bProposed for\b",
    "Skip compiling": r"^No compiling$",
    "Prompt tokens": r"^Tokens of (a prompt|an answer)$|^Requests of a level$",
    "a new version is tested beside the old one": r"\binstalled aside\b|\bput into use\b|\binto use again\b",
    "Roll back": r"\b[Ss]en[dt] (it|the new version)( of \{\})? back\b|\bwas sent back after\b",
    "destination": r"\bAdd a place\b|\bPlaces that messages\b|\bNo places yet\b",
    "dropped": r"\bis not sent any more\b",
    "can no longer be undone": r"\bcannot be undone any more\b",
    "separated by commas": r"\bwith commas\b",
    "Expires": r"\bThen it allows nothing\b",
    "Response": r"\bWhat came back$",
    "Not checked yet": r"\bNot looked at yet\b",
    "reading, measuring": r"\b[Bb]eing looked at\b",
    "The download failed": r"\bcould not be fetched\.$",
    "The hub did not answer": r"\bhub could not be asked\b",
    "uses your settings": r"\breckons with\b",
    "You must accept its terms": r"\bIts owners want\b",
    "Does not fit here": r"^Why this one$",
    "nothing is asked while it trains": r"\bno answers on the way\b",
    "being removed": r"\bon its way out\b|\bfetched no more\b",
    "in progress": r"^on their way$",
    "no NVIDIA GPU was found": r"\bthe studio sees no\b",
    "the largest drops first": r"\blargest losses first\b",
    "the model it was trained from": r"\bmodel its training began with\b|\bthose its run held out\b",
    "reading files": r"^being read$",
    "Waiting for its turn.": r"^It waits for its turn\.$",
    "Not offered": r"^Why this one$",
    "Item": r"^Thing$",
    "the file was deleted": r"\bgone from the disk, so only\b",
}
# The same of the guides of the pages Evaluate, Registry and Serve, of runtimes and of links.
GUIDES = ("evaluate", "evaluations", "registry", "runtimes", "serve", "live-links")
OLD_IN_GUIDES = {
    "entirely to the right": r"\bwholly on\b",
    "automatically": r"\bgets one by itself\b",
    "reached the length limit": r"\bcame to (the|their) (longest|end)\b",
    "Trainings go first": r"\bwaits behind\b|\bsteps aside\b",
    "tested before use": r"\b[Ii]nstalled aside\b|\bput into use\b|\bputs it into use\b|\bleads forth\b",
    "never reused": r"\bnever\s+given twice\b",
    "exits with status 1": r"\bends with 1\b",
    "side by side": r"\bbeside each other\b",
    "Download": r"^## Take it away",
    "By default": r"\b[Ll]eft as it is\b",
    "expires": r"\bunless you say otherwise\b",
    "Before the download": r"\banything is fetched\b|\bit is said what\b",
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


@pytest.mark.parametrize("better", OLD_IN_GUIDES)
def test_no_guide_of_the_later_pages_says_it_in_the_old_way(better: str) -> None:
    texts = {name: (ROOT / "docs" / "guide" / f"{name}.md").read_text(encoding="utf-8") for name in GUIDES}
    said = [name for name, text in texts.items() if re.search(OLD_IN_GUIDES[better], text, re.MULTILINE)]
    assert said == [], f"say: {better}"


def test_a_guide_says_nothing_twice() -> None:
    for name in GUIDES:
        lines = (ROOT / "docs" / "guide" / f"{name}.md").read_text(encoding="utf-8").splitlines()
        points = [line.partition("**:")[0] for line in lines if line.startswith("* **")]
        assert len(points) == len(set(points)), name


def test_the_serve_page_calls_options_by_their_labels() -> None:
    said = options.called("vllm", "`max_num_batched_tokens` is 16: it must be at least max_num_seqs, which is 64.")
    assert said == "“Tokens per step” is 16: it must be at least “Answers at once”, which is 64."
    assert options.in_words({"max_num_seqs": 4, "dtype": "auto", "url": "x"}) == (
        "Answers at once: 4, Data type: auto, url: x"
    )
    helps = {name: options.help_of(VllmOptions.model_fields[name]) for name in options.names("vllm")}
    helps.pop("extra_args")  # it lists what is written there
    assert {name: text for name, text in helps.items() if options.called("vllm", text) != text} == {}
