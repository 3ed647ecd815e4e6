"""All that is asked of both sides, made before a model is loaded: questions, texts, how long answers may be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.evaluate import budget
from engine.workers.evaluate import sides
from engine.workers.evaluate.likelihood import Text
from engine.workers.evaluate.rows import ASKING, Asked, Chosen
from engine.workers.evaluate.sides import NAMES
from engine.workers.evaluate.wording import LONGEST_READ, Words
from engine.workers.evaluate.written import Asking

LIKELY = ("chat", "completion", "text", "preference", "unpaired", "stepwise")  # kinds that have an answer to read
Skill = tuple[str, int]  # a question of general skill, and how many tokens its answer may have


@dataclass(frozen=True)
class Questions:
    """What one side is asked: `rows` and `skills`, and the texts it reads: one or two of each row, and `plain` ones."""

    rows: list[Asking] = field(default_factory=list)
    texts: list[list[Text]] = field(default_factory=list)  # of each row; none where it cannot be read
    skills: list[Asking] = field(default_factory=list)
    plain: list[Text] = field(default_factory=list)


@dataclass(frozen=True)
class Plan:
    """`rows` that are asked, and what each side is asked, by its name."""

    rows: list[Asked]
    kind: str
    longest: int | None  # tokens of an answer; None where none is written
    estimated_seconds: float
    questions: Mapping[str, Questions]
    words: Mapping[str, Words]


def plan(spec: Mapping[str, Any], chosen: Chosen, skill_prompts: Sequence[Skill], skill_texts: Sequence[str]) -> Plan:
    """Decides how many rows are asked. Adds rows that cannot be asked to `chosen.left_out`."""
    words = {"base": Words.of(spec["base"], spec["tuned"]), "tuned": Words.of(spec["tuned"], spec["base"])}
    kind = spec["rows"]["kind"]
    contexts = {name: sides.context_of(spec[name], words[name]) for name in NAMES}
    writes = kind in ASKING and not spec["tuned"]["scores"]
    longest = _longest(spec, chosen, words["tuned"]) if writes else None
    asked = _bounded(spec, chosen, longest)
    rows, askings = _askable(asked, chosen, words, contexts, longest) if longest else (asked.rows, {})
    questions = {
        name: Questions(
            askings.get(name, []),
            _texts(rows, words[name], kind, min(contexts[name], LONGEST_READ)) if kind in LIKELY else [],
            *(
                ([], [])
                if spec["tuned"]["scores"]
                else _skills(words[name], skill_prompts, skill_texts, contexts[name])
            ),
        )
        for name in NAMES
    }
    on_cpu = spec.get("device", "cpu") == "cpu"
    tokens = longest if longest is not None else 1
    seconds = budget.seconds_for(len(rows), tokens, spec["parameters"], on_cpu)
    return Plan(rows, kind, longest, seconds, questions, words)


def _longest(spec: Mapping[str, Any], chosen: Chosen, words: Words) -> int:
    """Tokens that an answer may have: as in the training where answers were written there, else as the rows have."""
    if spec["method"] in ("grpo", "rloo"):
        return min(int(spec["recipe"].get("max_completion_length") or budget.LONGEST), 2 * budget.LONGEST)
    expected = [row.expected.answer for row in chosen.rows if row.expected.answer]
    return budget.longest_answer(words.lengths(expected))


def _bounded(spec: Mapping[str, Any], chosen: Chosen, longest: int | None) -> Chosen:
    if spec["all_rows"]:
        return chosen
    if spec["limit"] is not None:
        return chosen.first(spec["limit"])
    on_cpu = spec.get("device", "cpu") == "cpu"
    return chosen.first(budget.rows_for(len(chosen.rows), longest or budget.SHORTEST, spec["parameters"], on_cpu))


def _askable(
    asked: Chosen, chosen: Chosen, words: Mapping[str, Words], contexts: Mapping[str, int], longest: int
) -> tuple[list[Asked], dict[str, list[Asking]]]:
    """The rows that both sides can be asked, with their questions."""
    as_rows = [{"turns": row.turns, "tools": row.tools} for row in asked.rows]
    is_chat = any(row.values.get("messages") or isinstance(row.values.get("prompt"), list) for row in asked.rows)
    prompts = {name: words[name].asks(as_rows, is_chat) for name in NAMES}
    kept: list[int] = []
    rooms: dict[int, int] = {}
    for index in range(len(asked.rows)):
        tokens = {name: prompts[name][index] for name in NAMES}
        if any(ids is None for ids in tokens.values()):
            chosen.left_out["the chat template refuses it"] += 1
            continue
        room = min(contexts[name] - len(ids or ()) for name, ids in tokens.items())
        if room < 1:
            chosen.left_out[f"its prompt is longer than the model's context of {min(contexts.values()):,} tokens"] += 1
            continue
        kept.append(index)
        rooms[index] = min(longest, room)
    askings = {
        name: [
            Asking(prompts[name][index] or [], rooms[index], bool(asked.rows[index].expected.calls)) for index in kept
        ]
        for name in NAMES
    }
    return [asked.rows[index] for index in kept], askings


def _texts(rows: Sequence[Asked], words: Words, kind: str, longest: int) -> list[list[Text]]:
    """What each row has to be read: its answer, or its better and its worse one; nothing where a side is not there."""
    pieces: list[list[Text]] = []
    for row in words.reads([row.values for row in rows], kind, longest):
        texts = [(side.ids.tolist(), side.labels.tolist()) for side in row.sides if side.trained]
        pieces.append(texts if len(texts) == len(row.sides) else [])
    return pieces


def _skills(
    words: Words, prompts: Sequence[Skill], texts: Sequence[str], context: int
) -> tuple[list[Asking], list[Text]]:
    turns = [{"turns": [{"role": "user", "content": prompt}], "tools": None} for prompt, _ in prompts]
    asked = [Asking(ids or [0], most) for ids, (_, most) in zip(words.asks(turns, is_chat=False), prompts, strict=True)]
    read = words.reads([{"text": text} for text in texts], "text", min(context, LONGEST_READ))
    return asked, [(row.sides[0].ids.tolist(), row.sides[0].labels.tolist()) for row in read]
