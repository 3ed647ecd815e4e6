"""Connections to the servers behind endpoints, kept open between requests."""

import asyncio

import aiohttp

from engine.serve import outside, probe

CONNECT_SECONDS = 5
IDLE_SECONDS = 30  # an unused connection is kept so long; the backend keeps it longer

_sessions: dict[tuple[asyncio.AbstractEventLoop, str], aiohttp.ClientSession] = {}


def session(address: str) -> aiohttp.ClientSession:
    """The connections to one server; idle ones close by themselves."""
    key = (asyncio.get_running_loop(), address)
    if key not in _sessions:
        _sessions[key] = _open(address)
    return _sessions[key]


def _open(address: str) -> aiohttp.ClientSession:
    """What an answer says is not decompressed: a few bytes may become gigabytes."""
    if is_outside(address):
        connector: aiohttp.BaseConnector = aiohttp.TCPConnector(
            limit=0, keepalive_timeout=IDLE_SECONDS, socket_factory=outside.open_socket
        )
    else:
        path = address.removeprefix(probe.UNIX)
        connector = aiohttp.UnixConnector(path, limit=0, keepalive_timeout=IDLE_SECONDS)
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False)


def is_outside(address: str) -> bool:
    """Whether it is somebody else's server."""
    return not address.startswith(probe.UNIX)


async def close_all() -> None:
    """Closes this event loop's connections to every server. Called when the app ends."""
    loop = asyncio.get_running_loop()
    for key in [key for key in _sessions if key[0] is loop]:
        await _sessions.pop(key).close()
