"""A served model that answers questions about code (tests.fake_openai), for tests that import its fixtures.

The server is started once; each test has a row of its own for it, and a model folder whose tokenizer it chooses.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.sandbox import sandbox
from engine.serve import routing
from storage import db
from storage.statuses import EndpointStatus
from storage.tables import DEFAULT_PROJECT, Backend, Endpoint, Model
from tests.conftest import ROOT
from tests.serving import ready_model
from tests.waiting import wait_for

NAME = "coder"
# Without a sandbox a test that runs code is left out, but not on CI, where it fails (and nothing is probed to know).
needs_sandbox = pytest.mark.skipif(
    not os.environ.get("CI") and not sandbox.means().name, reason="nothing holds code back here"
)
QWEN = ("<|endoftext|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>", "<|file_sep|>")


@pytest.fixture(scope="session")
def coder_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the server, which lives as long as the tests."""
    folder = tmp_path_factory.mktemp("coder")
    spec, socket = folder / "spec.json", folder / "s"
    spec.write_text(json.dumps({"names": {NAME: ""}, "model_path": "coder", "socket": str(socket)}))
    server = subprocess.Popen([sys.executable, "-m", "tests.fake_openai", str(spec), str(folder)], cwd=ROOT)
    try:
        wait_for(lambda: (folder / "events.jsonl").exists() or server.poll() is not None, 60)
        assert server.poll() is None
        yield f"unix:{socket}"
    finally:
        server.kill()
        server.wait()


@pytest.fixture
def coder(coder_address: str) -> str:
    """The name of an endpoint that answers; its base has a chat template and no tokens of its own."""
    return serve(coder_address)


@pytest.fixture
def serve_coder(coder_address: str) -> Callable[..., str]:
    """The same with tokens, without a chat template, or as an outside server."""
    return lambda **facts: serve(coder_address, **facts)


def serve(address: str, tokens: tuple[str, ...] = (), template: bool = True, kind: str = "transformers") -> str:
    model = ready_model()
    assert model.path is not None
    write_tokens(Path(model.path), tokens)
    endpoint = Endpoint(project_id=DEFAULT_PROJECT, name=NAME)
    backend = Backend(endpoint_id=endpoint.id, kind=kind, model_id=model.id, status=EndpointStatus.READY)
    backend.address, backend.served_names = address, [NAME]
    if kind == "external":
        backend.model_id, backend.options = None, {"model": NAME}
    endpoint.active_backend_id = backend.id
    with db.session() as session:
        session.get_one(Model, model.id).has_chat_template = template
        session.add(endpoint)
        session.flush()
        session.add(backend)
    routing.forget()
    return NAME


def write_tokens(folder: Path, tokens: tuple[str, ...]) -> None:
    added = [{"id": 1000 + number, "content": token, "special": True} for number, token in enumerate(tokens)]
    (folder / "tokenizer.json").write_text(json.dumps({"added_tokens": added}), encoding="utf-8")


def no_thread_is_left(name: str) -> bool:
    return not any(thread.name == name for thread in threading.enumerate())
