"""What the gateway adds to a request: `python -m tests.bench.gateway [REQUESTS] [--root CHECKOUT]`.

Starts a mock backend on a Unix socket, a gateway before it, and a second one whose requests come with a key that has
every limit; each is a process of its own, and all are asked in turn from this one. Prints milliseconds at one client
(p50, p95) and how many times what the backend alone takes, requests a second at sixteen clients, and the gateway's own
processor time for a request, which of all of them depends least on what else the machine does. Accounting is the
difference between the two gateways, and to a checkout without it (`--root`). Budget: 0.5 ms, 2 ms, 1,000.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import psutil
import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from app.v1 import gateway
from app.v1.lane import Lane
from storage import db
from storage.statuses import EndpointStatus
from storage.tables import DEFAULT_PROJECT, ApiKey, Backend, Endpoint

BODY = {"model": "jokes", "messages": [{"role": "user", "content": "x" * 200}]}
ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 10


class WithKey:
    """Stands where the guard stands, and has found a key with every limit."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._key = ApiKey(name="bench", sha256="x", models=["jokes*"])
        self._key.requests_per_minute, self._key.tokens_per_day = 100_000, 10**12

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})["key"] = self._key
        await self._app(scope, receive, send)


def serve_gateway(path: str, has_key: bool) -> None:
    """The gateway alone, on a Unix socket, so that both sides of the comparison are asked the same way."""
    app = FastAPI()
    app.include_router(gateway.router)
    app.add_middleware(Lane)
    if has_key:
        app.add_middleware(WithKey)
    uvicorn.run(app, uds=path, log_level="warning")


def route(backend_socket: str) -> None:
    """A database in which `jokes` is answered by the mock."""
    db.prepare()
    endpoint = Endpoint(project_id=DEFAULT_PROJECT, name="jokes")
    backend = Backend(endpoint_id=endpoint.id, kind="transformers", status=EndpointStatus.READY)
    backend.address, backend.served_names = f"unix:{backend_socket}", ["jokes"]
    endpoint.active_backend_id = backend.id
    with db.session() as change:
        change.add(endpoint)
        change.flush()
        change.add(backend)


async def ask(socket: str, requests: int, clients: int, stream: bool) -> list[float]:
    """Seconds of each request, asked by so many clients at once."""
    seconds: list[float] = []
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(socket, limit=0)) as session:

        async def one_client() -> None:
            for _ in range(requests // clients):
                began = time.perf_counter()
                async with session.post("http://x/v1/chat/completions", json={**BODY, "stream": stream}) as answer:
                    await answer.read()
                    assert answer.status == 200, await answer.text()
                seconds.append(time.perf_counter() - began)

        await asyncio.gather(*[one_client() for _ in range(clients)])
    return seconds


class Server:
    """One of the processes that are asked."""

    def __init__(self, socket: str, argv: list[str], root: Path = ROOT) -> None:
        self.socket = socket
        environment = os.environ | {"PYTHONPATH": str(root)}
        self.process = subprocess.Popen([sys.executable, *argv], cwd=root, env=environment)

    def processor_seconds(self) -> float:
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)

    def end(self) -> None:
        self.process.terminate()
        self.process.wait()


@dataclass
class Asked:
    """What came of one server, an entry for each round."""

    seconds: list[list[float]] = field(default_factory=list)  # of each request, one client
    a_second: list[float] = field(default_factory=list)  # requests, sixteen clients
    processor_ms: list[float] = field(default_factory=list)


async def compare(servers: dict[str, Server], requests: int) -> None:
    for stream in (False, True):
        asked = {name: Asked() for name in servers}
        for _ in range(ROUNDS):  # in turn, because the machine's speed changes
            for name, server in servers.items():
                await one_round(server, asked[name], requests // ROUNDS, stream)
        print("streamed" if stream else "whole")
        for name, one in asked.items():
            print(f"  {name:22} {_words(asked['backend alone'].seconds, one.seconds)}; ", end="")
            a_second, processor = statistics.median(one.a_second), min(one.processor_ms)
            print(f"{a_second:5.0f} requests/s at 16 clients, at best {processor:.3f} ms of processor each")


async def one_round(server: Server, asked: Asked, requests: int, stream: bool) -> None:
    asked.seconds.append(await ask(server.socket, requests, 1, stream))
    before, began = server.processor_seconds(), time.perf_counter()
    await ask(server.socket, requests, 16, stream)
    asked.a_second.append(requests / (time.perf_counter() - began))
    asked.processor_ms.append(1000 * (server.processor_seconds() - before) / requests)


def _words(direct: list[list[float]], through: list[list[float]]) -> str:
    """Medians over the rounds: what is added, and how many times the backend's own time the whole is."""
    added = []
    for place in (49, 94):
        pairs = [
            [statistics.quantiles(times, n=100)[place] for times in pair] for pair in zip(direct, through, strict=True)
        ]
        added.append((statistics.median(b - a for a, b in pairs) * 1000, statistics.median(b / a for a, b in pairs)))
    return "added p50 {:.2f} ms ({:.2f}x), p95 {:.2f} ms ({:.2f}x)".format(*added[0], *added[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("requests", type=int, nargs="?", default=1200)
    parser.add_argument("--root", type=Path, help="another checkout, asked in the same turn")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--key", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        return serve_gateway(chosen.serve, chosen.key)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TUNESMITH_HOME"] = f"{folder}/home"
        backend = f"{folder}/b"
        route(backend)
        spec = Path(folder) / "spec.json"
        spec.write_text(json.dumps({"model_path": "m", "names": {"jokes": ""}, "socket": backend}))
        servers = {"backend alone": Server(backend, ["-m", "tests.fake_openai", str(spec), folder])}
        own = ["-m", "tests.bench.gateway", "--serve"]
        servers["gateway"] = Server(f"{folder}/g", [*own, f"{folder}/g"])
        servers["gateway, limited key"] = Server(f"{folder}/k", [*own, f"{folder}/k", "--key"])
        if chosen.root:
            servers["gateway of --root"] = Server(f"{folder}/r", [*own, f"{folder}/r"], chosen.root)
        try:
            deadline = time.monotonic() + 60
            while not all(Path(one.socket).exists() for one in servers.values()) and time.monotonic() < deadline:
                time.sleep(0.1)
            asyncio.run(compare(servers, chosen.requests))
        finally:
            for server in servers.values():
                server.end()


if __name__ == "__main__":
    main()
