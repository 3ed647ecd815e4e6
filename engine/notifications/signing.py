"""Webhooks signed by the Standard Webhooks scheme, version 1 of https://www.standardwebhooks.com: HMAC-SHA256.

What is signed is `ID.TIMESTAMP.BODY`, with the bytes behind `whsec_` of the secret as the key.
"""

import base64
import binascii
import hashlib
import hmac
import secrets

PREFIX = "whsec_"
FEWEST_BYTES, MOST_BYTES = 24, 64  # of the key, as the scheme asks


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def key_of(secret: str) -> bytes:
    """The key in a secret. Raises ValueError, with what the secret must be."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(PREFIX) or not FEWEST_BYTES <= len(key) <= MOST_BYTES:
        raise ValueError(f"must be {PREFIX} and then {FEWEST_BYTES} to {MOST_BYTES} bytes in base64")
    return key


def headers(secret: str, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of a signed call. `timestamp` is that of the try, in seconds since 1970."""
    signed = b".".join((message_id.encode(), str(timestamp).encode(), body))
    signature = base64.b64encode(hmac.new(key_of(secret), signed, hashlib.sha256).digest()).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{signature}",
    }
