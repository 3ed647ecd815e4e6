"""Datasets brought in over REST: several files in one form, a folder, a mapping beside them."""

import asyncio
import io
import json
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from app.server import create_app
from storage import home
from tests.engine.data.test_mappings import CSV, GERMAN, settled
from tests.rest import ADDRESS, TOKEN, make_access


def test_several_files_with_their_mapping_become_one_dataset(owner: TestClient) -> None:
    files = [("file", ("a.csv", CSV)), ("file", ("b.csv", CSV))]
    answer = owner.post("/api/datasets", files=files, data={"mapping": GERMAN.model_dump_json()})
    assert answer.status_code == 201
    dataset = settled(answer.json()["id"])
    assert (dataset.name, dataset.rows, dataset.accepted) == ("a", 6, 4)
    assert [file["rows"] for file in owner.get(f"/api/datasets/{dataset.id}").json()["origin"]["files"]] == [3, 3]
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
    answer = owner.post("/api/datasets", json={"source": "path", "id": str(shards)})
    assert (answer.status_code, answer.json()["name"]) == (201, "shards")
    assert settled(answer.json()["id"]).rows == 2
    for folder in ("/", "/etc/../proc", str(tmp_path / "home"), str(tmp_path / "nothing")):
        assert owner.post("/api/datasets", json={"source": "path", "id": folder}).status_code in (404, 422)


class SlowFile(io.BytesIO):
    """Takes what is written when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.answers, self.written = threading.Event(), threading.Event(), threading.Event()

    def write(self, data: Any) -> int:
        self.asked.set()
        self.answers.wait(60)
        self.written.set()
        return super().write(data)


def test_a_slow_disk_holds_up_the_upload_and_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    disk, uploads, usual = SlowFile(), home.uploads(), Path.open
    slow = lambda path, *how, **more: disk if path.parent == uploads else usual(path, *how, **more)  # noqa: E731
    monkeypatch.setattr(Path, "open", slow)
    transport = httpx.ASGITransport(create_app(make_access(), with_window=False, with_engine=False))

    async def others_are_answered() -> bool:
        headers = {"authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(transport=transport, base_url=ADDRESS, headers=headers, timeout=60) as client:
            form = {"files": [("file", ("a.csv", CSV))], "data": {"mapping": "no mapping"}}
            upload = asyncio.create_task(client.post("/api/datasets", **form))  # type: ignore[arg-type]
            await asyncio.to_thread(disk.asked.wait, 10)
            healthy = (await client.get("/api/health")).status_code == 200
            meanwhile = healthy and not disk.written.is_set()
            disk.answers.set()
            assert (await upload).status_code == 422
            return meanwhile

    assert asyncio.run(others_are_answered())
    assert disk.written.is_set()
