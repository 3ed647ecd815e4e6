"""What is asked along the way: the project's prompts, or what the first held-out rows ask. Chosen once a run.

They are written into the run's folder, so that a resumed run asks the same, whatever the project says by then.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.recipes.fixed_prompts import FROM_ROWS, LONGEST
from engine.rows.heldout import record
from engine.rows.store import by_position
from engine.workers.evaluate.rows import LeftOut, question
from engine.workers.evaluate.wording import Words
from engine.workers.evaluate.written import Asking
from engine.workers.tokens.row_texts import CHATS
from engine.workers.tokens.vocabulary import Vocabulary
from engine.workers.train.spec import Spec
from engine.workers.tuning.model import Base

FILE = "prompts.json"
ROWS_READ = 4 * FROM_ROWS  # some may ask nothing, or the same
FIRST_WORDS = 12  # of a text that is learnt as a whole, which the model writes on
LONGEST_READ = 1024  # tokens of a prompt: reading takes time at every evaluation

Turns = list[dict[str, Any]]


@dataclass(frozen=True)
class Prompt:
    """`text` is what people see. `turns` are asked; without turns the model writes `text` on."""

    text: str
    turns: Turns | None
    tools: list[Any] | None = None


def of_run(spec: Spec, named: Sequence[str], out: Path) -> list[Prompt]:
    """The prompts of this run: as an earlier attempt wrote them down, or chosen now from those `named` or from rows."""
    file = out / FILE
    if file.is_file():
        return [Prompt(**values) for values in json.loads(file.read_text(encoding="utf-8"))]
    prompts = [Prompt(text, [{"role": "user", "content": text}]) for text in named] or _from_rows(spec, out)
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps([vars(prompt) for prompt in prompts], ensure_ascii=False), encoding="utf-8")
    partial.rename(file)
    return prompts


def asked(prompts: Sequence[Prompt], spec: Spec, base: Base, most: int) -> dict[int, Asking]:
    """The tokens of each, by its place.

    Left out are those that the chat template refuses, and those that leave no room for an answer.
    """
    words = Words(base.tokenizer, Vocabulary.of(base.tokenizer))
    by_position: dict[int, list[int] | None] = {}
    for place, prompt in enumerate(prompts):
        is_chat = spec.dataset_kind in CHATS or len(prompt.turns or ()) > 1
        if prompt.turns is None:
            by_position[place] = list(words.vocabulary.encode([prompt.text], add_special_tokens=True)[0].ids)
        else:
            by_position[place] = words.asks([{"turns": prompt.turns, "tools": prompt.tools}], is_chat)[0]
    longest = min(LONGEST_READ, (base.context_length or LONGEST_READ + most) - most)
    fitting = {place: ids for place, ids in by_position.items() if ids and len(ids) <= longest}
    return {place: Asking(ids, most, bool(prompts[place].tools)) for place, ids in fitting.items()}


def _from_rows(spec: Spec, out: Path) -> list[Prompt]:
    """What the first held-out rows ask: those whose loss is shown on the way, else those for the report."""
    held_out = record.read(out / record.FILE)
    if held_out is None:
        return []
    positions = [int(place) for part in ("eval", "test") for place in held_out.positions(part)[:ROWS_READ]]
    rows = by_position.read_rows(spec.dataset_path, positions[:ROWS_READ]) if positions else []
    prompts = {prompt.text: prompt for row in rows if (prompt := _of_row(spec.dataset_kind, row))}
    return list(prompts.values())[:FROM_ROWS]


def _of_row(kind: str, row: Mapping[str, Any]) -> Prompt | None:
    if kind == "text":
        words = str(row["text"]).split()
        return Prompt(" ".join(words[:FIRST_WORDS]), None) if len(words) > FIRST_WORDS else None
    try:
        turns = question(kind, row)[0] or _prompt_of(row)
    except LeftOut:
        return None
    return Prompt(_text(turns)[:LONGEST], turns, row.get("tools") or None) if turns else None


def _prompt_of(row: Mapping[str, Any]) -> Turns:
    """Of rows that judge answers: what all of the answers are to."""
    prompt = row.get("prompt") or []
    return [{"role": "user", "content": prompt}] if isinstance(prompt, str) else list(prompt)


def _text(turns: Turns) -> str:
    if len(turns) == 1:
        return str(turns[0].get("content") or "")
    return "\n".join(f"{turn['role']}: {turn.get('content') or ''}" for turn in turns)
