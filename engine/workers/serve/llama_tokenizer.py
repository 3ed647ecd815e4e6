"""The vocabulary of a GGUF file, as the server asks it: by llama.cpp itself, so what is read is what its users read."""

import codecs
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import llguidance

from engine.workers.runtimes.library import Opened


@dataclass(frozen=True)
class Marker:
    """A token that stands for no text."""

    content: str
    special: bool = True


class LlamaTokenizer:
    """Has what the server uses of a tokenizer of transformers, under the same names."""

    def __init__(self, model: Opened) -> None:
        self._model = model
        self._pieces = [model.piece(token) for token in range(model.vocabulary_size)]
        markers = [token for token in range(model.vocabulary_size) if model.is_marker(token)]
        self.added_tokens_decoder = {token: Marker(_text(self._pieces[token])) for token in markers}
        self.bos_token_id, self.eos_token_id = model.bos_token, model.eos_token
        self.chat_template = model.template

    @property
    def special_tokens_map(self) -> dict[str, str]:
        """What a chat template may ask for by name."""
        named = {"bos_token": self.bos_token_id, "eos_token": self.eos_token_id}
        return {name: _text(self._pieces[token]) for name, token in named.items() if token is not None}

    def __len__(self) -> int:
        return len(self._pieces)

    def __call__(
        self, text: str, add_special_tokens: bool = True, return_offsets_mapping: bool = False
    ) -> dict[str, Any]:
        """The tokens of a text as `input_ids`; with `return_offsets_mapping` also where in it each stands."""
        tokens = self._model.tokens(text, add_special_tokens)
        return {"input_ids": tokens} | (
            {"offset_mapping": self._places(tokens, text)} if return_offsets_mapping else {}
        )

    def _places(self, tokens: Sequence[int], text: str) -> list[tuple[int, int]]:
        """In characters. A token that goes on with a character begins behind those that are whole."""
        places, end = list[tuple[int, int]](), 0
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        for number, token in enumerate(tokens):
            start, is_added = end, number == 0 and token == self.bos_token_id
            piece = b"" if is_added and not text.startswith(_text(self._pieces[token])) else self._pieces[token]
            if number <= 1 and piece.startswith(b" ") and not text[start:].startswith(" "):
                piece = piece[1:]  # the blank that sentencepiece puts before the first word
            end = min(len(text), start + len(decoder.decode(piece)))
            places.append((start, end))
        return places

    def decode(
        self, tokens: Sequence[int], skip_special_tokens: bool = False, clean_up_tokenization_spaces: bool = False
    ) -> str:
        """Their text; bytes that are no whole character yet are shown as U+FFFD."""
        shown = [token for token in tokens if not (skip_special_tokens and token in self.added_tokens_decoder)]
        text = _text(b"".join(self._pieces[token] for token in shown if 0 <= token < len(self._pieces)))
        return text.removeprefix(" ") if self._model.is_sentencepiece else text

    def convert_ids_to_tokens(self, token: int) -> str:
        """As the vocabulary writes it."""
        return self._model.written(token)

    def grammar_words(self) -> Any:
        """What every token is written as, for grammars: markers begin with a byte that no text has."""
        words = [b"\xff" + piece if token in self.added_tokens_decoder else piece for token, piece in self._numbered()]
        end = 0 if self.eos_token_id is None else self.eos_token_id
        make: Any = llguidance.LLTokenizer.from_llamacpp
        return make(
            tokens=words, vocab_ptr=self._model.vocab, tokenize_fptr=self._model.tokenize_address, eos_token=end
        )

    def _numbered(self) -> enumerate[bytes]:
        return enumerate(self._pieces)


def _text(piece: bytes) -> str:
    return piece.decode("utf-8", "replace")
