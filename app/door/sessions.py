"""Sessions of browsers: a signed cookie each, which ends by its time, by a log-out, or when the credential changes.

A cookie is `CLAIM.SIGNATURE`, and a claim is `EXPIRY.NONCE` for the owner or `EXPIRY.NONCE.viewer` for a visitor of a
share link. Nothing is kept of an open session, so an open page outlives a restart; of one that was logged out the claim
is kept in a file of the home until its time is over.
"""

import hashlib
import hmac
import os
import secrets
import threading
import time
from pathlib import Path
from typing import Literal

Holder = Literal["owner", "viewer"]

MOST_ENDED = 10_000


class Sessions:
    """Makes, knows and ends the sessions of one studio. `file` remembers the ended ones, a claim a line."""

    def __init__(self, signing_key: bytes, file: Path) -> None:
        self._key = signing_key
        self._file = file
        self._lock = threading.Lock()
        self._ended = {claim: _expiry(claim) for claim in _lines(file) if _expiry(claim) > time.time()}

    def new(self, seconds: int, holder: Holder = "owner") -> str:
        """The value of a cookie that ends after so many seconds."""
        claim = f"{int(time.time()) + seconds}.{secrets.token_urlsafe(9)}" + (".viewer" if holder == "viewer" else "")
        return f"{claim}.{self._sign(claim)}"

    def holder(self, cookie: str) -> Holder | None:
        """Whose session it is; None when it is over, or was never ours."""
        claim, _, signature = cookie.rpartition(".")
        if not hmac.compare_digest(signature.encode("utf-8", "replace"), self._sign(claim).encode()):
            return None
        if _expiry(claim) <= time.time() or claim in self._ended:
            return None
        return "viewer" if claim.endswith(".viewer") else "owner"

    def end(self, cookie: str) -> None:
        """Ends that session for good, whoever else holds its cookie. Does nothing when it is not open."""
        if self.holder(cookie) is None:
            return
        claim = cookie.rpartition(".")[0]
        with self._lock:
            open_otherwise = {claim: end for claim, end in self._ended.items() if end > time.time()}
            newest = sorted(open_otherwise.items(), key=lambda item: item[1])[-MOST_ENDED + 1 :]
            self._ended = dict(newest) | {claim: _expiry(claim)}
            _write(self._file, "".join(f"{ended}\n" for ended in self._ended))

    def _sign(self, claim: str) -> str:
        return hmac.new(self._key, claim.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def _expiry(claim: str) -> int:
    text = claim.partition(".")[0]
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text("utf-8").split()
    except FileNotFoundError:
        return []


def _write(file: Path, text: str) -> None:
    whole = file.with_suffix(".new")
    with os.fdopen(os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as descriptor:
        descriptor.write(text)
    whole.replace(file)
