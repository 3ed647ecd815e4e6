"""Datasets and the hub over REST and on the page; the hub is a program of ours."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

from engine.data import datasets, importing
from engine.data import hub as hub_data
from engine.errors import RefusedError
from engine.process import work
from pages.data import push
from pages.data.incoming import form as import_form
from storage import datasets as stored_datasets
from storage import db, home
from storage.statuses import WorkStatus
from tests.conftest import ROOT
from tests.engine.data.fake_hub import COMMIT
from tests.engine.data.stored_datasets import stored_dataset
from tests.waiting import wait_for

TOKEN = "hf_writes"


@pytest.fixture
def repos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A hub with one dataset, which the studio's workers know."""
    folder = tmp_path / "repos" / "owner" / "name"
    folder.mkdir(parents=True)
    (folder / "train.jsonl").write_text('{"prompt": "a", "completion": "b"}\n')
    command = [sys.executable, "-m", "tests.engine.data.fake_hub", str(tmp_path / "repos")]
    with (tmp_path / "requests.log").open("w") as log:
        server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)
    assert server.stdout
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setenv("HF_ENDPOINT", server.stdout.readline().strip())
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    yield tmp_path / "repos"
    server.terminate()
    server.wait()
    server.stdout.close()


@pytest.mark.usefixtures("repos")
def test_a_caller_sees_what_a_dataset_of_the_hub_offers(owner: TestClient) -> None:
    offered = owner.get("/api/hub/datasets", params={"id": "owner/name"}).json()
    assert (offered["default"], offered["configs"][0]["splits"]) == ("default", ["train"])
    missing = owner.get("/api/hub/datasets", params={"id": "owner/nothing"})
    assert (missing.status_code, missing.json()["error"]["type"]) == (400, "bad_request")
    assert owner.get("/api/hub/datasets", params={"id": "../x"}).status_code == 422


@pytest.mark.usefixtures("repos")
def test_the_form_offers_what_the_hub_has_and_says_what_it_has_not(monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(gr, "Warning", lambda message, **_more: warnings.append(message))
    config, split = import_form.offered(" owner/name ")
    assert (config["choices"], config["value"]) == (["default"], "default")
    assert (split["choices"], split["value"]) == (["train"], "train")
    assert import_form.splits("owner/name", "nothing")["choices"] == []
    assert import_form.offered("")[0]["choices"] == []
    assert not warnings
    import_form.offered("owner/nothing")
    assert "owner/nothing" in warnings[0]


@pytest.mark.usefixtures("repos")
def test_a_hub_that_is_away_is_said_at_the_fields_and_makes_no_dataset(monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(gr, "Warning", lambda message, **_more: warnings.append(message))
    there = import_form.offered("owner/nothing")
    assert [field["info"] for field in there] == ["The hub offers nothing here."] * 2
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    away = import_form.offered("owner/name")
    assert [(field["info"], field["choices"]) for field in away] == [("The hub does not answer.", [])] * 2
    assert "cannot be reached" in warnings[-1]
    fields = {**import_form.EMPTY, "way": "Hub", "hub_id": "owner/name"}
    with pytest.raises(hub_data.HubAwayError, match="cannot be reached"):
        import_form.import_one(fields, "default")
    with db.reading() as session:
        assert stored_datasets.count(session) == 0
    work.enqueue(hub_data.LOOK, "hub:owner/name", {"id": "owner/name", "revision": "v2"})  # asked again, and not ended
    with pytest.raises(hub_data.HubAwayError, match="cannot be reached"):
        import_form.import_one(fields, "default")
    monkeypatch.setattr(hub_data, "AWAY_SECONDS", 0.0)  # later it is tried, whatever was said before
    assert import_form.import_one(fields, "default").source == "hub"


def test_a_push_over_rest_says_how_it_went_and_never_shows_the_token(owner: TestClient, repos: Path) -> None:
    dataset = stored_dataset()
    assert owner.get(f"/api/datasets/{dataset.id}/push").status_code == 404
    wrong = owner.post(f"/api/datasets/{dataset.id}/push", json={"repo_id": "owner/new", "token": [TOKEN], "x": TOKEN})
    assert (wrong.status_code, TOKEN in wrong.text) == (422, False)
    started = owner.post(f"/api/datasets/{dataset.id}/push", json={"repo_id": "owner/new", "token": TOKEN})
    assert (started.status_code, TOKEN in started.text) == (202, False)
    work.wait(started.json()["id"], 60)
    push_state = owner.get(f"/api/datasets/{dataset.id}/push").json()
    assert (push_state["status"], push_state["result"]["rows"], push_state["error"]) == ("succeeded", 3, None)
    assert pq.read_metadata(repos / "owner/new/data/train-00000-of-00001.parquet").num_rows == 3


def test_the_form_on_the_page_pushes_and_shows_how_it_went(repos: Path) -> None:
    dataset = stored_dataset(name="<b>mine</b>")
    form = str(push.html_of(dataset, {}))
    assert 'data-act="push"' in form
    assert 'type="password"' in form
    assert "checked" not in form  # private, unless somebody asks for the opposite
    values = {"repo": "owner/paged", "token": TOKEN, "split": "test"}
    assert push.ACTS["push"](dataset.id, values, "default") is None
    assert "progressbar" in str(push.html_of(dataset, {}))
    latest = hub_data.latest_push(dataset.id)
    assert latest
    assert work.wait(latest.id, 60).status == WorkStatus.SUCCEEDED
    markup = str(push.html_of(dataset, {}))
    assert "owner/paged</a>, split test" in markup
    assert TOKEN not in markup
    assert (repos / "owner" / "paged" / "README.md").exists()
    assert latest.spec["private"] is True
    work.wait(hub_data.push(dataset.id, "owner/name", TOKEN).id, 60)
    assert "was not made here" in str(push.html_of(dataset, {}))
    with pytest.raises(RefusedError):
        push.ACTS["push"](dataset.id, {"repo": "x"}, "default")


@pytest.mark.usefixtures("repos")
def test_a_dataset_of_the_hub_is_imported_with_where_it_came_from(owner: TestClient, repos: Path) -> None:
    several = repos / "owner" / "parts" / "data"
    several.mkdir(parents=True)
    for number in range(2):
        (several / f"test-0000{number}-of-00002.jsonl").write_text('{"aaa": "What?", "bbb": "That."}\n')
    bodies = [
        {"source": "hub", "id": "https://huggingface.co/datasets/owner/name", "name": "mine"},
        {"source": "hub", "id": "owner/parts", "split": "test"},
        {"source": "hub", "id": "owner/name", "split": "nothing"},
    ]
    ids = [owner.post("/api/datasets", json=body).json()["id"] for body in bodies]
    good, odd, wrong = [imported(owner, dataset_id) for dataset_id in ids]
    assert (good["status"], good["name"], good["rows"], good["source_name"]) == ("ready", "mine", 1, "owner/name")
    assert {name: good["origin"][name] for name in ("id", "config", "split", "revision")} == {
        "id": "owner/name", "config": "default", "split": "train", "revision": COMMIT}  # fmt: skip
    assert (wrong["status"], "no split `nothing`" in wrong["error"]) == ("failed", True)
    assert odd["status"] == "needs_mapping"
    assert len(odd["origin"]["files"]) == 2
    again = datasets.import_again(odd["id"], {"kind": "completion", "parts": {"prompt": "aaa", "completion": "bbb"}})
    dataset = imported(owner, again.id)
    assert (dataset["status"], dataset["rows"]) == ("ready", 2), dataset
    assert owner.post("/api/datasets", json={"source": "hub", "id": "a/b/c"}).status_code == 422
    assert owner.post("/api/datasets", json={"source": "path", "id": "/x", "split": "train"}).status_code == 422
    paths_left = [path.name for path in home.dataset_folder(wrong["id"]).rglob("*") if path.is_file()]
    assert not [name for name in paths_left if name.startswith("source") or name.endswith(".part")]


def imported(owner: TestClient, dataset_id: str) -> dict[str, Any]:
    """The dataset, when its import is over."""

    def look() -> dict[str, Any]:
        importing.tick()
        dataset: dict[str, Any] = owner.get(f"/api/datasets/{dataset_id}").json()
        return dataset if dataset["status"] != "importing" else {}

    return wait_for(look, 120)


@pytest.mark.usefixtures("repos")
def test_the_first_rows_of_a_hub_dataset_are_told_before_it_is_fetched(owner: TestClient) -> None:
    shown = owner.post("/api/datasets/preview", json={"source": "hub", "id": "owner/name"}).json()
    assert (shown["kind"], shown["rows"], shown["exact"]) == ("completion", 1, True)
    assert shown["first_rows"][0]["values"]["completion"] == "b"
