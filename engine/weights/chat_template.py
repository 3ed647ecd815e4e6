"""The chat template of a model folder, read and never run: how its tokenizer lays out a conversation."""

from pathlib import Path
from typing import Any

from engine.weights import files

MOST_LETTERS = 200_000


def text(folder: Path) -> str | None:
    """The template: of chat_template.jinja, else of the tokenizer's settings. Of several, the one called `default`.

    None where there is none. Raises RefusedError when a file of those is broken.
    """
    if (written := files.read_text(folder, "chat_template.jinja") or "").strip():
        return written[:MOST_LETTERS]
    for name in ("tokenizer_config.json", "chat_template.json"):
        if chosen := _chosen((files.read_json(folder, name) or {}).get("chat_template")):
            return chosen[:MOST_LETTERS]
    return None


def _chosen(value: Any) -> str | None:
    """A template may be a text, or a list of {"name", "template"}."""
    if isinstance(value, str):
        return value or None
    named = {entry.get("name"): entry.get("template") for entry in value or () if isinstance(entry, dict)}
    chosen = named.get("default") or next(iter(named.values()), None)
    return chosen if isinstance(chosen, str) and chosen else None
