"""Endpoints of GGUF files: what is served and what is refused, over real processes of a small fake server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from engine.errors import ConflictError, RefusedError
from engine.exports import exports
from engine.process import plan, work
from engine.registry import aliases, following, versions
from engine.registry.aliases import Promotion
from engine.runtimes import folders, runtimes, usage
from engine.serve import adapters, backends, endpoints, gguf
from storage import db
from storage.statuses import EndpointStatus, WorkStatus
from storage.tables import AliasFollower, Export, Run, Work
from tests.serving import active, bring_up, end_all, finished_run, ready_model, until


@pytest.fixture(autouse=True)
def fake_servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(plan.WORKERS, "serve", "tests.fake_openai")
    monkeypatch.setitem(plan.WORKERS, "serve_gguf", "tests.fake_openai")
    monkeypatch.setattr(backends, "SETTLE_SECONDS", 0)
    yield
    end_all()


def gguf_export(run: Run, of: str = "model") -> Export:
    """An export that has succeeded, with its file."""
    made = Work(kind="export_gguf", subject_id=run.id, key=f"k-{of}", spec={}, status=WorkStatus.SUCCEEDED)
    made.result = {"folder": "gguf", "file": "tuned.gguf"}
    folder = work.folder(made) / "gguf"
    folder.mkdir(parents=True)
    (folder / "tuned.gguf").write_bytes(b"GGUF" + bytes(1000))
    export = Export(run_id=run.id, subject=f"run:{run.id}", kind="gguf", options={"type": "q8_0", "of": of})
    export.work_id = made.id
    with db.session() as session:
        session.add(made)
        session.add(export)
    return export


def install_llama(libraries: bool = True) -> Path:
    """A folder that looks like an installation."""
    folder = runtimes.root() / "llama-1"
    (folder / ("lib" if libraries else "converter")).mkdir(parents=True)
    folders.write(folder, folders.Manifest(kind="llama", version="1", words="llama.cpp"))
    folders.use(runtimes.root(), "llama", folder)
    return folder


@pytest.fixture
def run() -> Run:
    return finished_run(ready_model())


def test_a_gguf_version_is_served_over_rest_and_answers_through_the_gateway(owner: TestClient, run: Run) -> None:
    folder = install_llama()
    export = gguf_export(run)
    versions.add("jokes", export_id=export.id, who="me")
    made = owner.post("/api/endpoints", json={"name": "small", "subject": "version:jokes/1"})
    assert (made.status_code, made.json()["kind"]) == (201, "llama")
    assert made.json()["options"] == {"export_id": export.id}
    endpoint = endpoints.look_up(made.json()["id"])
    bring_up(endpoint)
    body = {"model": "small", "messages": [{"role": "user", "content": "hello"}]}
    answer = owner.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200
    assert "hello" in answer.json()["choices"][0]["message"]["content"]
    assert usage.endpoints_of("llama", folder) == ["small"]
    with pytest.raises(RefusedError, match="serves a GGUF file"):
        adapters.add(endpoint.id, run.id)
    with pytest.raises(ConflictError, match="the endpoint `small` serves it"):
        versions.delete("jokes", 1, "me")
    with pytest.raises(ConflictError, match="version 1"):
        exports.delete(export.id)


def test_an_alias_may_lead_from_an_adapter_to_a_gguf_file_and_back(run: Run) -> None:
    install_llama()
    versions.add("jokes", run_id=run.id, who="me")
    versions.add("jokes", export_id=gguf_export(run).id, who="me")
    aliases.move("jokes", "production", Promotion(1, "first", "me"))
    endpoint = following.serve("jokes", "version:jokes@production")
    bring_up(endpoint)
    for number, kind in ((2, "llama"), (1, "transformers")):
        aliases.move("jokes", "production", Promotion(number, "try it", "me"))
        with db.reading() as session:
            green = str(session.get_one(AliasFollower, endpoint.id).backend_id)
        until(green, EndpointStatus.READY)
        assert (active(endpoint).id, active(endpoint).kind) == (green, kind)
    assert active(endpoint).options == {}


def test_what_cannot_be_served_is_said_with_the_way_that_works(run: Run) -> None:
    export, alone = gguf_export(run), gguf_export(run, of="adapter")
    with pytest.raises(RefusedError, match="is not installed, and a GGUF") as refused:
        endpoints.create_endpoint("small", "llama", options={"export_id": export.id})
    assert "tunesmith runtime install llama" in refused.value.hint
    install_llama(libraries=False)
    with pytest.raises(RefusedError, match="without its library"):
        endpoints.create_endpoint("small", "llama", options={"export_id": export.id})
    with pytest.raises(RefusedError, match="is an adapter alone"):
        endpoints.create_endpoint("small", "llama", options={"export_id": alone.id})
    with pytest.raises(RefusedError, match="options of this llama endpoint are wrong"):
        endpoints.create_endpoint("small", "llama", options={"parallel": 0})
    with pytest.raises(RefusedError, match="without adapters"):
        endpoints.create_endpoint("small", "llama", adapters=(run.id,), options={"export_id": export.id})
    gguf.file_of(export.id).unlink()
    with pytest.raises(ConflictError, match="is gone"):
        endpoints.create_endpoint("small", "llama", options={"export_id": export.id})


def test_another_backend_is_refused_for_a_gguf_file(owner: TestClient, run: Run) -> None:
    install_llama()
    versions.add("jokes", export_id=gguf_export(run).id, who="me")
    body = {"name": "small", "subject": "version:jokes/1", "backend": "transformers"}
    answer = owner.post("/api/endpoints", json=body)
    assert answer.status_code == 422
    assert "does not read it" in answer.json()["error"]["message"]
