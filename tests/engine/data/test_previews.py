"""Previews: what an import would make of files, before anything of them is kept; and then imported just so."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from engine.data import datasets, mappings, previews
from engine.errors import NotFoundError, RefusedError, TunesmithError
from engine.workers.data import preview
from storage import datasets as stored
from storage import db, home
from storage.statuses import DatasetStatus
from tests.engine.data.test_mappings import CSV, GERMAN, settled

ROW = json.dumps({"question": "What is it? " + "x" * 200, "answer": "Some words. " * 20}) + "\n"


def looked_at(folder: Path, *files: Path, **more: Any) -> dict[str, Any]:
    """What the worker says, run here."""
    sources = [{"path": str(file), "name": file.name} for file in files]
    return preview.work({"sources": sources, **more}, folder)


def first_rows(folder: Path) -> list[dict[str, Any]]:
    return list(json.loads((folder / preview.ROWS).read_bytes()))


def stored_datasets() -> int:
    with db.reading() as session:
        return stored.count(session)


def test_a_file_is_looked_at_before_anything_is_stored_then_imported_as_it_was_shown(tmp_path: Path) -> None:
    file = tmp_path / "fragen.csv"
    file.write_text(CSV.replace(",", ";"))
    shown = previews.wait(previews.begin([(file, file.name)], "path"))
    assert (shown.facts["guessed"], shown.facts["format"], shown.facts["kind"]) == (True, None, "chat")
    assert shown.facts["mapping"] == GERMAN.model_dump()
    assert shown.methods[0] == "sft"
    (about,) = shown.facts["files"]
    assert (about["written_as"], about["encoding"]) == ("CSV separated by semicolons", "utf-8")
    assert (shown.facts["rows"], shown.facts["exact"], shown.facts["rules"]) == (3, True, {"empty_answer": 1})
    assert [row["verdict"] for row in shown.rows] == ["accepted", "accepted", "rejected"]
    assert shown.rows[0]["values"]["messages"][1]["content"] == "Ich."
    assert stored_datasets() == 0
    assert not home.uploads().exists()

    by_hand = settled(previews.import_as_detected(shown.id, "", "default").id)
    assert (by_hand.status, by_hand.mapping) == (DatasetStatus.NEEDS_MAPPING, None)
    ready = settled(previews.import_as_shown(shown.id, "", "default").id)
    assert (ready.status, ready.name, ready.accepted) == (DatasetStatus.READY, "fragen", 2)
    assert ready.mapping == GERMAN.model_dump()
    assert file.exists()

    like_it = previews.wait(previews.begin([(file, "mehr.csv")], "path"))
    assert (like_it.facts["remembered"], like_it.facts["guessed"]) == ("fragen", False)
    with pytest.raises(NotFoundError, match="no longer there"):
        previews.look_up("abcabcabcabc")
    with pytest.raises(NotFoundError, match="no longer there"):
        previews.look_up(mappings.begin(ready).id)


def test_of_a_file_of_two_gigabytes_only_the_beginning_is_read(tmp_path: Path) -> None:
    file = tmp_path / "large.jsonl"
    file.write_text(ROW * 8000)
    os.truncate(file, 2_000_000_000)  # the rest is a hole: whoever reads on finds one line without an end
    facts = looked_at(tmp_path, file)
    assert facts["rows"] == pytest.approx(2_000_000_000 / len(ROW), rel=0.01)
    assert (facts["exact"], facts["looked_at"], facts["accepted"]) == (False, 1000, 1000)


def test_rows_are_counted_to_the_end_where_a_file_is_small(tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.jsonl" for number in range(25)]
    for file in files:
        file.write_text(ROW * 100)
    facts = looked_at(tmp_path, files[0], files[1])
    assert (facts["rows"], facts["exact"]) == (200, True)
    many = looked_at(tmp_path, *files)
    assert (many["rows"], many["exact"], len(many["files"])) == (2500, False, 20)


def test_a_slip_that_is_repaired_and_a_text_that_is_cut_are_told_as_an_import_would(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"prompt": "a", "completion": "' + "b" * 20_000 + '"}\n{"prompt": "c", "completion": "d",}\n')
    facts = looked_at(tmp_path, file)
    assert (facts["accepted"], facts["repaired"], facts["rejected"]) == (1, 1, 0)
    rows = first_rows(tmp_path)
    assert [row["verdict"] for row in rows] == ["accepted", "repaired"]
    assert len(rows[0]["values"]["completion"]) < 10_000


def test_the_first_rejected_row_is_shown_wherever_it_stands(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(ROW * 50 + '{"question": "Why?", "answer": ""}\n')
    looked_at(tmp_path, file)
    rows = first_rows(tmp_path)
    assert (len(rows), rows[-1]["row"], rows[-1]["rule"]) == (21, 51, "empty_answer")


def test_a_mapping_that_is_given_decides(tmp_path: Path) -> None:
    file = tmp_path / "fragen.csv"
    file.write_text(CSV)
    mapping = {"kind": "text", "parts": {"text": "Frage"}, "roles": {}, "who": "", "what": ""}
    facts = looked_at(tmp_path, file, mapping=mapping)
    assert (facts["kind"], facts["mapping"], facts["guessed"]) == ("text", mapping, False)


def test_an_unclear_encoding_is_chosen_before_the_import(tmp_path: Path) -> None:
    file = tmp_path / "short.csv"
    file.write_bytes("prompt,completion\r\nyes,да\r\n".encode("cp1251"))
    shown = previews.wait(previews.begin([(file, file.name)], "path"))
    assert "cp1251" in [choice["encoding"] for choice in shown.facts["encodings"]]
    again = previews.wait(previews.again(shown.id, "windows-1251"))
    assert again.rows[0]["values"]["completion"] == "да"
    ready = settled(previews.import_as_shown(again.id, "said", "default").id)
    assert (ready.name, ready.status, ready.encoding) == ("said", DatasetStatus.READY, "cp1251")
    assert datasets.rows(ready.id)[0]["completion"] == "да"
    with pytest.raises(RefusedError, match="klingon"):
        previews.again(shown.id, "klingon")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\xd0\xcf\x11\xe0" + bytes(600), "with a password"),
        (b"prompt,completion\n", "no rows"),
        (b"PK\x03\x04" + bytes(600), "zip archive"),
    ],
)
def test_what_is_no_file_of_rows_is_said_in_words(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "rows.csv"
    file.write_bytes(content)
    with pytest.raises(TunesmithError, match=words):
        looked_at(tmp_path, file)


def test_what_an_import_would_refuse_is_not_looked_at(tmp_path: Path) -> None:
    home.ensure_folder(home.home())
    home.engine_lock().touch()
    with pytest.raises(RefusedError, match="studio itself"):
        previews.begin([(home.engine_lock(), "rows.csv")], "path")
    link = tmp_path / "rows.csv"
    link.symlink_to("/etc/hostname")
    with pytest.raises(RefusedError, match="is a link"):
        previews.begin([(link, link.name)], "path")
    with pytest.raises(RefusedError, match="no file"):
        previews.begin([], "path")
