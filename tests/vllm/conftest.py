"""One real studio for all tests of this folder, with the real vLLM and the real starter model."""

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.browser.conftest import TOKEN, Studio, running
from tests.starter import starter_model as starter_model
from tests.vllm import runtime
from tests.waiting import wait_for

READY_SECONDS = 400  # idle 25; with ten other programs on the two cores up to 240
NAME = "starter"
OPTIONS = {"kv_cache_gib": 0.5, "max_model_len": 2048}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of them are marked `vllm`, so that a plain `make test` leaves them out."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.vllm)
            item.add_marker(pytest.mark.timeout(2 * READY_SECONDS))


@pytest.fixture(scope="session")
def vllm_python() -> Path:
    """The Python of the runtime. A named one that is missing fails; without any the tests are left out."""
    found = runtime.find()
    if found is None:
        pytest.skip(runtime.MISSING.format(runtime.cached()))
    return found.python


class Client:
    """The studio over HTTP, as a program of somebody else's uses it."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        headers = {"authorization": f"Bearer {TOKEN}"}
        self.http = httpx.Client(base_url=studio.url, headers=headers, timeout=120)
        self.key = self.post("/api/keys", {"name": "tests"})["secret"]

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        answer = self.http.post(path, json=body)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def get(self, path: str) -> Any:
        return self.http.get(path).raise_for_status().json()

    def ask(self, path: str, body: dict[str, Any]) -> httpx.Response:
        """A question to the gateway, with the key."""
        headers = {"authorization": f"Bearer {self.key}"}
        return self.http.post(f"/v1/{path}", json={"model": NAME, "temperature": 0} | body, headers=headers)

    def says(self, question: str, model: str = NAME) -> str:
        """The model's answer to a question, which must be one."""
        messages = [{"role": "user", "content": question}]
        answer = self.ask("chat/completions", {"model": model, "messages": messages, "max_tokens": 24})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["choices"][0]["message"]["content"])

    def endpoint(self) -> dict[str, Any]:
        return next(facts for facts in self.get("/api/endpoints") if facts["name"] == NAME)

    def until(self, *statuses: str, seconds: float = READY_SECONDS) -> dict[str, Any]:
        """Waits until the endpoint has one of these statuses; fails with its error when it has failed."""

        def found() -> dict[str, Any] | None:
            facts = self.endpoint()
            assert facts["status"] != "failed" or "failed" in statuses, (facts["error"], self.log(facts))
            return facts if facts["status"] in statuses else None

        return wait_for(found, seconds, every=0.5) or {}

    def log(self, facts: dict[str, Any]) -> str:
        return (self.folder(facts) / "output.log").read_text(errors="replace")[-3000:]

    def folder(self, facts: dict[str, Any]) -> Path:
        """The folder of the backend that answers."""
        return self.studio.home / "backends" / str(facts["backend_id"])

    def processes(self) -> list[psutil.Process]:
        """Shim, API server, EngineCore and Worker of every backend of this studio.

        By the cookie in their environment, which vLLM's own processes keep only because of SPT_NOENV, and by descent.
        """
        cookie = f"TUNESMITH_WORK={self.studio.home / 'backends'}".encode()
        marked = [process for process in psutil.process_iter() if cookie in _environment(process.pid)]
        below = [child for process in marked for child in process.children(recursive=True)]
        return list({process.pid: process for process in [*marked, *below]}.values())

    def process(self, title: str) -> psutil.Process:
        """The one whose command line begins so."""
        found = [process for process in self.processes() if " ".join(process.cmdline()).startswith(title)]
        assert len(found) == 1, (title, [process.cmdline()[:3] for process in self.processes()])
        return found[0]


def _environment(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


def kill(process: psutil.Process) -> None:
    os.kill(process.pid, signal.SIGKILL)


@pytest.fixture(scope="session")
def short_folder() -> Iterator[Path]:
    """A folder with a path as short as a person's home, so that sockets and temporary files are in the home too."""
    with tempfile.TemporaryDirectory(prefix="vllm-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def client(vllm_python: Path, starter_model: Path, short_folder: Path) -> Iterator[Client]:
    """The studio, with the starter model in it and an endpoint of it on its way up."""
    settings = {"TUNESMITH_VLLM_PYTHON": str(vllm_python)}
    with running(short_folder, "tests.vllm.studio", settings=settings) as studio:
        client = Client(studio)
        model = client.post("/api/models", {"source": "path", "id": str(starter_model)})
        wait_for(lambda: client.get(f"/api/models/{model['id']}")["status"] == "ready", 60)
        client.post("/api/endpoints", {"name": NAME, "backend": "vllm", "model_id": model["id"], "options": OPTIONS})
        yield client
        for facts in client.get("/api/endpoints"):
            client.http.delete(f"/api/endpoints/{facts['id']}")
        wait_for(lambda: not client.processes(), 30)
