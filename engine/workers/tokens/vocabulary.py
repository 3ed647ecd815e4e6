"""A model's tokenizer without transformers: text to tokens, its special tokens, its chat template.

transformers decides what a model's tokenizer is, and takes seconds to import; so it is asked once, and what it says is
kept in a folder. From then on the tokens of a page of rows cost a tenth of a second.
"""

import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Encoding, Tokenizer

from engine.workers import contract, lean_imports
from engine.workers.tokens.templates import Source

TOKENIZER, FACTS = "tokenizer.json", "facts.json"
CHARACTERS_AT_ONCE = 1_000_000


@dataclass(frozen=True)
class Vocabulary:
    """`special` is what a chat template may name (bos_token ...), `specials` the text of every special token."""

    tokens: Tokenizer
    template: Source | None
    special: dict[str, Any]
    specials: tuple[str, ...]

    @property
    def eos(self) -> str:
        return str(self.special.get("eos_token") or "")

    @classmethod
    def of(cls, tokenizer: Any) -> "Vocabulary":
        """That of a transformers tokenizer. Raises WorkFailedError when it knows no character positions."""
        if not tokenizer.is_fast:
            hint = "Choose a model with a tokenizer.json."
            raise contract.WorkFailedError("config", "This model's tokenizer gives no character positions.", hint)
        special_texts = {token.content for token in tokenizer.added_tokens_decoder.values() if token.special}
        specials = sorted({*special_texts, *tokenizer.all_special_tokens}, key=lambda text: (-len(text), text))
        return cls(tokenizer.backend_tokenizer, tokenizer.chat_template, tokenizer.special_tokens_map, tuple(specials))

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        facts = {"template": self.template, "special": self.special, "specials": self.specials}
        (folder / FACTS).write_text(json.dumps(facts), encoding="utf-8")
        self.tokens.save(str(folder / TOKENIZER), pretty=False)

    @classmethod
    def load(cls, folder: Path) -> "Vocabulary":
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        tokens = Tokenizer.from_file(str(folder / TOKENIZER))
        return cls(tokens, facts["template"], facts["special"], tuple(facts["specials"]))

    def encode(self, texts: Sequence[str], add_special_tokens: bool) -> list[Encoding]:
        """`add_special_tokens` adds what the model wants around a plain text; a chat template writes that itself."""
        self.tokens.no_truncation()
        self.tokens.no_padding()
        encodings: list[Encoding] = []
        while len(encodings) < len(texts):  # few long ones at a time: an encoding takes a hundred bytes a character
            end, characters = len(encodings), 0
            while end < len(texts) and (characters := characters + len(texts[end])) <= CHARACTERS_AT_ONCE:
                end += 1
            end = max(end, len(encodings) + 1)
            encodings += self.tokens.encode_batch(
                list(texts[len(encodings) : end]), add_special_tokens=add_special_tokens
            )
        return encodings


def prepared(model: Path, folder: Path, report: Callable[[str], None]) -> Vocabulary:
    """The vocabulary of the model in a folder, from `folder` or put there now. Raises WorkFailedError.

    `folder` belongs to one state of the model's files; `report` hears of the seconds that this takes.
    """
    if not (folder / FACTS).is_file():
        report("preparing the tokenizer")
        _prepare(model, folder)
    return Vocabulary.load(folder)


def _prepare(model: Path, folder: Path) -> None:
    os.environ |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    with lean_imports.importing():
        from transformers import AutoTokenizer  # noqa: PLC0415  (seconds, and only once for a model)

    try:
        tokenizer = AutoTokenizer.from_pretrained(model, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError) as error:
        message, hint = f"The tokenizer cannot be loaded: {error}"[:1000], "Fetch or add the model again."
        raise contract.WorkFailedError("data", message, hint) from error
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token  # as training does
    partial = folder.with_name(f"{folder.name}-{os.getpid()}")
    Vocabulary.of(tokenizer).save(partial)
    try:
        partial.rename(folder)
    except OSError:  # another worker was quicker
        shutil.rmtree(partial, ignore_errors=True)
