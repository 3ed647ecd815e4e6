"""Whether an answer does what was asked: by what stands in it, never by running it."""

import ast
import re
from collections.abc import Callable
from decimal import Decimal

from engine.evaluate.measures import numbers, structure, text

Check = Callable[[str], bool]
LONGEST_CODE = 4000  # characters: what a question asks for takes a tenth
MOST_NUMBERS = 200  # of an answer that is to count
MOST_WORDS = 6  # of a line of a list
_HANGUL = re.compile(r"[가-힣]")
_CLAUSE_ENDS = re.compile(r"[.;!?\n]|,? \b(?:not|while|but|whereas|unlike|rather than)\b")
_COUNTED = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_GLUED = ("입니다", "이에요", "예요", "이다", "이야", "일", "일입니다", "일이에요", "일이다", "날", "개")
_LOOPS = (
    re.compile(r"\bfor\b.{1,40}\brange\(\s*1\s*,\s*(?:11|10\s*\+\s*1)\s*\)"),
    re.compile(r"\bfor\b.{1,40}\brange\(\s*10\s*\)[\s\S]{1,60}\+\s*1"),
    re.compile(r"\bfor\b.{1,40}\[\s*1\s*,\s*2\s*,\s*3\s*,\s*4\s*,\s*5\s*,\s*6\s*,\s*7\s*,\s*8\s*,\s*9\s*,\s*10\s*\]"),
    re.compile(r"\bwhile\b.{1,30}(?:<=\s*10|<\s*11)\b"),
)


def says(*phrases: str) -> Check:
    """One of some words or phrases, not within another word, whatever its case. A Korean ending may follow."""
    parts = "|".join(r"\s+".join(map(re.escape, phrase.casefold().split())) for phrase in phrases)
    pattern = re.compile(rf"(?<![^\W_])(?:{parts})(?![^\W_가-힣])")
    return lambda answer: pattern.search(text.final(answer).casefold()) is not None


def contains(*phrases: str) -> Check:
    """One of some texts anywhere: Korean glues endings to its words."""
    return lambda answer: any(phrase in text.final(answer) for phrase in phrases)


def chosen(right: str, *others: str) -> Check:
    """The right one of those in the question, before any of the others is named: naming them all is no answer."""

    def check(answer: str) -> bool:
        first = _CLAUSE_ENDS.split(text.final(answer).strip().casefold(), maxsplit=1)[0]
        return says(right)(first) and not says(*others)(first)

    return check


def counts_to(last: int) -> Check:
    """The numbers from 1 to `last` in order, in digits or words, and none beyond."""
    wanted_numbers = list(range(1, last + 1))

    def check(answer: str) -> bool:
        parts = re.findall(rf"\d+|\b(?:{'|'.join(_COUNTED)})\b", text.final(answer).casefold())[:MOST_NUMBERS]
        told = [int(part[:9]) if part.isdigit() else _COUNTED.index(part) + 1 for part in parts]
        runs = (told[start : start + last] for start in range(len(told) - last + 1))
        return max(told, default=0) == last and any(run == wanted_numbers for run in runs)

    return check


def number(right: int, *words: str) -> Check:
    """A number among those of the answer, or its word. What is asked for does not stand in the question."""
    return lambda answer: Decimal(right) in numbers.every(text.final(answer)) or (bool(words) and says(*words)(answer))


def korean_number(right: int, *words: str) -> Check:
    """The same for Korean, where endings and units are glued to a word."""
    glued = re.compile(rf"(?<![가-힣])(?:{'|'.join(words)})(?:{'|'.join(_GLUED)})?(?![가-힣])")
    return lambda answer: number(right)(answer) or glued.search(text.final(answer)) is not None


def only(*phrases: str) -> Check:
    """One of some answers and nothing else, but for case and punctuation."""
    allowed = {text.normal(phrase) for phrase in phrases}
    return lambda answer: text.normal(text.final(answer)) in allowed


def at_most_words(most: int, check: Check) -> Check:
    """Right, and no longer than was asked for."""
    return lambda answer: len(text.words(text.final(answer))) <= most and check(answer)


def in_capitals(word: str) -> Check:
    return lambda answer: word.upper() in text.final(answer)


def lines_of(count: int, names: frozenset[str]) -> Check:
    """So many short lines, each with one of these names or its plural: a list as it was asked for."""

    def check(answer: str) -> bool:
        written = [line for line in text.final(answer).splitlines() if line.strip()]
        return len(written) == count and all(map(_is_right, written))

    def _is_right(line: str) -> bool:
        words = text.words(line)
        return len(words) <= MOST_WORDS and any(map(_is_one, words))

    def _is_one(word: str) -> bool:
        return any(form in names for form in (word, word.removesuffix("s"), word.removesuffix("es"), f"{word[:-3]}y"))

    return check


def repeated(word: str, times: int) -> Check:
    return lambda answer: text.words(text.final(answer)) == [word] * times


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


def loop_to_ten(answer: str) -> bool:
    """A Python loop that prints 1 to 10, by how its ends are written. It is not run."""
    plain = text.final(answer)[:LONGEST_CODE]
    return "print(" in plain and any(pattern.search(plain) for pattern in _LOOPS)


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
