"""A running model server, and how to talk to it."""

import json
import os
from pathlib import Path
from typing import Any

import httpx

from engine.process import events
from tests import tracing
from tests.workers.warm import Program


class Server:
    """A running server, and how to talk to it. Forked: `tests.browser.test_journey` has one that begins cold."""

    def __init__(self, out: Path, spec: dict[str, Any], program: str = "engine.workers.serve.serve") -> None:
        self.out, self.socket = out, spec["socket"]
        out.mkdir()
        (out / "spec.json").write_text(json.dumps(spec))
        own = {"OMP_NUM_THREADS": "1"}  # so tiny a model only loses time between threads
        environment = os.environ | tracing.AT_FIRST | own  # it is traced for all tests that share it
        arguments = [str(out / "spec.json"), str(out)]
        self.process = Program(program, arguments, environment, out / "output.log")

    def recorded(self) -> list[events.Event]:
        return events.read(self.out)[0]

    def http(self) -> httpx.Client:
        return httpx.Client(transport=httpx.HTTPTransport(uds=self.socket), base_url="http://server", timeout=60)

    def post(self, path: str, **body: Any) -> Any:
        with self.http() as client:
            return client.post(f"/v1/{path}", json=body)

    def chat(self, model: str, text: str = "hello", **options: Any) -> str:
        options = {"temperature": 0, "max_tokens": 12, **options}
        answer = self.post("chat/completions", model=model, messages=[{"role": "user", "content": text}], **options)
        return str(answer.json()["choices"][0]["message"]["content"])

    def in_flight(self) -> int:
        with self.http() as client:
            return int(client.get("/health").json()["in_flight"])
