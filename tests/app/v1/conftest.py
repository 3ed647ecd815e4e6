"""One fake model server for a file of tests: starting one for each test takes longer than the tests."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.serve import routing
from storage import db
from storage.statuses import EndpointStatus
from storage.tables import DEFAULT_PROJECT, Backend, Endpoint
from tests import tracing
from tests.waiting import wait_for


class FakeServer:
    """A running tests.fake_openai, whose models are `jokes` and `jokes:base`."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "s"
        spec = {"model_path": "m", "names": {"jokes": "", "jokes:base": ""}, "socket": str(self.socket)}
        (folder / "spec.json").write_text(json.dumps(spec))
        argv = [sys.executable, "-m", "tests.fake_openai", str(folder / "spec.json"), str(folder)]
        self.process = subprocess.Popen(argv, env=tracing.without(os.environ))

    def serve(self, name: str = "jokes", kind: str = "transformers") -> Endpoint:
        """An endpoint of that name in the test's database, ready, and answered by this server."""
        endpoint = Endpoint(project_id=DEFAULT_PROJECT, name=name)
        backend = Backend(endpoint_id=endpoint.id, kind=kind, status=EndpointStatus.READY)
        backend.address, backend.served_names = f"unix:{self.socket}", [name, f"{name}:base"]
        endpoint.active_backend_id = backend.id
        with db.session() as session:
            session.add(endpoint)
            session.flush()
            session.add(backend)
        routing.forget()
        return endpoint


@pytest.fixture(scope="module")
def fake_server() -> Iterator[FakeServer]:
    with tempfile.TemporaryDirectory() as folder:
        server = FakeServer(Path(folder))
        try:
            wait_for(lambda: (Path(folder) / "events.jsonl").exists(), 30)
            yield server
        finally:
            server.process.kill()
            server.process.wait()
