"""What should not be in training data: mail addresses, phone numbers, cards, bank accounts, keys.

Arrow's RE2 finds rows that may have some, quickly; Python then looks at those alone, with checksums.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from engine.rows.health import checksums
from engine.rows.health.batch import Batch
from engine.rows.health.check import Check, CheckContext, Findings, Span, together
from engine.rows.health.fingerprints import Positions


@dataclass(frozen=True)
class _Sort:
    """`hint` is what RE2 looks for first; `pattern` says exactly where, and `holds` whether it is one."""

    what: str
    hint: str
    pattern: re.Pattern[str]
    holds: Callable[[str], bool] = lambda _: True


def _real_mail(address: str) -> bool:
    """Addresses of RFC 2606, which belong to nobody, are no secret."""
    domain = address.rpartition("@")[2].lower()
    return not re.search(r"(?:^|\.)example(?:\.(?:com|net|org|edu))?$|\.(?:test|invalid|localhost)$", domain)


_KEYS = "|".join(
    (
        r"sk-(?:proj-|ant-|or-)?[A-Za-z0-9_-]{20,200}",  # OpenAI, Anthropic, OpenRouter
        r"hf_[A-Za-z0-9]{30,60}",
        r"(?:AKIA|ASIA)[A-Z0-9]{16}",  # Amazon
        r"gh[pousr]_[A-Za-z0-9]{36,255}",
        r"github_pat_[A-Za-z0-9_]{60,255}",
        r"glpat-[A-Za-z0-9_-]{20,64}",
        r"xox[abprs]-[A-Za-z0-9-]{10,200}",  # Slack
        r"AIza[A-Za-z0-9_-]{35}",  # Google
        r"(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,200}",  # Stripe
        r"npm_[A-Za-z0-9]{36}",
        r"pypi-AgEI[A-Za-z0-9_-]{40,200}",
    )
)
_BLOCK = r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY-----"
# In the order in which they are looked for: what lies inside an earlier find is no find of its own.
SORTS = (
    _Sort("private key", _BLOCK, re.compile(_BLOCK + r"(?:[^-]{0,8000}-----END [A-Z0-9 ]{1,60}-----)?")),
    _Sort("key", rf"\b(?:{_KEYS})", re.compile(rf"(?<![A-Za-z0-9])(?:{_KEYS})(?![A-Za-z0-9])")),
    _Sort(
        "mail",
        r"[\pL\pN_%+-]@[\pL\pN]",
        re.compile(
            r"(?<![\w.%+-])[\w%+-]{1,64}(?:\.[\w%+-]{1,64}){0,8}@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}[^\W\d_]{2,24}\b"
        ),
        _real_mail,
    ),
    _Sort(
        "bank account",
        r"\b[A-Z]{2}\d{2} ?[A-Z0-9]{4}",
        re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])"),
        checksums.iban,
    ),
    _Sort(
        "card",
        r"\d(?:[ -]?\d){14}",
        re.compile(
            r"(?<![\d.,-])(?:[2-6]\d{3}(?:[ -]\d{4}){3}|3[47]\d{2}[ -]\d{6}[ -]\d{5}"  # as cards are printed
            r"|3[47]\d{13}|(?:4\d|5[1-5]|2[2-7]|6[045])\d{14})(?![\d-]|[.,]\d)"  # in one piece
        ),
        checksums.luhn,
    ),
    _Sort(
        "phone",
        r"\+[1-9](?:[ .\-/()]{0,2}\d){8}|(?:\(\d{3}\) ?|\d{3}[.-])\d{3}[.-]\d{4}",
        re.compile(
            # possessive, so that digits without end cost no more than their length
            r"(?<![\w.+-])(?:\+[1-9](?:[ .\-/()]{0,2}\d){8,14}+"  # +49 30 1234567
            r"|(?:1[ .-])?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[.-])[2-9]\d{2}[.-]\d{4})(?![\w-]|[.,]\d)"  # (212) 555-0123
        ),
    ),
)
HINT = "|".join(f"(?:{sort.hint})" for sort in SORTS)
PLACEHOLDERS = {sort.what: f"[{sort.what.upper().replace(' ', '_')}]" for sort in SORTS}


def spans(text: str) -> list[Span]:
    """Where what stands, from left to right, never one inside another."""
    spans_found: list[Span] = []
    for sort in SORTS:
        for match in sort.pattern.finditer(text):
            if sort.holds(match.group()) and not any(
                match.start() < span.end and span.start < match.end() for span in spans_found
            ):
                spans_found.append(Span(*match.span(), sort.what))
    return sorted(spans_found)


def mask(text: str) -> str:
    """The text with a placeholder for each find, such as [MAIL]."""
    for span in reversed(spans(text)):
        text = text[: span.start] + PLACEHOLDERS[span.what] + text[span.end :]
    return text


class _Pii:
    def __init__(self, _context: CheckContext) -> None:
        self._found: list[Positions] = []
        self._sorts: Counter[str] = Counter()

    def see(self, batch: Batch) -> None:
        hinted = pc.match_substring_regex(batch.text, pattern=HINT)
        positions = np.flatnonzero(hinted.to_numpy(zero_copy_only=False))
        hits = []
        for position, text in zip(positions, batch.text.filter(hinted).to_pylist(), strict=True):
            if sorts := {span.what for span in spans(text)}:
                self._sorts.update(sorts)
                hits.append(position + batch.first)
        self._found.append(np.array(hits, dtype=np.int64))

    def findings(self) -> Findings:
        return Findings(together(self._found), details=dict(self._sorts.most_common()))


CHECK = Check(
    name="personal_data",
    title="Personal data and keys",
    means="Mail addresses, phone and card numbers, bank accounts and access keys are memorised and told to "
    "anyone who asks.",
    weight=10,
    fix="mask",
    fix_label="Replace with placeholders",
    begin=_Pii,
    spans=spans,
)
