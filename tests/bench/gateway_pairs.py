"""What a whole studio's gateway adds, of several checkouts in turn: `python -m tests.bench.gateway_pairs ROOT ROOT`.

A studio of each checkout, a fake outside server behind all, one client on a connection that stays open. Prints for each
what a request takes longer than without the studio (medians of rounds taken in turn, so that what else the machine does
is in all of them), and the studio's processor time for one, as the system counts it. With `--key` requests come with an
API key that has every limit. `nice -n -15` makes it say something on a busy machine.
"""

import argparse
import json
import statistics
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench import kept_alive
from tests.bench.spine import TOKEN, Studio, until

EACH = 40  # requests of one kind before the next
LIMITS = {"name": "bench", "requests_per_minute": 100_000, "tokens_per_day": 10**12}


@dataclass
class Asked:
    """What came of one way, an entry for each round, in milliseconds."""

    name: str
    address: str
    token: str
    process: int | None = None
    p50: list[float] = field(default_factory=list)
    p95: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    def round(self, connection: kept_alive.Connection, request: bytes) -> None:
        before = _nanoseconds(self.process)
        seconds = [connection.seconds(request) for _ in range(EACH)]
        self.processor.append((_nanoseconds(self.process) - before) / EACH / 1e6)
        self.p50.append(kept_alive.p(seconds, 50))
        self.p95.append(kept_alive.p(seconds, 95))


def _nanoseconds(process: int | None) -> int:
    """Processor time of all threads."""
    threads = Path(f"/proc/{process}/task").glob("*/schedstat") if process else ()
    return sum(int(thread.read_text().split()[0]) for thread in threads)


def ready(studio: Studio, name: str, backend: str, with_key: bool) -> Asked:
    """A studio whose endpoint is answered by that backend."""
    until(studio.answers)
    options: dict[str, object] = {"url": f"{backend}/v1", "model": kept_alive.MODEL}
    made = studio.post("endpoints", {"name": kept_alive.MODEL, "backend": "external", "options": options})
    studio.ready(f"endpoints/{made['id']}")
    token = str(studio.post("keys", LIMITS)["secret"]) if with_key else TOKEN
    return Asked(name, studio.address, token, studio.process.pid)


def compare(ways: list[Asked], rounds: int, stream: bool) -> None:
    body = {"model": kept_alive.MODEL, "messages": [{"role": "user", "content": "x" * 200}], "stream": stream}
    connections = [kept_alive.Connection(way.address, way.token) for way in ways]
    for number in range(rounds + 1):
        for way, connection in zip(ways, connections, strict=True):
            way.round(connection, connection.request("/v1/chat/completions", json.dumps(body).encode()))
            if not number:  # the first one warms up
                way.p50, way.p95, way.processor = [], [], []
    for connection in connections:
        connection.close()
    direct, *through = ways
    print("streamed" if stream else "whole")
    for way in through:
        added = [[a - b for a, b in zip(ours, theirs, strict=True)] for ours, theirs in _pairs(way, direct)]
        p50, p95, processor = (statistics.median(each) for each in (*added, way.processor))
        print(f"  {way.name:30} adds p50 {p50:.2f} ms, p95 {p95:.2f}; {processor:.2f} ms of processor", flush=True)


def _pairs(way: Asked, direct: Asked) -> tuple[tuple[list[float], list[float]], tuple[list[float], list[float]]]:
    return (way.p50, direct.p50), (way.p95, direct.p95)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("roots", type=Path, nargs="+")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--key", action="store_true", help="ask with a key that has every limit")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        backend = stack.enter_context(kept_alive.fake_backend(Path(folder)))
        through = []
        for number, root in enumerate(chosen.roots):
            studio = Studio(f"{folder}/home{number}", root)
            stack.callback(studio.close)
            through.append(ready(studio, str(root), backend, chosen.key))
        for stream in (False, True):
            compare([Asked("direct", backend, TOKEN), *through], chosen.rounds, stream)


if __name__ == "__main__":
    main()
