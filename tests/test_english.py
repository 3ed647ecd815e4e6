"""Turns of phrase that a reader stumbles over stand in no sentence of the studio."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGES = ("app", "pages", "engine", "storage")
ODD = {
    "is not a": r"(?<!here )\b(is|are|was|were) no (?!longer\b|more\b)",
    "12 datasets are": r"\bThat are\b",
    "1 GB is free": r"\b(GB|MB|\{\}) (of disk )?are (free|needed)\b",
    "overfitting, memorises": r"\bby heart\b",
    "diverged": r"\b(runs|ran) away\b",
    "NaN or infinity": r"\b(no|not) numbers\b",
    "silently, without a message": r"\bwithout a word\b",
    "is not valid": r"\b(recipe|request|mapping|options?) (does|do) not hold\b",
    "does not support": r"\bnot bear\b",
    "will, should": r"\bshall\b",
    "anyone who": r"\bwhoever\b",
    "how many there were": r"\bit were\b",
    "what it is doing": r"\bgoes on in\b",
    "continues": r"\b(go|goes|went) on from\b",
    "is in": r"\b(lies|stands) (in|inside|here|there)\b",
}


@cache
def sentences() -> tuple[tuple[str, str], ...]:
    """Where each text of the code stands, and the text, with {} for what is filled in."""
    files = [file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py"))]
    return tuple((f"{file.relative_to(ROOT)}:{line}", text) for file in files for line, text in texts_in(file))


def texts_in(file: Path) -> Iterator[tuple[int, str]]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    nodes = list(ast.walk(tree))
    inner = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
    comments = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}  # docstrings
    for node in nodes:
        if id(node) in inner | comments:
            continue
        if isinstance(node, ast.JoinedStr):
            yield node.lineno, "".join(words_of(part) for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def words_of(part: ast.expr) -> str:
    return str(part.value) if isinstance(part, ast.Constant) else "{}"


@pytest.mark.parametrize("better", ODD)
def test_no_sentence_has_an_odd_turn(better: str) -> None:
    findings = [(place, text) for place, text in sentences() if re.search(ODD[better], text)]
    assert findings == [], f"say: {better}"
