"""A preview of an import over REST: the same body, and nothing is stored."""

import json
from pathlib import Path

from starlette.testclient import TestClient

from storage import home
from tests.engine.data.test_mappings import CSV, GERMAN


def test_files_are_previewed_over_rest_and_nothing_of_them_stays(owner: TestClient, tmp_path: Path) -> None:
    address = "/api/datasets/preview"
    shown = owner.post(address, files={"file": ("../fragen.csv", CSV.replace(",", ";"))}).json()
    assert (shown["guessed"], shown["kind"], shown["mapping"]) == (True, "chat", GERMAN.model_dump())
    assert shown["files"] == [
        {"name": "fragen.csv", "written_as": "CSV separated by semicolons", "encoding": "utf-8", "bytes": len(CSV)}
    ]
    assert (shown["rows"], shown["exact"], shown["accepted"], shown["rejected"]) == (3, True, 2, 1)
    assert [row["verdict"] for row in shown["first_rows"]] == ["accepted", "accepted", "rejected"]
    assert not list(home.uploads().iterdir())
    assert owner.get("/api/datasets").json() == []

    file = tmp_path / "fragen.csv"
    file.write_text(CSV)
    text = {"kind": "text", "parts": {"text": "Frage"}}
    mapped = owner.post(address, json={"source": "path", "id": str(file), "mapping": text}).json()
    assert (mapped["kind"], mapped["methods"]) == ("text", ["cpt"])
    as_form = owner.post(address, files={"file": ("f.csv", CSV)}, data={"mapping": json.dumps(text)}).json()
    assert as_form["kind"] == "text"

    assert owner.post(address, files={"file": ("f.csv", CSV)}, data={"encoding": "klingon"}).status_code == 422
    empty = owner.post(address, files={"file": ("f.csv", b"")})
    assert (empty.status_code, empty.json()["error"]["message"]) == (400, "The file is empty.")
    assert owner.post(address, json={"source": "path", "id": str(tmp_path / "no.csv")}).status_code == 404
    assert owner.post(address, content="x", headers={"content-type": "text/plain"}).status_code == 422
    assert not list(home.uploads().iterdir())
