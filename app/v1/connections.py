"""Connections to the servers behind endpoints, kept open between requests."""

import asyncio
import socket
import ssl
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

import anyio.to_thread
from aiohappyeyeballs import start_connection

from app.v1.answers import Answer, UnreachedError
from app.v1.connection import Connection
from engine.serve import outside, probe

CONNECT_SECONDS = 5
IDLE_SECONDS = 30  # an unused connection is kept so long; the backend keeps it longer
NEXT_ADDRESS_SECONDS = 0.25  # a name's next address is tried when the one before says nothing for so long


class Server:
    """The connections of one event loop to one server. Raises ValueError for an address that is none."""

    def __init__(self, address: str) -> None:
        self._loop = asyncio.get_running_loop()
        self.free: list[Connection] = []
        self._sweeping: asyncio.TimerHandle | None = None
        self._is_closed = False
        self._path = address.removeprefix(probe.UNIX) if not is_outside(address) else None
        parts = urlsplit(probe.LOCAL_BASE if self._path is not None else address)
        self._name, self._is_secure = parts.hostname or "", parts.scheme == "https"
        self._port = parts.port or (443 if self._is_secure else 80)
        host = f"[{self._name}]" if ":" in self._name else self._name.encode("idna").decode("ascii")
        host += f":{parts.port}" if parts.port else ""
        base = quote(parts.path.rstrip("/"), safe="/%:@!$&'()*+,;=~")
        self._base = f"POST {base}/".encode()
        self._head = (
            f" HTTP/1.1\r\nhost: {host}\r\naccept: */*\r\naccept-encoding: identity\r\nuser-agent: tunesmith\r\n"
            "content-type: application/json\r\n"
        ).encode()

    async def ask(
        self, route: str, headers: Mapping[str, str], body: bytes, quiet_seconds: float | None, fresh: bool = False
    ) -> Answer:
        """Sends a question; its answer, of which nothing has come yet. `fresh`: over a new connection.

        Raises UnreachedError, and ValueError for a header that is none.
        """
        connection = None if fresh else self._taken()
        if connection is None:
            connection = await self._opened()
        more = "".join(f"{name}: {_checked(value)}\r\n" for name, value in headers.items()).encode("latin-1")
        length = b"content-length: %d\r\n\r\n" % len(body)
        return connection.ask(b"".join((self._base, route.encode(), self._head, more, length, body)), quiet_seconds)

    def close(self) -> None:
        """Closes those that are free; the others when their answers are over."""
        self._is_closed = True
        if self._sweeping is not None:
            self._sweeping.cancel()
        for connection in self.free:
            connection.close()
        self.free.clear()

    def _taken(self) -> Connection | None:
        """The one that was used last: the others may rest until they are closed."""
        while self.free:
            if (connection := self.free.pop()).is_open:
                return connection
        return None

    def _is_free(self, connection: Connection) -> None:
        if self._is_closed:
            connection.close()
            return
        connection.free_since = self._loop.time()
        self.free.append(connection)
        if self._sweeping is None:
            self._sweeping = self._loop.call_later(IDLE_SECONDS, self._sweep)

    def _sweep(self) -> None:
        """Closes what was not used for IDLE_SECONDS, and comes again when the next one is due."""
        due = self._loop.time() - IDLE_SECONDS
        for connection in [one for one in self.free if one.free_since <= due]:
            self.free.remove(connection)
            connection.close()
        first = min((one.free_since for one in self.free), default=None)
        self._sweeping = None if first is None else self._loop.call_at(first + IDLE_SECONDS, self._sweep)

    async def _opened(self) -> Connection:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await (self._to_path(self._path) if self._path is not None else self._to_host())
        except (OSError, TimeoutError) as error:
            raise UnreachedError(str(error)) from error

    async def _to_path(self, path: str) -> Connection:
        return (await self._loop.create_unix_connection(lambda: Connection(self._is_free), path))[1]

    async def _to_host(self) -> Connection:
        """Looks the name up, and connects to an address that may be asked."""
        secure: ssl.SSLContext | None = None
        if self._is_secure:
            secure = await anyio.to_thread.run_sync(outside.certificates)
        addresses = await self._loop.getaddrinfo(self._name, self._port, type=socket.SOCK_STREAM)
        connected = await start_connection(
            addresses, happy_eyeballs_delay=NEXT_ADDRESS_SECONDS, loop=self._loop, socket_factory=outside.open_socket
        )
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        name = self._name if secure else None
        opened = self._loop.create_connection(
            lambda: Connection(self._is_free), sock=connected, ssl=secure, server_hostname=name
        )
        return (await opened)[1]


_servers: dict[tuple[asyncio.AbstractEventLoop, str], Server] = {}


def server(address: str) -> Server:
    """The connections to one server. Raises ValueError for an address that is none."""
    key = (asyncio.get_running_loop(), address)
    if (known := _servers.get(key)) is None:
        known = _servers[key] = Server(address)
    return known


def is_outside(address: str) -> bool:
    """Whether it is somebody else's server."""
    return not address.startswith(probe.UNIX)


async def close_all() -> None:
    """Closes this event loop's connections to every server. Called when the app ends."""
    loop = asyncio.get_running_loop()
    for key in [key for key in _servers if key[0] is loop]:
        _servers.pop(key).close()


def _checked(value: str) -> str:
    """A header's value. Raises ValueError for one that would begin another header."""
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in value):
        raise ValueError("a header must hold no control character")
    return value
