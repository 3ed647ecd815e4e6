"""How a served model can be asked: by its chat template, by tokens to fill in the middle, or by a plain text to go on.

It is read from the files of the endpoint's base in the studio's own store. Of an outside server nothing is known but
that it chats.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from engine.code import middle
from engine.errors import NotFoundError, RefusedError
from engine.serve import routing
from engine.weights import files, tokenizer
from storage import db, models

MOST_TOKENS = 100_000  # added to a tokenizer; real ones have some hundreds


@dataclass(frozen=True)
class Served:
    """What is known of the model behind a name."""

    is_outside: bool
    chats: bool
    tokens: Mapping[str, int] = field(default_factory=dict)  # added to its tokenizer, with their numbers

    @property
    def format(self) -> middle.Format | None:
        return middle.format_of(self.tokens)


def look(model: str) -> Served:
    """What is known of a served model, asleep or awake. Raises NotFoundError. Reads a file the first time."""
    route = routing.route(model)
    if route is None:
        raise NotFoundError(f"There is no model `{model[:100]}` here.", "GET /v1/models lists what is served.")
    _, backend = route
    if backend.kind == "external" or backend.model_id is None:
        return Served(is_outside=True, chats=True)
    with db.reading() as session:
        base = models.get(session, backend.model_id)
    if base is None or base.path is None:
        return Served(is_outside=False, chats=True)
    folder = Path(base.path)
    return Served(False, base.has_chat_template is not False, _tokens(folder, tokenizer.fingerprint(folder)))


@lru_cache(maxsize=16)
def _tokens(folder: Path, _state: str) -> dict[str, int]:
    """Tokens that were added to a tokenizer; none where its files cannot be read. The state keeps it up to date."""
    try:
        added = (files.read_json(folder, "tokenizer.json") or {}).get("added_tokens")
        return _of_list(added if isinstance(added, list) else [])
    except (RefusedError, OSError):
        return _of_config(folder)


def _of_config(folder: Path) -> dict[str, int]:
    """From the smaller file: some vocabularies are larger than what is read of a stranger's JSON."""
    try:
        added = (files.read_json(folder, "tokenizer_config.json") or {}).get("added_tokens_decoder")
    except (RefusedError, OSError):
        return {}
    entries = added.items() if isinstance(added, dict) else ()
    return _of_list([{**token, "id": int(number)} for number, token in entries
                     if isinstance(token, dict) and number.isdecimal() and len(number) < 10])  # fmt: skip


def _of_list(added: list[Any]) -> dict[str, int]:
    pairs = [(token.get("content"), token.get("id")) for token in added[:MOST_TOKENS] if isinstance(token, dict)]
    return {text: number for text, number in pairs if isinstance(text, str) and type(number) is int and number >= 0}
