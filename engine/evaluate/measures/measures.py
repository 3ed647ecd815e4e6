"""Every measure by its name: what it says, which direction is better, and how it judges one answer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from engine.errors import NotFoundError
from engine.evaluate.measures import bleu, calls, numbers, overlap, structure, text
from engine.evaluate.measures.expected import Expected
from engine.evaluate.statistics.difference import Better
from engine.rows.verdict import Kind

# Where the number of a row comes from: its written answer, the model's probabilities, or the recipe's rewards.
Source = Literal["answer", "likelihood", "reward"]
Unit = Literal["share", "points", "nats", "perplexity", "characters", "number"]  # share: 0 to 1; points: 0 to 100
Judge = Callable[[str, Expected], float | None]
REWARD = "reward:"  # before the name of one reward of several

_ANSWERED: tuple[Kind, ...] = ("chat", "completion")
_WRITTEN: tuple[Kind, ...] = (*_ANSWERED, "prompt")
_LIKELY: tuple[Kind, ...] = (*_ANSWERED, "text", "stepwise", "preference", "unpaired")


@dataclass(frozen=True)
class Measure:
    """`help` says to a person what the number is. `judge` is None where the number does not come from a text."""

    name: str
    title: str
    help: str
    better: Better
    kinds: tuple[Kind, ...]
    unit: Unit = "share"
    is_binary: bool = False  # each row is right or wrong: decided by McNemar's exact test
    source: Source = "answer"
    judge: Judge | None = None


def look_up(name: str) -> Measure:
    """A measure by its name, `reward:NAME` included. Raises NotFoundError."""
    if name.startswith(REWARD) and len(name) > len(REWARD):
        rule = name.removeprefix(REWARD)
        help_text = f"The recipe's reward `{rule}` for an answer, on average."
        return Measure(name, f"Reward {rule}", help_text, "higher", _WRITTEN, "number", source="reward")
    if name not in MEASURES:
        raise NotFoundError(f"There is no measure `{name}`.", f"There are: {', '.join(MEASURES)}.")
    return MEASURES[name]


def score(name: str, answer: str, expected: Expected) -> float | None:
    """What one answer is worth. None where the row has nothing to measure it by, and where the number comes from the
    model or from a reward. Bounded in time and memory, whatever the answer is."""
    measure = look_up(name)
    return measure.judge(answer, expected) if measure.judge else None


def _exact(answer: str, expected: Expected) -> float | None:
    right = text.normal(text.final(expected.answer))
    return float(text.normal(text.final(answer)) == right) if right else None


def _with_text(compare: Callable[[str, str], float | None]) -> Judge:
    """A comparison with the expected text; None where there is none."""

    def judge(answer: str, expected: Expected) -> float | None:
        right = text.final(expected.answer)
        return compare(text.final(answer), right) if right else None

    return judge


_ALL = (
    Measure(
        "exact_match",
        "Exact match",
        "The share of answers equal to the expected one, ignoring case, spaces and punctuation at the ends.",
        "higher",
        _ANSWERED,
        is_binary=True,
        judge=_exact,
    ),
    Measure(
        "number_match",
        "Right number",
        "The share of answers whose last number is the expected one, whatever the words around it.",
        "higher",
        _ANSWERED,
        is_binary=True,
        judge=_with_text(numbers.same),
    ),
    Measure(
        "tool_arguments",
        "Right tool call",
        "The share of answers that call the expected tools with the expected arguments.",
        "higher",
        _ANSWERED,
        is_binary=True,
        judge=lambda answer, expected: calls.arguments(answer, expected.calls),
    ),
    Measure(
        "tool_name",
        "Right tool",
        "The share of answers that call the expected tools, whatever the arguments.",
        "higher",
        _ANSWERED,
        is_binary=True,
        judge=lambda answer, expected: calls.names(answer, expected.calls),
    ),
    Measure(
        "json_match",
        "Same JSON",
        "The share of answers with the same JSON value as the expected one, whatever the spaces and the order of keys.",
        "higher",
        _ANSWERED,
        is_binary=True,
        judge=_with_text(structure.json_match),
    ),
    Measure(
        "json_valid",
        "Valid JSON",
        "The share of answers that are valid JSON and nothing else.",
        "higher",
        _WRITTEN,
        is_binary=True,
        judge=lambda answer, _expected: structure.json_valid(answer),
    ),
    Measure(
        "json_schema",
        "Matches the schema",
        "The share of answers that are JSON and valid against the row's schema.",
        "higher",
        _WRITTEN,
        is_binary=True,
        judge=lambda answer, expected: structure.json_schema(answer, expected.schema),
    ),
    Measure(
        "regex",
        "Matches the pattern",
        "The share of answers in which the row's regular expression finds a match.",
        "higher",
        _WRITTEN,
        is_binary=True,
        judge=lambda answer, expected: structure.regex(answer, expected.pattern),
    ),
    Measure(
        "token_f1",
        "Token F1",
        "How many words the answer shares with the expected one, in any order: 100 % is all of them, 0 % none.",
        "higher",
        _ANSWERED,
        judge=_with_text(lambda answer, right: overlap.f1(text.words(answer), text.words(right))),
    ),
    Measure(
        "character_overlap",
        "Character overlap",
        "How many characters the answer shares with the expected one, in any order, for languages without spaces.",
        "higher",
        _ANSWERED,
        judge=_with_text(lambda answer, right: overlap.f1(text.characters(answer), text.characters(right))),
    ),
    Measure(
        "rouge_l",
        "ROUGE-L",
        "The longest sequence of words shared with the expected answer, gaps allowed: 100 % is the same text.",
        "higher",
        _ANSWERED,
        judge=_with_text(lambda answer, right: overlap.rouge_l(text.words(answer), text.words(right))),
    ),
    Measure(
        "chrf",
        "chrF",
        "Sequences of up to six characters shared with the expected answer, from 0 to 100, averaged over the rows.",
        "higher",
        _ANSWERED,
        "points",
        judge=_with_text(bleu.chrf),
    ),
    Measure(
        "bleu",
        "BLEU",
        "Sequences of up to four words shared with the expected answer, from 0 to 100, averaged over the rows.",
        "higher",
        _ANSWERED,
        "points",
        judge=_with_text(bleu.bleu),
    ),
    Measure(
        "nll",
        "Loss of the answers",
        "How surprised the model is by the expected answers: the average negative log-probability of a token.",
        "lower",
        _LIKELY,
        "nats",
        source="likelihood",
    ),
    Measure(
        "perplexity",
        "Perplexity",
        "The loss in another form (e to its power): as if the model chose among this many equally likely tokens.",
        "lower",
        _LIKELY,
        "perplexity",
        source="likelihood",
    ),
    Measure(
        "preference_accuracy",
        "Preferred answers",
        "The share of rows where the model finds the better answer likelier, or a reward model scores it higher.",
        "higher",
        ("preference",),
        is_binary=True,
        source="likelihood",
    ),
    Measure(
        "preference_margin",
        "Preference margin",
        "How far better answers lie above worse ones: in log-probability per token, or in a reward model's score.",
        "higher",
        ("preference", "unpaired"),
        "nats",
        source="likelihood",
    ),
    Measure(
        "reward",
        "Reward",
        "The weighted sum of the recipe's rewards for an answer, on average.",
        "higher",
        _WRITTEN,
        "number",
        source="reward",
    ),
    Measure(
        "length",
        "Length",
        "Characters per answer, on average. Neither direction is better.",
        "neither",
        _WRITTEN,
        "characters",
        judge=lambda answer, _expected: float(len(answer)),
    ),
    Measure(
        "repetition",
        "Repetition",
        "The share of an answer's four-word sequences that it had used before: near 100 %, it repeats itself.",
        "lower",
        _WRITTEN,
        judge=lambda answer, _expected: overlap.repetition(answer),
    ),
)
MEASURES: dict[str, Measure] = {measure.name: measure for measure in _ALL}
