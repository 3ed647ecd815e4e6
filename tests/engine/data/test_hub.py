"""Datasets of the hub, fetched and pushed by the real workers and client; the hub is a program of ours."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from engine.data import hub as hub_data
from engine.data import hub_names
from engine.errors import ConflictError, NotFoundError, RefusedError, TunesmithError
from engine.process import events, work
from engine.rows.export import card
from storage.statuses import WorkStatus
from storage.tables import Dataset, Work
from tests.conftest import ROOT
from tests.engine.data.fake_hub import COMMIT
from tests.engine.data.stored_datasets import stored_dataset

CARD = """---
configs:
- config_name: plain
  data_files: [{split: train, path: data/train*}, {split: test, path: data/test*}]
- config_name: other
  data_files: other/*.jsonl
---
# Rows
"""
ROW = '{"prompt": "What is it?", "completion": "A row."}\n'
CANARY = "hf_writes"


def parquet(path: Path, rows: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"prompt": [f"q{n}" for n in range(rows)], "completion": ["a"] * rows}), path)


@pytest.fixture(scope="module")
def repos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Repositories of many moods; owner/name is a plain one."""
    root = tmp_path_factory.mktemp("repos")
    for kind in ("name", "gated-x", "busy-x", "broken-x", "private-x", "cut-x", "lying-x"):
        repo = root / "owner" / kind
        parquet(repo / "data/train-00000-of-00002.parquet", 2000)
        parquet(repo / "data/train-00001-of-00002.parquet", 3)
        parquet(repo / "data/test-00000-of-00001.parquet", 2)
        (repo / "other").mkdir()
        (repo / "other" / "rows.jsonl").write_text(ROW * 5)
        (repo / "README.md").write_text(CARD)
    for kind, file in (("script", "script.py"), ("pictures", "a.png"), ("nothing", ".gitattributes")):
        (root / "owner" / kind).mkdir()
        (root / "owner" / kind / file).write_text("import os; os.system('touch /tmp/ran')")
    return root


@pytest.fixture(scope="module")
def address(repos: Path) -> Iterator[str]:
    with (repos.parent / "requests.log").open("w") as log:
        command = [sys.executable, "-m", "tests.engine.data.fake_hub", str(repos)]
        server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)
    assert server.stdout
    yield server.stdout.readline().strip()
    server.terminate()
    server.wait()
    server.stdout.close()


@pytest.fixture
def hub(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The studio, and so its workers, knows only that hub."""
    for name in [name for name in os.environ if name.startswith("HF_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HF_ENDPOINT", address)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")


def requests(repos: Path) -> str:
    return (repos.parent / "requests.log").read_text()


def ended(cases: list[dict[str, Any]], folder: Path, **env: str) -> list[dict[str, Any]]:
    """How the fetch of each of these ends, all in one process: {"files"} or {"category", "message", "hint"}."""
    (folder / "cases.json").write_text(json.dumps(cases))
    command = [sys.executable, "-m", "tests.engine.data.fetch_cases", str(folder / "cases.json"), str(folder)]
    finished = subprocess.run(command, cwd=ROOT, env=os.environ | env, capture_output=True, text=True, timeout=120)
    assert finished.returncode == 0, finished.stderr
    return list(json.loads(finished.stdout))


BAD: list[tuple[dict[str, str], str, str, str]] = [
    ({"id": "owner/missing"}, "config", "no dataset owner/missing", "spelling"),
    ({"id": "owner/gated-x"}, "config", "gated", "https://huggingface.co/datasets/owner/gated-x"),
    ({"id": "owner/private-x"}, "config", "may see", "HF_TOKEN"),
    ({"id": "owner/busy-x"}, "network", "too many requests", "Wait"),
    ({"id": "owner/broken-x"}, "network", "500", "Retry"),
    ({"id": "owner/script"}, "config", "made by its own script", "refs/convert/parquet"),
    ({"id": "owner/pictures"}, "config", ".png", "another"),
    ({"id": "owner/nothing"}, "config", "no file with rows", "another"),
    ({"id": "owner/name"}, "config", "several configurations", "plain, other"),
    ({"id": "owner/name", "config": "x"}, "config", "no configuration `x`", "plain, other"),
    ({"id": "owner/name", "config": "plain", "split": "x"}, "config", "no split `x`", "train, test"),
    ({"id": "owner/name", "revision": "v9"}, "config", "no such revision", "tree/main"),
    ({"id": "a/b/c"}, "config", "not the name of a dataset on the hub", "owner/name"),
    ({"id": "owner/lying-x", "config": "plain"}, "network", "arrived incomplete", "again"),
]


@pytest.mark.usefixtures("hub")
def test_what_cannot_be_fetched_is_said_in_words(tmp_path: Path) -> None:
    for (case, category, words, hint), end in zip(BAD, ended([row[0] for row in BAD], tmp_path), strict=True):
        assert (end.get("category"), case) == (category, case)
        assert words in end["message"]
        assert hint in end["hint"]
    assert not list(tmp_path.rglob("*.part"))
    assert not Path("/tmp/ran").exists()


@pytest.mark.usefixtures("hub")
def test_a_hub_that_is_off_or_away_is_named(tmp_path: Path) -> None:
    case = [{"id": "owner/name", "config": "other"}]
    assert "HF_HUB_OFFLINE" in ended(case, tmp_path, HF_HUB_OFFLINE="1")[0]["message"]
    away = ended(case, tmp_path, HF_ENDPOINT="http://127.0.0.1:9")[0]
    assert (away["category"], "cannot be reached" in away["message"]) == ("network", True)
    assert "import a file" in away["hint"]


@pytest.mark.usefixtures("hub")
def test_the_files_of_one_split_arrive_whole_and_a_cut_download_goes_on(tmp_path: Path, repos: Path) -> None:
    cases = [
        {"id": "owner/name", "config": "plain"},
        {"id": "owner/cut-x", "config": "plain"},
        {"id": "owner/name", "config": "other"},
    ]
    plain, cut, other = ended(cases, tmp_path)
    for end in (plain, cut):
        assert [file["name"] for file in end["files"]] == [
            "train-00000-of-00002.parquet",
            "train-00001-of-00002.parquet",
        ]
        assert [pq.read_metadata(file["path"]).num_rows for file in end["files"]] == [2000, 3]
    assert Path(other["files"][0]["path"]).read_text() == ROW * 5
    assert requests(repos).count("GET /datasets/owner/cut-x/resolve") == 4
    note = json.loads((Path(plain["files"][0]["path"]).parent / "hub.json").read_text())
    assert (note["config"], note["split"], note["revision"]) == ("plain", "train", COMMIT)


@pytest.mark.usefixtures("hub")
def test_what_an_earlier_try_left_is_taken_up_unless_the_hub_has_moved_on(tmp_path: Path, repos: Path) -> None:
    content = (repos / "owner/name/data/test-00000-of-00001.parquet").read_bytes()
    case = {"id": "owner/name", "config": "plain", "split": "test"}
    files = ["data/test-00000-of-00001.parquet"]
    note = orjson.dumps({**case, "revision": COMMIT, "files": files})
    for number, (name, left, left_note) in enumerate(
        [("1.part", content[:100], note), ("1", content, note), ("1", b"of another commit", b"{}")]
    ):
        (tmp_path / f"case{number}").mkdir()
        (tmp_path / f"case{number}" / name).write_bytes(left)
        (tmp_path / f"case{number}" / "hub.json").write_bytes(left_note)
    before = requests(repos).count("test-00000")
    for end in ended([case] * 3, tmp_path):
        assert Path(end["files"][0]["path"]).read_bytes() == content
    assert "bytes=100-" in requests(repos)
    assert requests(repos).count("test-00000") == before + 2


@pytest.mark.usefixtures("hub")
def test_a_look_tells_the_configurations_and_splits(monkeypatch: pytest.MonkeyPatch) -> None:
    offered = hub_data.look("https://huggingface.co/datasets/owner/name")
    assert (offered["id"], offered["revision"], offered["default"]) == ("owner/name", COMMIT, None)
    assert [(config["name"], config["splits"], config["files"]) for config in offered["configs"]] == [
        ("plain", ["train", "test"], 3),
        ("other", ["train"], 1),
    ]
    assert offered["configs"][0]["bytes"] > 1000
    with pytest.raises(TunesmithError, match="made by its own script"):
        hub_data.look("owner/script")
    with pytest.raises(TunesmithError, match="may see"):
        hub_data.look("owner/private-x")
    monkeypatch.setenv("HF_TOKEN", "hf_reads")
    assert hub_data.look("owner/private-x")["configs"]


@pytest.mark.parametrize(
    "name", ["", "a/b/c", "../x", "a/..", "-a/b", "a b/c", "file:///etc/passwd", "http://x.com/a/b"]
)
def test_what_is_no_name_of_the_hub_is_refused_before_it_is_asked(name: str) -> None:
    with pytest.raises(RefusedError, match="not the name of a dataset on the hub"):
        hub_data.look(name)
    with pytest.raises(RefusedError, match="cannot be a"):
        hub_names.hub_source("owner/name", config="a\nb")


def pushed(dataset: Dataset, repo: str, token: str = CANARY, **how: Any) -> Work:
    return work.wait(hub_data.push(dataset.id, repo, token, **how).id, 60)


@pytest.mark.usefixtures("hub")
def test_a_pushed_dataset_is_a_repository_that_can_be_fetched_again(repos: Path, tmp_path: Path) -> None:
    dataset = stored_dataset()
    push = pushed(dataset, "owner/pushed")
    assert (push.status, push.error) == (WorkStatus.SUCCEEDED, None)
    assert push.result["url"].endswith("/datasets/owner/pushed")
    repo = repos / "owner" / "pushed"
    rows = pq.read_table(repo / "data" / "train-00000-of-00001.parquet").to_pylist()
    assert rows[0] == {"messages": [{"role": "user", "content": "ask 0"}, {"role": "assistant", "content": "say"}]}
    text = (repo / "README.md").read_text()
    assert "# my \\*rows\\*" in text
    assert "An uploaded file: chats.jsonl." in text
    assert "Of 4 rows 3 were kept" in text
    head = yaml.safe_load(text.split("---\n")[1])
    assert head["dataset_info"]["features"][0]["list"][0] == {"name": "role", "dtype": "string"}
    again = stored_dataset(rows=2, name="held out")
    assert pushed(again, "owner/pushed", split="test").status == WorkStatus.SUCCEEDED
    assert [(config["name"], config["splits"]) for config in hub_data.look("owner/pushed")["configs"]] == [
        ("default", ["train", "test"])
    ]
    fetched = ended([{"id": "owner/pushed", "split": "train"}], tmp_path)[0]["files"][0]["path"]
    assert pq.read_table(fetched).to_pylist() == rows


@pytest.mark.usefixtures("hub")
def test_the_token_is_nowhere_afterwards(home: Path, tmp_path: Path) -> None:
    dataset = stored_dataset()
    assert pushed(dataset, "owner/secret").status == WorkStatus.SUCCEEDED
    assert pushed(dataset, "owner/secret", token="hf_reads_only").status == WorkStatus.FAILED
    files = [path for folder in (home, tmp_path) for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 10
    leaked = [
        str(path) for path in files if any(secret in path.read_bytes() for secret in (b"hf_writes", b"hf_reads_only"))
    ]
    assert leaked == []


REFUSED = [
    ("owner/fresh", "hf_not_one", "does not accept the token"),
    ("owner/fresh", "hf_reads_only", "does not allow this"),
    ("owner/name", CANARY, "was not made here"),
    ("owner/busy-x", CANARY, "too many requests"),
]


@pytest.mark.usefixtures("hub")
def test_a_push_that_cannot_be_says_why_and_touches_nothing(repos: Path) -> None:
    before = sorted(repos.rglob("*"))
    for number, (repo, token, words) in enumerate(REFUSED):
        push = pushed(stored_dataset(name=f"rows {number}"), repo, token)
        assert push.status == WorkStatus.FAILED
        assert words in str(push.error)
        assert push.hint
        assert not list(work.folder(push).glob("*.parquet"))
    assert sorted(repos.rglob("*")) == before


def test_a_push_is_refused_before_it_begins_when_it_cannot_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    dataset = stored_dataset()
    for repo in ("name-alone", "a/b/c", "../x", "a/--b", "a b/c"):
        with pytest.raises(RefusedError, match="owner/name"):
            hub_data.push(dataset.id, repo, CANARY)
    with pytest.raises(RefusedError, match="no token"):
        hub_data.push(dataset.id, "owner/name")
    with pytest.raises(RefusedError) as refused:
        hub_data.push(dataset.id, "owner/name", "two words")
    assert "two words" not in str(refused.value)
    with pytest.raises(RefusedError, match="split"):
        hub_data.push(dataset.id, "owner/name", CANARY, split="../x")
    with pytest.raises(NotFoundError):
        hub_data.push("nothing", "owner/name", CANARY)
    with pytest.raises(ConflictError):
        hub_data.push(stored_dataset(rows=1, name="empty", accepted=0).id, "owner/name", CANARY)


def test_the_card_tells_how_a_dataset_was_made() -> None:
    first = stored_dataset(
        name="first", source="hub", origin={"id": "a/b", "config": "c", "split": None, "revision": "main"}
    )
    dataset = stored_dataset(
        rows=2, name="second", source="shape", parents=[first.id, "gone"], operation={"op": "sample", "rows": 5}
    )
    assert hub_data.lineage(first)[0] == "The hub dataset a/b (config c, revision main)."
    assert hub_data.lineage(dataset)[:3] == [
        "Made in the studio.",
        "Made from first, a dataset that is gone.",
        "By: sample (rows 5).",
    ]


def test_events_say_how_much_has_arrived(tmp_path: Path, hub: None) -> None:
    ended([{"id": "owner/name", "config": "plain"}], tmp_path)
    progress = [event for event in events.read(tmp_path)[0] if isinstance(event, events.Progress)]
    assert progress[0].stage == "asking the hub"
    assert progress[-1].done == progress[-1].total


def test_the_card_describes_every_type_as_datasets_does() -> None:
    turns = pa.list_(pa.struct([("role", pa.string()), ("train", pa.bool_())]))
    schema = pa.schema([("messages", turns), ("labels", pa.list_(pa.bool_())), ("n", pa.int64()), ("x", pa.float64())])
    facts = hub_data.facts(stored_dataset(source="path", name="a\nb"))
    head = yaml.safe_load(card.readme(facts | {"repo": "a/b"}, schema, {"train": 5_000}).split("---\n")[1])
    assert head["dataset_info"]["features"] == [
        {"name": "messages", "list": [{"name": "role", "dtype": "string"}, {"name": "train", "dtype": "bool"}]},
        {"name": "labels", "list": "bool"},
        {"name": "n", "dtype": "int64"},
        {"name": "x", "dtype": "float64"},
    ]
    assert (head["pretty_name"], head["size_categories"]) == ("a b", ["1K<n<10K"])
