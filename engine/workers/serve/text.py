"""Turns tokens into text as they come: whole characters only, and never a part of a stop sequence."""

from collections.abc import Sequence
from typing import Any

UNFINISHED = "\ufffd"  # what a decoder shows for bytes that are not a whole character yet


class TokenText:
    """The text of a growing list of tokens. Decodes a short window at a time, so cost does not grow with length.

    Special tokens are hidden, or all shown. Those that stand in a stop sequence are told beside the text, so that a
    stop such as `<|im_end|>` is noticed although nobody sees it.
    """

    def __init__(self, tokenizer: Any, stops: Sequence[str] = (), shows_special: bool = False) -> None:
        self._tokenizer, self._shows_special = tokenizer, shows_special
        self._stopping = {} if shows_special else _special_in(tokenizer, stops)
        self._tokens: list[int] = []
        self._start = 0  # of the window; a token's text may depend on the one before it
        self._shown = 0  # tokens whose text has been given out

    def add(self, token: int) -> list[tuple[str, bool]]:
        """The new text that this token completes, none while a character is unfinished; False with hidden text."""
        if token in self._stopping:
            return [(self.rest(), True), (self._stopping[token], False)]
        self._tokens.append(token)
        return [(self._new(final=False), True)]

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
        hides = not self._shows_special
        text: str = self._tokenizer.decode(tokens, skip_special_tokens=hides, clean_up_tokenization_spaces=False)
        return text


def special_tokens(tokenizer: Any) -> dict[int, str]:
    """Tokens that are hidden from a text, with what they are written as."""
    return {token: added.content for token, added in tokenizer.added_tokens_decoder.items() if added.special}


def _special_in(tokenizer: Any, stops: Sequence[str]) -> dict[int, str]:
    if not stops:
        return {}
    return {
        token: text for token, text in special_tokens(tokenizer).items() if text and any(text in stop for stop in stops)
    }


class StopFilter:
    """Lets text through up to a stop sequence, and holds back an end that may be the beginning of one."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = [stop for stop in stops if stop]
        self._held, self._is_shown = "", list[bool]()  # text, and for each of its characters whether it is shown
        self.stopped = False

    def add(self, piece: str, is_shown: bool = True) -> str:
        """The text that may be shown now. Sets `stopped` when a stop sequence has come; it is never shown.

        Text that is not shown itself counts when stop sequences are looked for. Once stopped, nothing comes.
        """
        if self.stopped:
            return ""
        self._held += piece
        self._is_shown += [is_shown] * len(piece)
        stop_positions = [position for stop in self._stops if (position := self._held.find(stop)) >= 0]
        if stop_positions:
            self.stopped = True
            return self._let_through(min(stop_positions))
        return self._let_through(len(self._held) - max((_overlap(self._held, stop) for stop in self._stops), default=0))

    def rest(self) -> str:
        """What was held back, once nothing more comes."""
        return self._let_through(len(self._held))

    def _let_through(self, length: int) -> str:
        text = "".join(
            character for character, shown in zip(self._held[:length], self._is_shown, strict=False) if shown
        )
        self._held, self._is_shown = self._held[length:], self._is_shown[length:]
        return text


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that begins `stop`."""
    longest = min(len(text), len(stop) - 1)
    return next((size for size in range(longest, 0, -1) if stop.startswith(text[-size:])), 0)
