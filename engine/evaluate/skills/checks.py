"""Whether an answer does what was asked: by what stands in it, never by running it."""

import ast
import re
from collections.abc import Callable
from decimal import Decimal

from engine.evaluate.measures import numbers, structure, text

Check = Callable[[str], bool]
LONGEST_CODE = 4000  # characters: what a question asks for takes a tenth
_HANGUL = re.compile(r"[가-힣]")


def says(*phrases: str) -> Check:
    """One of some words or phrases, not within another word, whatever its case."""
    parts = "|".join(re.escape(phrase.casefold()) for phrase in phrases)
    pattern = re.compile(rf"(?<![^\W_])(?:{parts})(?![^\W_])")
    return lambda answer: pattern.search(text.final(answer).casefold()) is not None


def contains(*phrases: str) -> Check:
    """One of some texts anywhere: Korean glues endings to its words."""
    return lambda answer: any(phrase in text.final(answer) for phrase in phrases)


def says_all(*phrases: str) -> Check:
    return lambda answer: all(says(phrase)(answer) for phrase in phrases)


def chosen(right: str, *others: str) -> Check:
    """The right one of those in the question, and none of the others: naming them all is no answer."""
    return lambda answer: says(right)(answer) and not says(*others)(answer)


def number(right: int, *words: str) -> Check:
    """A number among those of the answer, or its word. What is asked for does not stand in the question."""
    return lambda answer: Decimal(right) in numbers.every(text.final(answer)) or (bool(words) and says(*words)(answer))


def only(*phrases: str) -> Check:
    """One of some answers and nothing else, but for case and punctuation."""
    allowed = {text.normal(phrase) for phrase in phrases}
    return lambda answer: text.normal(text.final(answer)) in allowed


def at_most_words(most: int, check: Check) -> Check:
    """Right, and no longer than was asked for."""
    return lambda answer: len(text.words(text.final(answer))) <= most and check(answer)


def in_capitals(word: str) -> Check:
    return lambda answer: word.upper() in text.final(answer)


def lines(count: int) -> Check:
    """So many lines with something in them, each short: a list as it was asked for."""

    def check(answer: str) -> bool:
        written = [line for line in text.final(answer).splitlines() if line.strip()]
        return len(written) == count and all(len(text.words(line)) <= 6 for line in written)

    return check


def repeated(word: str, times: int) -> Check:
    return lambda answer: text.words(text.final(answer)).count(word) == times


def starts_with(word: str) -> Check:
    return lambda answer: text.words(text.final(answer))[:1] == [word]


def in_korean(check: Check) -> Check:
    return lambda answer: _HANGUL.search(text.final(answer)) is not None and check(answer)


def json_with(**fields: object) -> Check:
    """A JSON object with these values, alone or in a fence."""

    def check(answer: str) -> bool:
        value = structure.value(answer)
        return isinstance(value, dict) and all(value.get(name) == right for name, right in fields.items())

    return check


def function(name: str, arguments: int, *needs: str) -> Check:
    """A Python function of that name and so many arguments, which can be read and returns or prints something; one of
    `needs` is in it. It is not run."""

    def check(answer: str) -> bool:
        source = _function_text(text.final(answer)[:LONGEST_CODE], name)
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
        functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
        return any(
            len(definition.args.args) == arguments and _does_something(definition) for definition in functions
        ) and (not needs or any(need in source for need in needs))

    return check


def _function_text(answer: str, name: str) -> str:
    """The lines from `def NAME(` to where its indentation ends; "" without any."""
    start = re.search(rf"^([ \t]*)def {name}\(", answer, re.MULTILINE)
    if not start:
        return ""
    first, *rest = answer[start.start() :].splitlines()
    margin = len(start[1])
    body = []
    for line in rest:
        if line.strip() and (line[:margin].strip() or not line[margin : margin + 1].isspace()):
            break
        body.append(line[margin:])
    return "\n".join([first[margin:], *body])


def _does_something(definition: ast.FunctionDef) -> bool:
    nodes = list(ast.walk(definition))
    returns = any(isinstance(node, ast.Return) and node.value is not None for node in nodes)
    return returns or any(isinstance(node, ast.Call) for node in nodes)
