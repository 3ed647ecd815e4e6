"""An application that answers with the headers it saw."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Headers, one a line."""
    lines = [f"{name}: {value}" for name, value in Request(scope).headers.items()]
    await PlainTextResponse("\n".join(lines))(scope, receive, send)
