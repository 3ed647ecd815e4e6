"""Looks at a model's tokenizer, chat template and sizes: `python -m engine.workers.models.look SPEC.json OUT/`.

Spec: {"model", "cache", "state"}. The template comes from a stranger, so it runs with limits. Result: what
`engine.weights.token_facts.TokenFacts` says.
"""

from pathlib import Path
from typing import Any

from engine.process import events
from engine.weights import files, inspection
from engine.weights.token_facts import MOST_NAMED
from engine.workers import limits


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """Raises WorkFailedError when the tokenizer cannot be loaded."""
    from engine.workers.tokens import plain_tokenizer, turn_end, vocabulary  # noqa: PLC0415  (threads end at a fork)

    def report(stage: str) -> None:
        events.append(out, events.Progress(done=0, stage=stage))

    model = Path(spec["model"])
    tokenizer = plain_tokenizer.read(model) or vocabulary.prepared(model, Path(spec["cache"]), report)
    config = files.read_json(model, "config.json") or {}
    eos_ids = turn_end.as_ids(configured_eos(model, config))
    eos = turn_end.texts(tokenizer, eos_ids)
    eos += [tokenizer.eos] if tokenizer.eos and tokenizer.eos not in eos else []
    with limits.memory():
        end = turn_end.find(tokenizer, eos)
    numbers = {number: text for text, number in tokenizer.tokens.get_vocab(with_added_tokens=True).items()}
    rows = inspection.vocabulary_size(config)
    beyond = sorted(number for number in numbers if rows and number >= rows)
    return {
        "state": spec["state"],
        "turn_end": end.token if tokenizer.template is not None else None,
        "written": end.written,
        "unknown": end.unknown,
        "eos": eos,
        "eos_ids": turn_end.ids(tokenizer, eos_ids, end),
        "pad": tokenizer.special.get("pad_token") or tokenizer.eos or None,
        "unk": tokenizer.special.get("unk_token"),
        "tokens": max(numbers, default=-1) + 1,
        "embeddings": rows,
        "beyond": [numbers[number] for number in beyond[:MOST_NAMED]],
        "beyond_count": len(beyond),
    }


def configured_eos(model: Path, config: dict[str, Any]) -> Any:
    """`eos_token_id` as transformers takes it: of generation_config.json where there is one, else of config.json."""
    generation = files.read_json(model, "generation_config.json")
    return (config if generation is None else generation).get("eos_token_id")


if __name__ == "__main__":
    limits.run(work)
