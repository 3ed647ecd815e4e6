"""The one way to an address that a person typed: which are allowed, and connections to those alone.

A name is looked up, every address it has is checked, and the connection goes to a checked address: a name that is
looked up a second time may lead elsewhere (DNS rebinding). Redirects are never followed. Loopback and private networks
are allowed, since Ollama, LM Studio and llama.cpp run there. What is refused everywhere is where cloud machines keep
their credentials. No proxy of the environment is used: it would look the name up itself.

The gateway connects through `open_socket`, everything else through `Transport` (httpx).
"""

import ipaddress
import socket
import ssl
import time
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httpcore
import httpx

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

MOST_ANSWER_BYTES = 32 << 20  # of one answer; a thousand long embeddings have 16 MB
LINK_LOCAL = "must not be a link-local address: cloud machines keep their credentials there"
PRIVATE = "must not be an address of this machine or of a private network"
_NEVER = tuple(
    ipaddress.ip_network(network)
    for network in (
        "169.254.0.0/16",  # link-local: AWS, Azure, Google and most others
        "fe80::/10",  # link-local
        "fd00:ec2::254/128",  # AWS
        "fd20:ce::254/128",  # Google
        "100.100.100.200/32",  # Alibaba
        "168.63.129.16/32",  # Azure's agent
        "192.0.0.192/32",  # Oracle, older machines
        "224.0.0.0/4",  # multicast: not one server
        "ff00::/8",
    )
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_COMPATIBLE = ipaddress.ip_network("::/96")
_METADATA_NAMES = ("metadata", "metadata.goog", "metadata.google.internal", "instance-data")


class AddressRefusedError(OSError):
    """A connection to an address that is not allowed."""


def checked_url(text: str) -> str:
    """The base of an API as it is stored. Raises ValueError, with what the url must be, for one that is not allowed.

    Looks nothing up: a name is checked whenever it is connected to.
    """
    url = text.strip()
    parts = checked_parts(url)
    if parts.username or parts.password or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("must hold no user, password, query or fragment; name the key's variable in api_key_env")
    return url.rstrip("/")


def checked_parts(url: str) -> SplitResult:
    """The parts of an address of http(s), whatever its path and query. Raises ValueError as `checked_url` does."""
    if any(not letter.isprintable() or letter.isspace() for letter in url):
        raise ValueError("must hold no space, line end or control character")
    parts = _split(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must begin with http:// or https:// and name a host")
    check_host(parts.hostname)
    return parts


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        if parts.port == 0:
            raise ValueError
    except ValueError as error:  # urlsplit says "Port out of range 0-65535", or "Invalid IPv6 URL"
        raise ValueError("must have a host as in example.org or [::1], and a port from 1 to 65535") from error
    return parts


def check_host(host: str, only_public: bool = False) -> None:
    """Raises ValueError, with what a host must be, for one that is not allowed. Looks nothing up."""
    address = _plain_address(host)
    if address is not None:
        if is_refused(address):
            raise ValueError(LINK_LOCAL)
        if only_public and is_private(address):
            raise ValueError(PRIVATE)
        return
    if only_public and (host.rstrip(".") == "localhost" or host.rstrip(".").endswith(".localhost")):
        raise ValueError(PRIVATE)
    plain = unicodedata.normalize("NFKC", host).lower()
    if plain != host or "%" in host or _is_number(host.rstrip(".")):
        raise ValueError("must name its host plainly, as in example.org, 127.0.0.1 or [::1]")
    if host.rstrip(".") in _METADATA_NAMES:
        raise ValueError(LINK_LOCAL)


def _plain_address(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_number(host: str) -> bool:
    """Whether the system reads it as an address, in whatever spelling: 2130706433, 0x7f.1, 0177.0.0.1."""
    try:
        return bool(socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST))
    except (OSError, UnicodeError):
        return False


def is_refused(address: Address) -> bool:
    """Whether no connection may go there, also where it is an IPv4 address inside an IPv6 one."""
    if any(address in network for network in _NEVER):
        return True
    return isinstance(address, ipaddress.IPv6Address) and any(is_refused(inner) for inner in _embedded(address))


def is_private(address: Address) -> bool:
    """Whether it is no address of the open internet: loopback, a private network, and what is set apart.

    Also where it is an IPv4 address inside an IPv6 one.
    """
    if not address.is_global:
        return True
    return isinstance(address, ipaddress.IPv6Address) and any(is_private(inner) for inner in _embedded(address))


def _embedded(address: ipaddress.IPv6Address) -> Iterator[ipaddress.IPv4Address]:
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    for inner in (address.ipv4_mapped, address.sixtofour, *(address.teredo or ())):
        if inner is not None:
            yield inner


def refuse(numeric: str, only_public: bool = False) -> None:
    """Raises AddressRefusedError for an address, as the system writes it, that is not allowed."""
    address = ipaddress.ip_address(numeric.partition("%")[0])
    if is_refused(address):
        raise AddressRefusedError(f"{numeric} is link-local or a metadata address, which is never asked")
    if only_public and is_private(address):
        raise AddressRefusedError(f"{numeric} is an address of this machine or of a private network")


def open_socket(info: tuple[Any, ...]) -> socket.socket:
    """A socket for one entry of getaddrinfo, just before it is connected to."""
    family, kind, protocol, _name, address = info
    refuse(str(address[0]))
    return socket.socket(family, kind, protocol)


def connect(host: str, port: int, seconds: float, only_public: bool) -> socket.socket:
    """A connection to a checked address of a host, for what does not speak HTTP. Raises OSError, UnicodeError."""
    failure: OSError = AddressRefusedError(f"{host} has no address")
    for numeric in _addresses(host, port, only_public):
        try:
            return socket.create_connection((numeric, port), seconds)
        except OSError as error:
            failure = error
    raise failure


def _addresses(host: str, port: int, only_public: bool = False) -> list[str]:
    """The allowed addresses of a host. Raises OSError when it has none."""
    addresses = dict.fromkeys(str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    allowed, refusal = [], AddressRefusedError(f"{host} has no address")
    for numeric in addresses:
        try:
            refuse(numeric, only_public)
            allowed.append(numeric)
        except AddressRefusedError as error:
            refusal = error
    if not allowed:
        raise refusal
    return allowed


class Transport(httpx.HTTPTransport):
    """For an httpx client that asks an outside server: checked addresses, so many bytes, so many seconds in all."""

    def __init__(
        self, most_bytes: int = MOST_ANSWER_BYTES, seconds: float | None = None, only_public: bool = False
    ) -> None:
        network = _Network(most_bytes, seconds, only_public)
        self._pool = httpcore.ConnectionPool(ssl_context=certificates(), network_backend=network)


@lru_cache(maxsize=1)
def certificates() -> ssl.SSLContext:
    """Whom https servers are believed. Read once: it takes some hundredths of a second."""
    return httpx.create_ssl_context()


def refuse_compressed(answer: httpx.Response) -> None:
    """A hook of an httpx client: compressed answers were not asked for, and a short one may be gigabytes long."""
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        raise httpx.DecodingError("it answered compressed, which was not asked for", request=answer.request)


class _Network(httpcore.SyncBackend):
    """Connects to checked addresses only. Lives as long as one client, and its limits count for all of it."""

    def __init__(self, most_bytes: int, seconds: float | None, only_public: bool) -> None:
        self.bytes_left, self.only_public = most_bytes, only_public
        self.until = None if seconds is None else time.monotonic() + seconds

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            addresses = _addresses(host, port, self.only_public)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(str(error)) from error
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for numeric in addresses:
            try:
                options = list(socket_options or [])
                stream = super().connect_tcp(numeric, port, self.time_left(timeout), local_address, options)
                return _Stream(stream, self)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    def time_left(self, timeout: float | None) -> float | None:
        """Seconds that the next step may take."""
        if self.until is None:
            return timeout
        left = self.until - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("it took too long in all")
        return left if timeout is None else min(left, timeout)


class _Stream(httpcore.NetworkStream):
    """A connection whose reads are counted: a server that drips a byte a second is given up too."""

    def __init__(self, stream: httpcore.NetworkStream, network: _Network) -> None:
        self._stream, self._network = stream, network

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = self._stream.read(max_bytes, self._network.time_left(timeout))
        self._network.bytes_left -= len(data)
        if self._network.bytes_left < 0:
            raise httpcore.ReadError("its answer is too large")
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._network.time_left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        encrypted = self._stream.start_tls(ssl_context, server_hostname, self._network.time_left(timeout))
        return _Stream(encrypted, self._network)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
