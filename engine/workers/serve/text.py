"""Turns tokens into text as they come: whole characters only, and never a part of a stop sequence."""

from collections.abc import Sequence
from typing import Any

UNFINISHED = "\ufffd"  # what a decoder shows for bytes that are not a whole character yet


class TokenText:
    """The text of a growing list of tokens. Decodes a short window at a time, so cost does not grow with length."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._tokens: list[int] = []
        self._start = 0  # of the window; a token's text may depend on the one before it
        self._shown = 0  # tokens whose text has been given out

    def add(self, token: int) -> str:
        """The new text that this token completes; empty while a character is unfinished."""
        self._tokens.append(token)
        return self._new(final=False)

    def rest(self) -> str:
        """What is left at the end, unfinished characters included."""
        return self._new(final=True)

    def _new(self, final: bool) -> str:
        shown_text = self._decode(self._tokens[self._start : self._shown])
        text = self._decode(self._tokens[self._start :])
        if len(text) <= len(shown_text) or (text.endswith(UNFINISHED) and not final):
            return ""
        self._start, self._shown = self._shown, len(self._tokens)
        return text[len(shown_text) :]

    def _decode(self, tokens: list[int]) -> str:
        text: str = self._tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text


class StopFilter:
    """Lets text through up to a stop sequence, and holds back an end that may be the beginning of one."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = [stop for stop in stops if stop]
        self._held = ""
        self.stopped = False

    def add(self, piece: str) -> str:
        """The text that may be shown now. Sets `stopped` when a stop sequence has come; it is never shown."""
        text = self._held + piece
        stop_positions = [position for stop in self._stops if (position := text.find(stop)) >= 0]
        if stop_positions:
            self.stopped, self._held = True, ""
            return text[: min(stop_positions)]
        held_length = max((_overlap(text, stop) for stop in self._stops), default=0)
        self._held = text[len(text) - held_length :]
        return text[: len(text) - held_length]

    def rest(self) -> str:
        """What was held back, once nothing more comes."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that begins `stop`."""
    longest = min(len(text), len(stop) - 1)
    return next((size for size in range(longest, 0, -1) if stop.startswith(text[-size:])), 0)
