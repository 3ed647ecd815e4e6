"""What vLLM has to be told about a model and its adapters beyond their folders: where answers end, how chats look.

vLLM takes both from the base model's folder alone: it stops at the `eos_token_id` of generation_config.json and at the
tokenizer's own (vllm/sampling_params.py: update_from_generation_config; an override on the command line changes only
how tokens are drawn). Where a base stops elsewhere than its chat template ends a turn, it is given another file.
"""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from engine.weights import files, inspection
from engine.weights.token_facts import TokenFacts

GENERATION = "generation_config.json"
TEMPLATE = "chat_template.jinja"


def generation_config(model: Path, facts: TokenFacts | None, adapters: Collection[Path]) -> str | None:
    """The text of a generation_config.json with every end of an answer; None where the model's own has them all.

    `facts` is what is known of the base's tokenizer. What a training saved beside its adapter counts too.
    """
    own = files.read_json(model, GENERATION)
    configured = (own if own is not None else files.read_json(model, "config.json") or {}).get("eos_token_id")
    ids = _as_ids(configured)
    known = facts.eos_ids if facts else []
    saved = [_as_ids((files.read_json(folder, GENERATION) or {}).get("eos_token_id")) for folder in adapters]
    wanted = list(dict.fromkeys([*known, *(token for tokens in saved for token in tokens), *ids]))
    if set(wanted) <= set(ids):
        return None
    return json.dumps({**(own or {}), "eos_token_id": wanted}, indent=2)


def _as_ids(configured: Any) -> list[int]:
    values = configured if isinstance(configured, list) else [configured]
    return [value for value in values if isinstance(value, int)]


def chat_template(model: Path, adapters: Collection[Path]) -> Path | None:
    """The template that an adapter was trained with, where its base has none of its own."""
    if inspection.has_chat_template(model):
        return None
    return next((folder / TEMPLATE for folder in adapters if (folder / TEMPLATE).is_file()), None)
