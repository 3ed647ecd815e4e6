"""Keeps one answer to its grammar: which tokens may come next. Light: whoever answers without a form needs no more."""

from collections.abc import Collection
from typing import Any

import numpy
import torch


class GuideError(ValueError):
    """The grammar needs more computing than it may have."""


class Grammar:
    """A form as it was compiled. Each answer gets a guide of its own."""

    def __init__(self, matcher: Any, ends: Collection[int]) -> None:
        self._matcher, self._ends = matcher, sorted(ends)

    def guide(self) -> "Guide":
        return Guide(self._matcher.deep_copy(), self._ends)


class Guide:
    """Where one answer is in its grammar."""

    def __init__(self, matcher: Any, ends: list[int]) -> None:
        self._matcher, self._ends = matcher, ends

    def kept(self, scores: torch.Tensor, end_ids: Collection[int]) -> torch.Tensor | None:
        """The row of scores with only what may come next, an end where the form is complete; None if nothing may.

        Raises GuideError.
        """
        bits = numpy.frombuffer(self._matcher.compute_bitmask(), dtype=numpy.uint8)
        self._check()
        allowed = torch.zeros(len(scores), dtype=torch.bool)
        known = torch.from_numpy(numpy.unpackbits(bits, bitorder="little"))[: len(scores)]
        allowed[: len(known)] = known.bool()
        allowed[[token for token in self._ends if token < len(scores)]] = False
        if self._matcher.is_accepting():
            allowed[[token for token in end_ids if token < len(scores)]] = True
        if not allowed.any():
            return None
        return scores.float().cpu().masked_fill(~allowed, -torch.inf)

    def took(self, token: int) -> None:
        """The answer goes on with this token, which is no end. Raises GuideError."""
        self._matcher.consume_token(token)
        self._check()

    @property
    def is_over(self) -> bool:
        """Whether the form is complete and nothing can follow."""
        return bool(self._matcher.is_stopped())

    def _check(self) -> None:
        if self._matcher.is_error():
            raise GuideError(f"The form of the answer is too complex to be kept to: {self._matcher.get_error()[:200]}")
