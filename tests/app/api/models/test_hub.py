"""The hub over REST and at the command line: searched, a model checked, its token kept and never answered."""

import io
import json
import sys
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from engine.process import hub_token
from storage import db, home
from storage.statuses import ModelStatus
from storage.tables import Model
from tests.app.cli.test_commands import run
from tests.engine.models.hub_server import hub_of
from tests.engine.weights import model_folders

TOKEN = "read_canary-0123456789"


def test_a_caller_searches_and_checks_before_a_download(
    owner: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model_folders.make(tmp_path / "repos" / "owner" / "name")
    pickled = model_folders.make(tmp_path / "repos" / "owner" / "pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    with hub_of(tmp_path / "repos", tmp_path / "requests.log", monkeypatch):
        listed = owner.get("/api/hub/search", params={"q": "name"}).json()
        checked = owner.get("/api/hub/models", params={"id": "owner/name"}).json()
        refused = owner.get("/api/hub/models", params={"id": "owner/pickled"}).json()
        missing = owner.get("/api/hub/models", params={"id": "owner/nothing"})
        assert "owner/name" in run("model", "search", "name").stdout
        told, told_no = run("model", "check", "owner/name"), run("model", "check", "owner/pickled", "--json")
    assert [entry["id"] for entry in listed] == ["owner/name"]
    assert checked["can_be_fetched"]
    assert [need["tuning"] for need in checked["needs"]] == ["full", "lora", "qlora"]
    assert not refused["can_be_fetched"]
    assert refused["refusals"][0]["message"] == "owner/pickled has pickle weights only."
    assert (missing.status_code, missing.json()["error"]["message"][:21]) == (400, "The hub has no model ")
    assert owner.get("/api/hub/search", params={"q": " "}).status_code == 422
    assert (told.returncode, "tunesmith add-model owner/name" in told.stdout) == (0, True)
    assert (told_no.returncode, json.loads(told_no.stdout)["can_be_fetched"]) == (1, False)


def test_a_token_goes_in_and_never_comes_out(owner: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    assert owner.get("/api/hub/token").json() == {"origin": None, "kept_at": None}
    kept = owner.put("/api/hub/token", json={"token": TOKEN})
    assert (kept.status_code, kept.json()["origin"], TOKEN in kept.text) == (200, "home", False)
    wrong = owner.put("/api/hub/token", json={"token": f"{TOKEN} with a space"})
    assert (wrong.status_code, TOKEN in wrong.text) == (422, False)
    assert owner.put("/api/hub/token", json={"token": [TOKEN]}).status_code == 422
    assert owner.delete("/api/hub/token").status_code == 204
    assert not home.hub_token().exists()
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{TOKEN}\n"))
    said = run("hub-token")
    assert (said.returncode, TOKEN in said.stdout, hub_token.value()) == (0, False, TOKEN)
    assert "is removed" in run("hub-token", "--remove").stdout
    monkeypatch.setenv("HF_TOKEN", "hf_environment")
    assert owner.put("/api/hub/token", json={"token": TOKEN}).status_code == 409


def test_a_model_is_shown_in_full_by_its_name_and_a_download_is_cancelled(owner: TestClient, tmp_path: Path) -> None:
    folder = model_folders.make(tmp_path / "mine")
    mine = Model(id="m1", source="path", source_id="x", name="Mine", path=str(folder), status=ModelStatus.READY)
    with db.session() as session:
        session.add(mine)
        session.add(Model(id="m2", source="hub", source_id="o/slow", name="o/slow", status=ModelStatus.QUEUED))
    details = owner.get("/api/models/m1/details").json()
    assert details == {"chat_template": "{{ messages }}", "runs": [], "run_count": 0, "endpoints": []}
    shown = run("model", "show", "Mine")
    assert (shown.returncode, str(folder) in shown.stdout) == (0, True), shown.stderr
    assert json.loads(run("model", "show", "m1", "--json").stdout)["chat_template"] == "{{ messages }}"
    assert "Did you mean `Mine`?" in run("model", "show", "Mime").stderr
    cancelled = owner.post("/api/models/m2/cancel")
    assert (cancelled.status_code, cancelled.json()["error"]) == (200, "The download was stopped.")
    assert owner.post("/api/models/m2/cancel").status_code == 409
    assert run("model", "delete", "o/slow").returncode == 0
    assert owner.get("/api/models/m2").status_code == 404


def test_suggested_models_are_listed_without_a_hub(owner: TestClient) -> None:
    listed = owner.get("/api/hub/suggested").json()
    assert listed[0] == {
        "id": "HuggingFaceTB/SmolLM2-135M-Instruct", "family": "SmolLM2", "parameters": 134515008,
        "size_bytes": 269030016, "licence": "apache-2.0", "use": listed[0]["use"], "asks_terms": False,
    }  # fmt: skip
    told = run("model", "suggested", "--json")
    assert [entry["id"] for entry in json.loads(told.stdout)] == [entry["id"] for entry in listed]
    assert "apache-2.0" in run("model", "suggested").stdout
