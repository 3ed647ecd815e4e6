"""Versions, differences and exports of datasets over REST."""

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from engine.data import datasets
from engine.process import work
from storage.tables import Dataset
from tests.engine.data.test_shape import kept, made


def ready(answer: Any) -> Dataset:
    return made(datasets.look_up(answer["id"]))


def test_a_row_is_edited_and_added_and_the_versions_are_compared(owner: TestClient, tmp_path: Path) -> None:
    address = f"/api/datasets/{kept(tmp_path).id}"
    edited = owner.put(f"{address}/rows/2", json={"values": {"question": "Why?", "answer": "So."}})
    assert edited.status_code == 201
    assert edited.json()["operation"]["op"] == "edit"
    second = ready(edited.json())
    third = ready(
        owner.post(f"/api/datasets/{second.id}/rows", json={"rows": [{"prompt": "a", "completion": "b"}]}).json()
    )
    assert [version["version"] for version in owner.get(f"{address}/versions").json()] == [3, 2, 1]
    tree = owner.get(f"/api/datasets/{third.id}/lineage").json()
    assert (tree["words"], tree["parents"][0]["version"]) == ("added 1 row", 2)
    comparison = owner.get(f"/api/datasets/{third.id}/diff", params={"with": address.rsplit("/", 1)[1]}).json()
    assert (comparison["changed"], comparison["added"], comparison["removed"]) == (1, 1, 0)
    assert [row["change"] for row in comparison["rows"]] == ["changed", "added"]
    assert comparison["rows"][0]["after"]["prompt"] == "Why?"


def test_a_dataset_is_split_merged_and_filtered(owner: TestClient, tmp_path: Path) -> None:
    first = kept(tmp_path)
    at = f"/api/datasets/{first.id}/versions"
    sides = owner.post(at, json={"op": "split", "name": "Mine", "seed": 1})
    assert sides.status_code == 201
    assert [side["name"] for side in sides.json()] == ["Mine train", "Mine test"]
    kept_rows = owner.post(at, json={"op": "filter", "conditions": [{"test": "contains", "text": "What is 1"}]})
    assert kept_rows.json()[0]["version"] == 2
    merged = owner.post("/api/datasets/merge", json={"dataset_ids": [first.id, first.id], "weights": [1, 2]}).json()
    assert merged["operation"]["op"] == "mix"
    assert owner.post(at, json={"op": "split_by", "column": "part"}).json()[1]["name"] == "Questions b"


WRONG: list[tuple[str, str, dict[str, Any], str]] = [
    ("POST", "versions", {"op": "explode"}, "op"),
    ("POST", "versions", {"op": "sample", "rows": 999}, "has 20 rows"),
    ("POST", "versions", {"op": "sample"}, "rows or share"),
    ("POST", "versions", {"op": "filter", "conditions": [{"test": "matches", "pattern": "("}]}, "pattern"),
    ("POST", "versions", {"op": "drop", "positions_file": "/etc/passwd", "positions": [1]}, "positions_file"),
    (
        "POST",
        "versions",
        {"op": "split", "sides": [{"name": "a\n", "share": 0.5}, {"name": "b", "share": 0.5}]},
        "shown",
    ),
    ("PUT", "rows/0", {"values": {"prompt": "a", "completion": ""}}, "empty answer"),
    ("PUT", "rows/99", {"values": {"prompt": "a", "completion": "b"}}, "none at position 99"),
    ("POST", "rows", {"rows": [{"text": "a"}]}, "other kind"),
    ("POST", "export", {"form": "openai", "file": "parquet", "packed": "gz"}, "compressed already"),
]


@pytest.mark.parametrize(("verb", "path", "body", "words"), WRONG)
def test_what_cannot_be_done_is_answered_with_422_and_why(
    owner: TestClient, tmp_path: Path, verb: str, path: str, body: dict[str, Any], words: str
) -> None:
    answer = owner.request(verb, f"/api/datasets/{kept(tmp_path).id}/{path}", json=body)
    assert answer.status_code == 422
    assert words in answer.text


def test_an_export_is_begun_and_downloaded(owner: TestClient, tmp_path: Path) -> None:
    address = f"/api/datasets/{kept(tmp_path).id}/export"
    started = owner.post(address, json={"form": "openai"})
    assert started.status_code == 202
    assert owner.get(f"{address}/{started.json()['id']}/file").status_code == 409
    work.wait(started.json()["id"], 40)
    assert owner.get(f"{address}/{started.json()['id']}").json()["result"]["rows"] == 20
    file = owner.get(f"{address}/{started.json()['id']}/file")
    assert len(file.text.splitlines()) == 20
    assert 'filename="Questions-openai.jsonl"' in file.headers["content-disposition"]
    assert owner.get(f"{address}/nothing/file").status_code == 404
