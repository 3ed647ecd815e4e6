"""Log-probabilities of an answer's tokens, in OpenAI's two shapes."""

import codecs
from collections.abc import Sequence
from typing import Any

from engine.workers.serve.questions import TokenScore
from engine.workers.serve.text import UNFINISHED, special_tokens


class Words:
    """What each token is written as, special ones included."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._special: frozenset[int] | None = None

    def text(self, token: int) -> str:
        """With the blank that begins a word, which decoders of sentencepiece drop at the beginning of a text."""
        text: str = self._tokenizer.decode([token], clean_up_tokenization_spaces=False)
        name = self._tokenizer.convert_ids_to_tokens(token)
        return f" {text}" if name and name.startswith("▁") and not text.startswith(" ") else text

    def bytes(self, token: int) -> list[int]:
        """The token in UTF-8; of a token that is a part of a character, that part."""
        text, name = self.text(token), self._tokenizer.convert_ids_to_tokens(token) or ""
        if UNFINISHED not in text:
            return list(text.encode())
        if name.startswith("<0x") and name.endswith(">"):
            return [int(name[3:-1], 16)]
        return [_BYTES[character] for character in name if character in _BYTES]

    def chat(self, scores: Sequence[TokenScore]) -> dict[str, Any]:
        """`logprobs` of a chat's choice."""
        content = [
            self._entry(score.token, score.logprob)
            | {"top_logprobs": [self._entry(token, logprob) for token, logprob in score.likeliest]}
            for score in scores
        ]
        return {"content": content, "refusal": None}

    def _entry(self, token: int, logprob: float | None) -> dict[str, Any]:
        return {"token": self.text(token), "logprob": logprob, "bytes": self.bytes(token)}

    def completion(self, scores: Sequence[TokenScore], offsets: list[int]) -> dict[str, Any]:
        """`logprobs` of a completion's choice, whose tokens begin at these characters of its text."""
        return {
            "tokens": [self.unique(score.token) for score in scores],
            "token_logprobs": [score.logprob for score in scores],
            "top_logprobs": [self._likeliest(score) for score in scores],
            "text_offset": offsets,
        }

    def _likeliest(self, score: TokenScore) -> dict[str, float] | None:
        """The token itself is always among them."""
        if score.logprob is None:
            return None
        return {self.unique(token): logprob for token, logprob in [*score.likeliest, (score.token, score.logprob)]}

    def unique(self, token: int) -> str:
        """As text; a part of a character as its bytes, as OpenAI does: otherwise many tokens would have one name."""
        text = self.text(token)
        if UNFINISHED not in text:
            return text
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in self.bytes(token))

    def is_special(self, token: int) -> bool:
        if self._special is None:
            self._special = frozenset(special_tokens(self._tokenizer))
        return token in self._special


class Places:
    """Where each token of a growing text begins, in characters from `start`; `shows_special` as in the text."""

    def __init__(self, words: Words, start: int, shows_special: bool) -> None:
        self._words, self._place, self._shows_special = words, start, shows_special
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def of(self, token: int) -> int:
        """The next token's place. One that goes on with a character begins behind those that are whole."""
        written = bytes(self._words.bytes(token))
        if written and not 0x80 <= written[0] < 0xC0:  # a new character: the one before it stays unfinished
            self._place += len(self._decoder.decode(b"", final=True))
        place = self._place
        if self._shows_special or not self._words.is_special(token):
            self._place += len(self._decoder.decode(written))
        return place


def _byte_letters() -> dict[str, int]:
    """The letters that stand for bytes in byte-level vocabularies: OpenAI's own of GPT-2 (encoder.py)."""
    shown = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return {chr(byte): byte for byte in shown} | {chr(256 + place): byte for place, byte in enumerate(hidden)}


_BYTES = _byte_letters()
