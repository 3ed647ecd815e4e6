"""Asks the trained form and the served form the same: `python -m engine.workers.serve.parity.compare SPEC.json OUT/`.

Spec: {"address", "model_path", "dtype" (bfloat16, float32, or null: what this machine trains in), "device",
"max_tokens", "rows": how many held-out rows of each run, "voices": [{"name", "model" (its name at the server),
"adapter_path", "model_path" (of a run that trained every weight), "run_folder"}]}.

Both answer greedily, token by token. The first token at which they part is told with how much less likely the trained
form finds the served form's token there: a near tie says that rounding decided.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from engine.process import events
from engine.workers import contract
from engine.workers.serve.parity import prompts, served, trained
from engine.workers.serve.parity.prompts import Prompt

NICE = 10  # whoever is being answered goes first
MOST_TOLD = 10  # differences of one name
MOST_TEXT = 300
NEAR_TIE = 0.25  # nats: bfloat16 has 8 bits of precision, and a score of 16 to 32 is a multiple of 0.125


@dataclass(frozen=True)
class Difference:
    """Where an answer parts: the token's place from 0, or None when the prompt was read as other tokens already."""

    prompt: str
    at: int | None
    gap: float | None  # nats
    trained: str
    served: str


class Reader(Protocol):
    """What reads the tokens of a trained form; a `trained.Voice` does."""

    @property
    def end_ids(self) -> frozenset[int]: ...

    def text(self, tokens: Sequence[int]) -> str: ...


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """As `compare`, gently."""
    os.nice(NICE)
    torch.set_num_threads(max(1, torch.get_num_threads() // 2))
    return compare(spec, out)


def compare(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """Every voice in turn. The result says of each how many prompts, how many differ, and where."""
    server = served.Served(spec["address"])
    dtype, results = _dtype(spec["dtype"], spec["device"]), list[dict[str, Any]]()
    try:
        for path in dict.fromkeys(_path(spec, voice) for voice in spec["voices"]):
            form = trained.Trained(Path(path), Path(spec["model_path"]), dtype, spec["device"])
            for voice in [voice for voice in spec["voices"] if _path(spec, voice) == path]:
                results.append(_compared(spec, voice, form, server, out, len(results)))
            del form
    finally:
        server.close()
    rows, differs = sum(result["rows"] for result in results), sum(result["differs"] for result in results)
    return {"identical": differs == 0, "rows": rows, "differs": differs, "dtype": str(dtype).removeprefix("torch."),
            "max_tokens": spec["max_tokens"], "names": results}  # fmt: skip


def _path(spec: dict[str, Any], voice: dict[str, Any]) -> str:
    return voice["model_path"] or spec["model_path"]


def _dtype(name: str | None, device: str) -> torch.dtype:
    if name:
        return {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}[name]
    from engine.recipes.recipe import Recipe  # noqa: PLC0415
    from engine.workers.tuning.model import computes_in_bf16  # noqa: PLC0415

    return torch.bfloat16 if computes_in_bf16(Recipe(model_id="-", dataset_id="-"), device) else torch.float32


def _compared(
    spec: dict[str, Any], voice: dict[str, Any], form: trained.Trained, server: served.Served, out: Path, done: int
) -> dict[str, Any]:
    held_out = prompts.held_out(Path(voice["run_folder"]), spec["rows"]) if voice["run_folder"] else []
    asked = prompts.fixed() + held_out
    adapter, differences, equal_tokens = voice["adapter_path"], list[Difference](), 0
    with form.tuned(Path(adapter) if adapter else None) as speaker:
        for number, prompt in enumerate(asked):
            total = len(asked) * len(spec["voices"])
            events.append(out, events.Progress(done=done * len(asked) + number, total=total, stage=voice["name"]))
            if contract.stop_requested(out):
                raise contract.Stopped
            own = speaker.answer(speaker.prompt_tokens(prompt), spec["max_tokens"])
            other = server.answer(voice["model"], prompt, speaker.is_chat, spec["max_tokens"])
            if (one := difference(prompt, own, other, speaker)) is None:
                equal_tokens += len(own.tokens)
            else:
                differences.append(one)
    gaps = [one.gap for one in differences if one.gap is not None]
    return {
        "name": voice["name"], "identical": not differences, "rows": len(asked), "differs": len(differences),
        "near_ties": sum(gap <= NEAR_TIE for gap in gaps), "largest_gap": max(gaps, default=None),
        "other_prompts": sum(one.at is None for one in differences), "equal_tokens": equal_tokens,
        "held_out": len(held_out),
        "where": [vars(one) for one in differences[:MOST_TOLD]],
    }  # fmt: skip


def difference(prompt: Prompt, own: trained.Answer, other: served.Answer, speaker: Reader) -> Difference | None:
    """Where the two part; None when they say the same, up to their end."""
    text = prompt[-1]["content"][:MOST_TEXT]
    if own.prompt != other.prompt:
        return Difference(
            text, None, None, speaker.text(own.prompt)[-MOST_TEXT:], speaker.text(other.prompt)[-MOST_TEXT:]
        )
    mine, theirs = _without_end(own.tokens, speaker.end_ids), _without_end(other.tokens, speaker.end_ids)
    if mine == theirs:
        return None
    at = next((place for place, pair in enumerate(zip(mine, theirs, strict=False)) if pair[0] != pair[1]), None)
    at = min(len(mine), len(theirs)) if at is None else at
    return Difference(text, at, _gap(own, other, at), speaker.text(mine)[:MOST_TEXT], speaker.text(theirs)[:MOST_TEXT])


def _without_end(tokens: Sequence[int], end_ids: frozenset[int]) -> list[int]:
    kept = list(tokens)
    while kept and kept[-1] in end_ids:
        kept.pop()
    return kept


def _gap(own: trained.Answer, other: served.Answer, at: int) -> float | None:
    """How much less likely the trained form finds the served form's token; None when one had no token there at all."""
    if at >= len(own.logprobs) or at >= len(other.tokens) or other.tokens[at] >= own.logprobs.shape[1]:
        return None
    row = own.logprobs[at]
    return round(float(row.max() - row[other.tokens[at]]), 4)


if __name__ == "__main__":
    contract.run(work)
