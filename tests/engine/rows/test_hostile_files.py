"""Broken and hostile files: each ends, soon, in verdicts or in plain words, and leaves nothing behind."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.data import datasets, deleting, importing
from engine.errors import TunesmithError
from engine.process import events, process
from engine.workers import contract
from engine.workers.data import import_files
from pages.data.incoming import form as import_form
from storage import home
from tests.conftest import ROOT
from tests.engine.rows.hostile import make
from tests.engine.rows.hostile.case import GOOD, Case
from tests.rest import log_in, make_client
from tests.waiting import wait_for

MOST_SECONDS, MOST_MB = 10, 400
RAN = Path("/tmp/tunesmith-hostile-ran")
PYTHON = re.compile(r"Traceback|\b[A-Z]\w*(Error|Exception)\b|NoneType|<class|object at 0x|\bb'|\bdict\b|\bNone\b")
KEPT = {"spec.json", "events.jsonl", "summary.json", "rejected.jsonl", "rejected.jsonl.index", "rows.parquet"}

End = dict[str, Any]

IMPORT_WORKER = "from engine.workers import contract, limits\nfrom engine.workers.data import import_files"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every file and place, made once."""
    folder = tmp_path_factory.mktemp("hostile") / "files"
    make.make(folder)
    return folder


@pytest.fixture(scope="module")
def ends(corpus: Path) -> dict[str, End]:
    """How the real worker ends with each file, place and name; all in one process."""
    names = [*(case.name for case in make.CASES), *make.PLACES, *make.NAMES]
    names_file = corpus.parent / "names.json"
    names_file.write_text(json.dumps(names))
    command = [
        sys.executable,
        "-m",
        "tests.engine.rows.hostile.drive",
        str(corpus),
        str(corpus.parent / "out"),
        str(names_file),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(results) == len(names), done.stderr[-2000:]
    return {result["name"]: result for result in results}


def test_there_are_more_than_150_files_and_each_has_a_name_of_its_own() -> None:
    names = [case.name for case in make.CASES]
    assert len(names) > 150
    assert len(names) == len(set(names))


def test_every_file_ends_as_it_should(ends: dict[str, End]) -> None:
    wrong = {case.name: difference for case in make.CASES if (difference := differs(case, ends[case.name]))}
    assert wrong == {}


def differs(case: Case, end: End) -> str:
    """What is not as the case says; "" when all is."""
    status, _, expected = case.end.partition(" ")
    if end["status"] != status:
        return f"wanted {case.end}, got {end}"
    if status != "ready":
        return "" if expected in end["error"] else f"{expected!r} is not in {end['error']!r}"
    rows, *rules = expected.split() or [""]
    trained = end["accepted"] + end["repaired"]
    if rows and int(rows) != trained:
        return f"{trained} rows were taken, not {rows}"
    return "" if set(rules) <= set(end["rules"]) else f"{end['rules']} are the rules, not {rules}"


def test_every_failure_is_said_in_plain_words_with_a_way_out(ends: dict[str, End]) -> None:
    failed = [end for end in ends.values() if end["status"] != "ready"]
    assert len(failed) > 100
    for end in failed:
        assert not PYTHON.search(end["error"]), end
        assert end["hint"], end
        assert end.get("category", "data") == "data", end
        assert len(end["error"]) < 2500, end


def test_every_row_is_accounted_for(ends: dict[str, End]) -> None:
    counted = [end for end in ends.values() if "rows" in end]
    assert len(counted) > 100
    for end in counted:
        assert end["accepted"] + end["repaired"] + end["rejected"] == end["rows"], end
        assert sum(end["rules"].values()) == end["rejected"], end


def test_no_file_takes_long_or_much_memory_or_leaves_anything(ends: dict[str, End]) -> None:
    assert [end for end in ends.values() if end["status"] == "hangs" or end["seconds"] > MOST_SECONDS] == []
    assert [end for end in ends.values() if end["peak_mb"] > MOST_MB] == []
    assert [end for end in ends.values() if set(end["left"]) - KEPT] == []
    assert [end for end in ends.values() if end["status"] == "failed" and "rows.parquet" in end["left"]] == []
    assert not RAN.exists()


def test_places_that_are_no_plain_files_are_not_read(ends: dict[str, End]) -> None:
    assert {name: ends[name]["status"] for name in make.PLACES} == dict.fromkeys(make.PLACES, "failed")


def test_no_file_name_breaks_an_upload(corpus: Path) -> None:
    with log_in(make_client()) as client:
        ids = []
        for name in make.NAMES:
            sent = client.post("/api/datasets", content=upload(name, GOOD), headers={"content-type": FORM})
            assert sent.status_code in (201, 400, 413, 422), (name, sent.text)
            if sent.status_code == 201:
                ids.append(sent.json()["id"])
                assert sent.json()["source_name"].isprintable()
                assert "/" not in sent.json()["source_name"]
        assert len(ids) > 30
        for dataset_id in ids:
            delete_for_good(client, dataset_id)
    assert nothing_left()


FORM = "multipart/form-data; boundary=x"


def upload(name: str, content: bytes) -> bytes:
    """A form as a program sends it that takes no care: the name goes into the header as it is."""
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="' + name.encode("utf-8", "surrogatepass")
    return head + b'"\r\n\r\n' + content + b"\r\n--x--\r\n"


SELECTED = (
    "nothing.jsonl",
    "1,000 deep in a row.jsonl",
    "a zstd bomb.jsonl.zst",
    "noise inside.parquet",
    "300 MB from one string.parquet",
    "a script in the header.csv",
    "a pickle that runs.jsonl",
    "UTF-16 big with a mark.jsonl",
)


def test_hostile_uploads_end_in_words_and_leave_nothing(corpus: Path) -> None:
    expected = {case.name: case.end.split()[0] for case in make.CASES}
    with log_in(make_client()) as client:
        ids = {}
        for name in SELECTED:
            with (corpus / name).open("rb") as file:
                sent = client.post("/api/datasets", files={"file": (name, file)})
            assert sent.status_code == 201, sent.text
            ids[name] = sent.json()["id"]
        answers = {name: over(client, dataset_id) for name, dataset_id in ids.items()}
        assert {name: answer["status"] for name, answer in answers.items()} == {
            name: expected[name] for name in SELECTED
        }
        for answer in answers.values():
            assert answer["status"] == "ready" or (answer["hint"] and not PYTHON.search(answer["error"]))
            for part in ("rows", "rejections"):
                assert client.get(f"/api/datasets/{answer['id']}/{part}").status_code == 200
        failed = [answer["id"] for answer in answers.values() if answer["status"] == "failed"]
        assert not [path for dataset_id in failed for path in home.dataset_folder(dataset_id).glob("*.part")]
        assert not [dataset_id for dataset_id in failed if (home.dataset_folder(dataset_id) / "source").exists()]
        for dataset_id in ids.values():
            delete_for_good(client, dataset_id)
    assert nothing_left()
    assert not RAN.exists()


def over(client: Any, dataset_id: str) -> dict[str, Any]:
    """The dataset, when its import is over."""

    def look() -> dict[str, Any]:
        importing.tick()
        answer: dict[str, Any] = client.get(f"/api/datasets/{dataset_id}").json()
        return answer if answer["status"] != "importing" else {}

    return wait_for(look, 90)


def delete_for_good(client: Any, dataset_id: str) -> None:
    """Without the half minute in which it could be had back."""
    deleted = client.delete(f"/api/datasets/{dataset_id}")
    assert deleted.status_code == 204
    assert client.delete(f"/api/datasets/undo/{deleted.headers['x-undo-id']}").status_code == 204


def nothing_left() -> bool:
    """No folder of a dataset, no upload, no blob and no process is there any more."""
    folders = [home.home() / name for name in ("datasets", "uploads", "blobs")]
    return not [path for folder in folders if folder.exists() for path in folder.iterdir()]


def test_odd_places_are_refused_by_path_and_by_form(corpus: Path) -> None:
    odd = [
        *(str(corpus / name) for name in make.PLACES[1:]),
        "/dev/zero",
        "/proc/self/environ",
        "/dev/stdin",
        "relative",
    ]
    odd += ["/", "/proc", "/sys", "/dev", "/proc/self/fd"]
    odd += [
        str(home.home() / "studio.db"),
        "/etc/../proc/self/mem",
        "/" + "a" * 300,
        "/a\0b",
        "~root/x",
        "file:///etc/passwd",
    ]
    with log_in(make_client()) as client:
        for path in odd:
            sent = client.post("/api/datasets", json={"source": "path", "id": path})
            assert 400 <= sent.status_code < 500, (path, sent.text)
            assert sent.json()["error"]["message"]
    for path in odd:
        with pytest.raises(TunesmithError):
            import_form.import_one({"way": "Path", "path": path, "name": ""}, "default")
    assert nothing_left()


def test_hostile_files_by_the_form_of_the_page(corpus: Path) -> None:
    names = [name for name in make.NAMES if name.strip(". ") and not set(name) & {"/", "\0"} and len(name) < 250]
    folder = home.ensure_folder(home.gradio_cache())
    for name in [name for name in names if name.isprintable() or "\n" in name]:
        path = folder / name
        path.write_bytes(GOOD)
        dataset = import_form.import_one({"way": "Upload", "files": [str(path)], "name": "given"}, "default")
        assert dataset.source_name.isprintable()
        deleting.free(datasets.delete_dataset(dataset.id))
        assert not path.exists()
        assert not process.alive(home.dataset_folder(dataset.id))
    for pasted in ("\ud800", "\0" * 10, "=HYPERLINK(1)", "<script>", "[" * 10_000, "a"):
        dataset = import_form.import_one({"way": "Paste", "pasted": pasted, "name": ""}, "default")
        deleting.free(datasets.delete_dataset(dataset.id))
    for folder in (home.home() / "datasets").iterdir():
        folder.rmdir()
    assert nothing_left()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(max_size=300),
    name=st.sampled_from(["a.json", "a.jsonl", "a.csv", "a.txt", "a.parquet", "a.arrow", "a.gz", "a.zst"]),
)
def test_any_bytes_end_in_verdicts_or_plain_words(tmp_path: Path, content: bytes, name: str) -> None:
    (tmp_path / "source").write_bytes(content)
    spec = {"sources": [{"path": str(tmp_path / "source"), "name": name}], "mapping": None}
    try:
        result = import_files.work(spec, tmp_path)
    except contract.WorkFailedError as error:
        result = {"status": "failed" if error.hint and error.category == "data" else str(error)}
    assert result["status"] in ("ready", "failed", "needs_mapping")
    if "rows" in result:
        assert result["accepted"] + result["repaired"] + result["rejected"] == result["rows"]


TURNS = st.lists(st.dictionaries(st.sampled_from(["role", "content"]), st.text(max_size=9)), max_size=3)
CELLS = st.none() | st.integers() | st.text(max_size=5) | TURNS
KEYS = st.sampled_from(
    ["messages", "instruction", "output", "prompt", "completion", "text", "chosen", "rejected", "label"]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.dictionaries(KEYS, CELLS, max_size=4) | st.text(max_size=3), max_size=12))
def test_every_row_of_a_file_is_one_of_three(tmp_path: Path, rows: list[Any]) -> None:
    (tmp_path / "source").write_text("".join(json.dumps(row) + "\n" for row in rows))
    spec = {"sources": [{"path": str(tmp_path / "source"), "name": "a.jsonl"}], "mapping": None}
    try:
        result = import_files.work(spec, tmp_path)
    except contract.WorkFailedError:
        return
    if result["status"] == "ready":
        assert result["rows"] == len(rows)
        assert len((tmp_path / "rejected.jsonl").read_bytes().splitlines()) == result["rejected"]


def test_rows_that_take_too_much_memory_end_in_words(corpus: Path, tmp_path: Path) -> None:
    spec = {"sources": [{"path": str(corpus / "300 MB from one string.parquet"), "name": "a.parquet"}], "mapping": None}
    (tmp_path / "spec.json").write_text(json.dumps(spec))
    little = "limits.SPARE_BYTES, limits.SPARE_BYTES_A_CORE = 32 << 20, 0"
    program = f"{IMPORT_WORKER}\n{little}\ncontract.run(import_files.work)"
    argv = [sys.executable, "-c", program, str(tmp_path / "spec.json"), str(tmp_path)]
    assert subprocess.run(argv, cwd=ROOT, capture_output=True, check=False).returncode == 1
    last = events.read(tmp_path)[0][-1]
    assert isinstance(last, events.Failed)
    assert (last.category, "more memory than an import may use" in last.message) == ("memory", True)
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.slow  # a hundred megabytes are read
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    row = json.dumps(
        {"messages": [{"role": "user", "content": "a" * 300}, {"role": "assistant", "content": "b" * 700}]}
    )
    (tmp_path / "big.jsonl").write_text((row + "\n") * 100_000)  # 105 MB
    spec = {"sources": [{"path": str(tmp_path / "big.jsonl"), "name": "big.jsonl"}], "mapping": None}
    (tmp_path / "spec.json").write_text(json.dumps(spec))
    peak = "print([line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')][0])"
    program = f"{IMPORT_WORKER}\ncontract.run(import_files.work)\n{peak}"
    argv = [sys.executable, "-c", program, str(tmp_path / "spec.json"), str(tmp_path)]
    done = subprocess.run(argv, check=True, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True)
    assert int(done.stdout) < MOST_MB * 1024  # kB
