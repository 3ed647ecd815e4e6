"""Random bytes of the home, made once: what the studio signs with is made from them."""

import hashlib
import hmac
import os
import secrets

from storage import home


def key_for(use: str) -> bytes:
    """A key for one use, 32 bytes; the same after a restart. Whoever knows one knows nothing of the others."""
    return hmac.new(read(), use.encode(), hashlib.sha256).digest()


def read() -> bytes:
    """The bytes themselves."""
    path = home.session_secret()
    try:
        return path.read_bytes()
    except FileNotFoundError:
        home.ensure_folder(home.home())
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes()
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(32))
    return path.read_bytes()
