"""What the gateway adds to a request: `python -m tests.bench.gateway [REQUESTS]`.

Starts a mock backend on a Unix socket and a gateway before it, each a process of its own, and asks both in turn from
this one. Prints milliseconds added at one client (p50, p95) and requests a second at sixteen.
Budget: 1 ms, 2 ms, 1,000. Means something on an idle machine only.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import aiohttp
import uvicorn
from fastapi import FastAPI

from app.v1 import gateway
from storage import db
from storage.statuses import EndpointStatus
from storage.tables import DEFAULT_PROJECT, Backend, Endpoint

BODY = {"model": "jokes", "messages": [{"role": "user", "content": "x" * 200}]}


def serve_gateway(path: str) -> None:
    """The gateway alone, on a Unix socket, so that both sides of the comparison are asked the same way."""
    app = FastAPI()
    app.include_router(gateway.router)
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


async def compare(direct: str, through: str, requests: int) -> None:
    for stream in (False, True):
        added: dict[str, list[float]] = {"p50": [], "p95": []}
        for _ in range(4):  # in turn, because the machine's speed changes
            one, other = await ask(direct, requests // 4, 1, stream), await ask(through, requests // 4, 1, stream)
            for name, place in (("p50", 49), ("p95", 94)):
                cut = [statistics.quantiles(times, n=100)[place] for times in (one, other)]
                added[name].append((cut[1] - cut[0]) * 1000)
        began = time.perf_counter()
        await ask(through, requests * 2, 16, stream)
        a_second = requests * 2 / (time.perf_counter() - began)
        p50, p95 = (statistics.median(added[name]) for name in ("p50", "p95"))
        words = "streamed" if stream else "whole"
        print(f"{words:9} added p50 {p50:.2f} ms, p95 {p95:.2f} ms; {a_second:.0f} requests/s at 16 clients")


def main(requests: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        direct, through = f"{folder}/b", f"{folder}/g"
        os.environ["TUNESMITH_HOME"] = f"{folder}/home"
        route(direct)
        spec = {"model_path": "m", "names": {"jokes": ""}, "socket": direct}
        (out / "spec.json").write_text(json.dumps(spec))
        servers = [
            subprocess.Popen([sys.executable, "-m", "tests.fake_openai", str(out / "spec.json"), folder]),
            subprocess.Popen([sys.executable, "-m", "tests.bench.gateway", "--serve", through]),
        ]
        try:
            deadline = time.monotonic() + 60
            while not (Path(direct).exists() and Path(through).exists()) and time.monotonic() < deadline:
                time.sleep(0.1)
            asyncio.run(compare(direct, through, requests))
        finally:
            for server in servers:
                server.terminate()
                server.wait()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve_gateway(sys.argv[2])
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 1200)
