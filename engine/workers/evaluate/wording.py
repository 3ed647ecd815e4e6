"""How one side puts rows into tokens: its tokenizer and its template. No weights are needed for that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.workers.tokens import row_tokens
from engine.workers.tokens.chat_spans import PLAIN_TEMPLATE
from engine.workers.tokens.row_texts import Source, Texts
from engine.workers.tokens.row_tokens import Tokenised
from engine.workers.tokens.vocabulary import Vocabulary
from engine.workers.tuning.model import load_tokenizer

TOKENIZER = "tokenizer_config.json"
LONGEST_READ = 4096  # tokens of a row whose loss is taken


@dataclass(frozen=True)
class Words:
    """How one side reads rows: its tokenizer and its template. No weights are needed for that."""

    tokenizer: Any
    vocabulary: Vocabulary

    @classmethod
    def of(cls, side: Mapping[str, Any], other: Mapping[str, Any]) -> "Words":
        """A base that has no template is asked in the one that its tuned model was trained with."""
        tokenizer = load_tokenizer(_tokenizer_folder(side))
        if tokenizer.chat_template is None:
            tokenizer.chat_template = load_tokenizer(_tokenizer_folder(other)).chat_template
        return cls(tokenizer, Vocabulary.of(tokenizer))

    def asks(self, rows: Sequence[Mapping[str, Any]], is_chat: bool) -> list[list[int] | None]:
        """The tokens of each question, up to where the answer begins; None for what the template refuses.

        A row has `turns` and `tools`. Without a template, a question of one turn is asked as plain text, unless
        `is_chat`: then a plain template is used, as in training.
        """
        if self.vocabulary.template is None and not is_chat:
            encodings = self.vocabulary.encode([row["turns"][-1]["content"] for row in rows], add_special_tokens=True)
            return [list(encoding.ids) or None for encoding in encodings]
        texts = Texts(self.vocabulary, Source(Path(), "prompt", LONGEST_READ, answers_only=True))
        asked = [{"prompt": row["turns"], "tools": row["tools"]} for row in rows]
        tokenised = row_tokens.tokenised(texts, asked, 1 << 20)
        return [row.sides[0].ids.tolist() if row.sides and len(row.sides[0].ids) else None for row in tokenised]

    def reads(self, rows: Sequence[Mapping[str, Any]], kind: str, longest: int) -> list[Tokenised]:
        """Rows with their answers, and which tokens are the answer's."""
        texts = Texts(self.vocabulary, Source(Path(), kind, longest, answers_only=True))
        return row_tokens.tokenised(texts, rows, longest)

    @property
    def template(self) -> str:
        return str(self.vocabulary.template or PLAIN_TEMPLATE)

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text."""
        return [len(encoding) for encoding in self.vocabulary.encode(texts, add_special_tokens=False)]


def _tokenizer_folder(side: Mapping[str, Any]) -> Path:
    adapter = side["adapter_path"]
    return Path(adapter) if adapter and (Path(adapter) / TOKENIZER).is_file() else Path(side["model_path"])
