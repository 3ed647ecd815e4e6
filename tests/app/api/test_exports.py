"""Exports over REST: what is refused, and what visitors may do. See tests/workers/exports for what comes out."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.engine.exports.trained_runs import add_run
from tests.rest import PASSWORD, make_access, make_client


def test_what_is_wrong_is_said_in_the_one_shape(owner: TestClient, tmp_path: Path) -> None:
    run = add_run(tmp_path)
    answer = owner.post("/api/exports", json={"subject": "anything:jokes", "kind": "adapter"})
    assert (answer.status_code, answer.json()["error"]["hint"].startswith("Write run:ID")) == (422, True)
    assert owner.post("/api/exports", json={"subject": f"run:{run.id}", "kind": "onnx"}).status_code == 422
    assert owner.post("/api/exports", json={"subject": "run:nope", "kind": "merged"}).status_code == 404
    for address in ("/api/exports/nope", "/api/exports/nope/download", "/api/runs/nope/download"):
        assert owner.get(address).status_code == 404
    assert owner.get("/api/exports").json() == []


def test_visitors_of_a_share_link_download_as_they_download_data_and_make_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNESMITH_PASSWORD", PASSWORD)
    run = add_run(tmp_path)
    shared = make_client(make_access().shared(9999, "abc.gradio.live"))
    visitor = TestClient(shared.app, "https://abc.gradio.live:9999", follow_redirects=False)
    assert visitor.get(f"/api/runs/{run.id}/download").status_code == 401
    visitor.post("/login", data={"secret": PASSWORD})
    assert visitor.get(f"/api/runs/{run.id}/download").status_code == 200
    assert visitor.get("/api/exports").json() == []
    assert visitor.post("/api/exports", json={"subject": f"run:{run.id}", "kind": "merged"}).status_code == 403
    assert visitor.delete("/api/exports/any").status_code == 403
