"""Rows to measure trainings with: real ones from TUNESMITH_TEST_DATA, else made up; the same for every trainer.

Each is what the importer makes of a row: turns with role and content.
"""

import json
import random
from pathlib import Path
from typing import Any

Row = dict[str, Any]
KINDS = {
    "sft": "chat",
    "cpt": "text",
    "dpo": "preference",
    "orpo": "preference",
    "simpo": "preference",
    "cpo": "preference",
    "reward": "preference",
    "kto": "unpaired",
    "grpo": "prompt",
    "rloo": "prompt",
    "gkd": "chat",
}
FILES = {
    "chat": "alpaca_en_demo.json",
    "text": "c4_demo.jsonl",
    "preference": "dpo_en_demo.json",
    "unpaired": "kto_en_demo.json",
    "prompt": "gsm8k_train.jsonl",
}
ROLES = {"human": "user", "gpt": "assistant", "system": "system"}


def rows(kind: str, count: int, folder: Path | None, most: int = 1 << 40) -> list[Row]:
    """`count` rows of a kind, always the same, none of more than `most` characters.

    Raises SystemExit when there are fewer.
    """
    file = folder / FILES[kind] if folder else None
    found = [read(kind, one) for one in _lines(file)] if file and file.is_file() else _made_up(kind, count)
    found = [row for row in found if _characters(row) <= most]
    random.Random(0).shuffle(found)
    if len(found) < count:
        raise SystemExit(f"{file} has {len(found)} rows, and {count} are needed: use fewer steps")
    return found[:count]


def _characters(row: Row) -> int:
    """Of the longest side."""
    texts = {
        name: sum(len(turn["content"]) for turn in value) for name, value in row.items() if isinstance(value, list)
    }
    return texts.pop("prompt", 0) + max(texts.values(), default=0)


def _lines(file: Path) -> list[Any]:
    text = file.read_text(encoding="utf-8")
    return list(json.loads(text)) if file.suffix == ".json" else [json.loads(line) for line in text.splitlines()]


def read(kind: str, one: dict[str, Any]) -> Row:
    """A row of one of the files."""
    match kind:
        case "chat":
            question = f"{one['instruction']}\n{one.get('input') or ''}".strip()
            return {"messages": [_turn("user", question), _turn("assistant", one["output"])]}
        case "text":
            return {"text": one["text"]}
        case "preference":
            asked = [_turn(ROLES[turn["from"]], turn["value"]) for turn in one["conversations"]]
            sides = {name: [_turn("assistant", one[name]["value"])] for name in ("chosen", "rejected")}
            return {"prompt": asked, **sides}
        case "unpaired":
            *asked, answer = [_turn(turn["role"], turn["content"]) for turn in one["messages"]]
            return {"prompt": asked, "completion": [answer], "label": bool(one["label"])}
    return {"prompt": [_turn("user", one["question"])]}


def _turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


WORDS = (
    "the",
    "of",
    "and",
    "to",
    "in",
    "is",
    "that",
    "it",
    "was",
    "for",
    "on",
    "are",
    "as",
    "with",
    "they",
    "be",
    "at",
    "one",
    "have",
    "this",
    "from",
    "by",
    "hot",
    "word",
    "but",
    "what",
)


def _made_up(kind: str, count: int) -> list[Row]:
    """Sentences of words that mean nothing, of lengths that differ as those of real answers do."""
    chance = random.Random(1)

    def text(most: int) -> str:
        return " ".join(chance.choices(WORDS, k=chance.randint(most // 8, most))).capitalize() + "."

    def row(number: int) -> Row:
        asked, answer, other = (
            [_turn(who, text(long))] for who, long in (("user", 20), ("assistant", 60), ("assistant", 60))
        )
        match kind:
            case "chat":
                return {"messages": asked + answer}
            case "text":
                return {"text": text(60)}
            case "preference":
                return {"prompt": asked, "chosen": answer, "rejected": other}
            case "unpaired":
                return {"prompt": asked, "completion": answer, "label": number % 2 == 0}
        return {"prompt": asked}

    return [row(number) for number in range(count)]
