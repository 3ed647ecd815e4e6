"""Datasets brought in over REST: several files in one form, a folder, a mapping beside them."""

import json
from pathlib import Path

from starlette.testclient import TestClient

from storage import home
from tests.engine.data.test_mappings import CSV, GERMAN, settled


def test_several_files_with_their_mapping_become_one_dataset(owner: TestClient) -> None:
    files = [("file", ("a.csv", CSV)), ("file", ("b.csv", CSV))]
    made = owner.post("/api/datasets", files=files, data={"mapping": GERMAN.model_dump_json()})
    assert made.status_code == 201
    done = settled(made.json()["id"])
    assert (done.name, done.rows, done.accepted) == ("a", 6, 4)
    assert [one["rows"] for one in owner.get(f"/api/datasets/{done.id}").json()["origin"]["files"]] == [3, 3]
    assert not list(home.uploads().glob("*"))
    wrong = owner.post("/api/datasets", files=files, data={"mapping": '{"kind": "text", "parts": {}}'})
    assert wrong.status_code == 422
    assert "a text row needs `text`" in wrong.json()["error"]["message"]
    assert not list(home.uploads().glob("*"))


def test_a_folder_is_imported_by_its_path(owner: TestClient, tmp_path: Path) -> None:
    shards = tmp_path / "shards"
    shards.mkdir()
    for name in ("1.jsonl", "2.jsonl"):
        (shards / name).write_text(json.dumps({"question": "2 plus 2?", "answer": name}) + "\n")
    made = owner.post("/api/datasets", json={"source": "path", "id": str(shards)})
    assert (made.status_code, made.json()["name"]) == (201, "shards")
    assert settled(made.json()["id"]).rows == 2
    for folder in ("/", "/etc/../proc", str(tmp_path / "home"), str(tmp_path / "nothing")):
        assert owner.post("/api/datasets", json={"source": "path", "id": folder}).status_code in (404, 422)
