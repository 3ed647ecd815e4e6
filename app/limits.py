"""No caller fills the memory: bodies of the REST API are short, except uploaded files, which go to disk."""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.answers.errors import KINDS, error_body

MOST_BYTES = 2 << 20
UPLOADS = ("/api/datasets", "/api/datasets/preview", "/api/models/upload")


class BodyLimit:
    """ASGI middleware for paths under /api."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/api/") or _is_upload(scope):
            return await self.app(scope, receive, send)
        if _length(scope) > MOST_BYTES:
            return await _refuse(scope, send)
        received = 0

        async def limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > MOST_BYTES:
                raise HTTPException(413, "The body is larger than 2 MiB.")
            return message

        return await self.app(scope, limited, send)


def _header(scope: Scope, header_name: bytes) -> bytes:
    return next((value for name, value in scope["headers"] if name.lower() == header_name), b"")


def _is_upload(scope: Scope) -> bool:
    kind = _header(scope, b"content-type").lower()
    return scope["path"] in UPLOADS and kind.startswith(b"multipart/form-data")


def _length(scope: Scope) -> int:
    text = _header(scope, b"content-length")
    return int(text) if text.isdigit() else 0


async def _refuse(scope: Scope, send: Send) -> None:
    body = error_body(scope["path"], KINDS[413], "The body is larger than 2 MiB.", "Only uploaded files may be large.")
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
