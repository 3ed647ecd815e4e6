"""Log-probabilities of an answer's tokens, in OpenAI's two shapes."""

from collections.abc import Sequence
from typing import Any

from engine.workers.serve.questions import TokenScore
from engine.workers.serve.text import UNFINISHED


class Words:
    """What each token is written as, special ones included."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

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

    def _entry(self, token: int, logprob: float) -> dict[str, Any]:
        return {"token": self.text(token), "logprob": logprob, "bytes": self.bytes(token)}

    def completion(self, scores: Sequence[TokenScore], start: int) -> dict[str, Any]:
        """`logprobs` of a completion's choice, whose first token here begins at the character `start` of its text."""
        tokens = [self.text(score.token) for score in scores]
        return {
            "tokens": tokens,
            "token_logprobs": [score.logprob for score in scores],
            "top_logprobs": [
                {self.text(token): logprob for token, logprob in [*score.likeliest, (score.token, score.logprob)]}
                for score in scores
            ],
            "text_offset": [start + sum(map(len, tokens[:index])) for index in range(len(tokens))],
        }


def _byte_letters() -> dict[str, int]:
    """The letters that stand for bytes in byte-level vocabularies: OpenAI's own of GPT-2 (encoder.py)."""
    shown = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return {chr(byte): byte for byte in shown} | {chr(256 + place): byte for place, byte in enumerate(hidden)}


_BYTES = _byte_letters()
