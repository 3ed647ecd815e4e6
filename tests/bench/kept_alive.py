"""What one client on a connection that stays open waits for: pages, and what the gateway adds to a request.

Asked over plain sockets, so that the asker costs next to nothing, and in turn, because the machine's speed changes.
Means something on an idle machine only; the ratio of two columns of one run means something on any.
"""

import json
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

MODEL = "bench"
PLAIN = {"health": "/api/health", "page": "/", "fragment": "/fragments/home/home"}
BUDGETS = {"health": 2, "page": 2, "fragment": 2}  # milliseconds, p50
GATEWAY_BUDGET = 0.5
Samples = dict[str, list[float]]


class Studio(Protocol):
    """What has to be known of the studio that is asked."""

    home: Path

    @property
    def address(self) -> str: ...

    def post(self, path: str, body: dict[str, object]) -> dict[str, object]: ...

    def ready(self, path: str) -> str: ...


class Connection:
    """One connection that stays open."""

    def __init__(self, address: str, token: str) -> None:
        parts = urlsplit(address)
        self._socket = socket.create_connection((parts.hostname, parts.port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._head = f"host: {parts.netloc}\r\nauthorization: Bearer {token}\r\n"

    def request(self, path: str, body: bytes = b"") -> bytes:
        """The bytes of a request: a GET, or a POST of JSON where there is a body."""
        verb = "POST" if body else "GET"
        length = f"content-type: application/json\r\ncontent-length: {len(body)}\r\n" if body else ""
        return f"{verb} {path} HTTP/1.1\r\n{self._head}{length}\r\n".encode() + body

    def seconds(self, request: bytes) -> float:
        """From sending the request to the last byte of its answer."""
        began = time.perf_counter()
        self._socket.sendall(request)
        head, content = self._until(b"", b"\r\n\r\n")
        lines = [line.partition(b":") for line in head.lower().split(b"\r\n")]
        headers = {name: value.strip() for name, _, value in lines[1:]}
        if b" 200 " not in head.split(b"\r\n")[0] + b" ":
            raise SystemExit(f"{request[:200]!r} was answered {head[:200]!r} {content[:300]!r}")
        if b"content-length" in headers:
            left = int(headers[b"content-length"]) - len(content)
            while left > 0:
                left -= len(self._received())
        elif not content.endswith(b"0\r\n\r\n"):
            self._until(content, b"0\r\n\r\n")
        return time.perf_counter() - began

    def _until(self, data: bytes, mark: bytes) -> tuple[bytes, bytes]:
        while mark not in data:
            data += self._received()
        before, _, after = data.partition(mark)
        return before, after

    def _received(self) -> bytes:
        data = self._socket.recv(1 << 18)
        if not data:
            raise SystemExit("The server closed a connection that should stay open.")
        return data

    def close(self) -> None:
        self._socket.close()


@contextmanager
def fake_backend(folder: Path) -> Iterator[str]:
    """Somebody else's model server, which answers at once; gives the base of its API."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    spec = folder / "fake_backend.json"
    spec.write_text(json.dumps({"model_path": "m", "names": {MODEL: ""}, "port": port}), encoding="utf-8")
    server = subprocess.Popen([sys.executable, "-m", "tests.fake_openai", str(spec), str(folder)])
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(60)


def sample(asked: dict[str, tuple[Connection, bytes]], rounds: int, each: int = 20) -> Samples:
    """Seconds of every request; a few of one kind, then of the next. The first ones warm up and do not count."""
    samples: Samples = {name: [] for name in asked}
    for number in range(rounds + 1):
        for name, (connection, request) in asked.items():
            seconds = [connection.seconds(request) for _ in range(each)]
            samples[name] += seconds if number else []
    return samples


def p(seconds: list[float], percent: int) -> float:
    """A percentile, in milliseconds."""
    return 1000 * statistics.quantiles(seconds, n=100, method="inclusive")[percent - 1]


def measure(studio: Studio, token: str, rounds: int = 25) -> None:
    """Prints what a kept-alive connection waits for, and what the gateway adds: whole answers and streamed ones."""
    with fake_backend(studio.home) as backend:
        options: dict[str, object] = {"url": f"{backend}/v1", "model": MODEL}
        endpoint = studio.post("endpoints", {"name": MODEL, "backend": "external", "options": options})
        studio.ready(f"endpoints/{endpoint['id']}")
        through, direct = Connection(studio.address, token), Connection(backend, token)
        asked = {name: (through, through.request(path)) for name, path in PLAIN.items()}
        for kind, stream in (("whole", False), ("streamed", True)):
            body = {"model": MODEL, "messages": [{"role": "user", "content": "x" * 200}], "stream": stream}
            text = json.dumps(body).encode()
            asked[f"{kind} direct"] = (direct, direct.request("/v1/chat/completions", text))
            asked[f"{kind} gateway"] = (through, through.request("/v1/chat/completions", text))
        report(sample(asked, rounds))
        through.close()
        direct.close()


def report(samples: Samples) -> None:
    print("kept alive, one client, ms      p50     p95")
    for name, seconds in samples.items():
        budget = f"   (budget {BUDGETS[name]})" if name in BUDGETS else ""
        print(f"  {name:24} {p(seconds, 50):8.2f} {p(seconds, 95):7.2f}{budget}")
    for kind in ("whole", "streamed"):
        direct, gateway = samples[f"{kind} direct"], samples[f"{kind} gateway"]
        added = {percent: p(gateway, percent) - p(direct, percent) for percent in (50, 95)}
        words = f"gateway adds, {kind}"
        ratio = p(gateway, 50) / p(direct, 50)
        print(f"  {words:24} {added[50]:8.2f} {added[95]:7.2f}   (budget {GATEWAY_BUDGET}; ratio {ratio:.2f})")
    sys.stdout.flush()
