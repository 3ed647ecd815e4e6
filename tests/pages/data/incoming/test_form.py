"""The form that brings data in: each of its ways, and what it refuses."""

import json
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from engine.data import datasets, named_sources
from engine.errors import NotFoundError, RefusedError
from pages.data import page
from pages.data.incoming import form as import_form
from storage import db
from storage.statuses import DatasetStatus
from storage.tables import Dataset
from tests.pages.clicks import Visitor

ROW = '{"question": "2 plus 2?", "answer": "Four."}\n'


def fields(way: str, **values: Any) -> dict[str, Any]:
    return {**import_form.EMPTY, "way": way, **values}


def brought_in(way: str, **values: Any) -> Dataset:
    return import_form.import_one(fields(way, **values), "default")


def test_the_form_has_the_fields_in_the_order_they_are_read() -> None:
    with gr.Blocks():
        form, _go, _preview = import_form.fields_drawn()
    assert tuple(form) == import_form.FIELDS
    assert {".arrow", ".zst", ".jsonl"} <= set(import_form.FILE_TYPES)


def test_uploaded_files_are_moved_into_one_dataset_and_the_form_is_emptied(home: Path) -> None:
    folder = home / "gradio" / "abc"
    folder.mkdir(parents=True)
    files = [folder / "a.jsonl", folder / "b.jsonl"]
    for file in files:
        file.write_text(ROW)
    values = fields("Upload", files=[str(file) for file in files])
    *emptied, id = import_form.bring_in(Visitor(), *(values[name] for name in import_form.FIELDS))
    assert emptied == [import_form.EMPTY[name] for name in import_form.FIELDS[1:]]
    assert not any(file.exists() for file in files)
    dataset = datasets.look_up(id)
    assert (dataset.name, dataset.source) == ("a", "upload")
    assert [file["name"] for file in dataset.origin["files"]] == ["a.jsonl", "b.jsonl"]


@pytest.mark.usefixtures("toasts")
def test_another_file_takes_the_place_of_a_failed_one_alone() -> None:
    with db.session() as session:
        for id, status in (("bad", DatasetStatus.FAILED), ("good", DatasetStatus.READY)):
            session.add(Dataset(id=id, project_id="default", name=id, source="upload", status=status))
    assert 'href="/data?replace=bad">Try another file</a>' in page.datasets_html(
        {"project": "default", "dataset": "bad"}
    )
    assert "Try another file" not in page.datasets_html({"project": "default", "dataset": "good"})
    assert "takes the place of bad." in page.datasets_html({"project": "default", "replace": "bad"})
    visitor = Visitor()
    for name, text in (("bad", " "), ("good", ROW), ("bad", ROW), ("bad", ROW)):
        visitor.query_params = {"replace": name}
        values = fields("Paste", pasted=text)
        import_form.bring_in(visitor, *(values[field] for field in import_form.FIELDS))
        is_gone = import_form.find_failed("bad") is None
        assert is_gone == ((name, text) == ("bad", ROW))
    assert datasets.look_up("good").name == "good"


def test_pasted_rows_a_file_and_a_folder_come_in(tmp_path: Path) -> None:
    pasted = brought_in("Paste", pasted=ROW, files=["/ignored"])
    assert (pasted.name, pasted.source, pasted.source_name) == ("Pasted rows", "paste", "pasted.json")
    shards = tmp_path / "shards"
    shards.mkdir()
    for name in ("2.jsonl", "1.jsonl", "notes.pdf"):
        (shards / name).write_text(ROW)
    assert brought_in("Path", path=f" {shards / '1.jsonl'} ").name == "1"
    folder = brought_in("Path", path=str(shards))
    assert folder.name == "shards"
    assert [one["name"] for one in folder.origin["files"]] == ["1.jsonl", "2.jsonl"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"way": "Upload"}, "no file to import"),
        ({"way": "Paste", "pasted": " \n"}, "nothing to import"),
        ({"way": "Path"}, "no file to import"),
        ({"way": "Path", "path": "rows.jsonl"}, "not an absolute path"),
        ({"way": "Path", "path": "/no/such\x00/file"}, "no file or folder"),
        ({"way": "Hub"}, "no dataset to fetch"),
    ],
)
def test_what_cannot_be_imported_is_refused_in_plain_words(values: dict[str, Any], words: str) -> None:
    with pytest.raises((RefusedError, NotFoundError), match=words):
        brought_in(**values)


def test_the_studios_own_folder_is_refused(home: Path) -> None:
    with pytest.raises(RefusedError, match="studio itself"):
        brought_in("Path", path=str(home))


def test_a_refused_import_leaves_the_form_as_it_is(toasts: list[str]) -> None:
    values = fields("Path", path="/no/such/file.jsonl")
    answer = import_form.bring_in(Visitor(), *(values[name] for name in import_form.FIELDS))
    assert answer[-1] == ""
    assert "There is no file" in toasts[0]


@pytest.mark.parametrize(
    ("text", "ending"),
    [
        (ROW, ".json"),
        (ROW * 2, ".jsonl"),
        (json.dumps([{"text": "a"}], indent=2), ".json"),
        ("question,answer\nWhat, then?,That\n", ".csv"),
        ("question\tanswer\na\tb\nc\td", ".csv"),
        ("Once upon a time, there was a king.\n\nHe died.", ".txt"),
        ("One line, with a comma", ".txt"),
    ],
)
def test_a_pasted_text_gets_the_ending_of_what_it_is(text: str, ending: str) -> None:
    assert named_sources.ending_of(text) == ending


def test_too_much_to_paste_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(named_sources, "MOST_PASTED_BYTES", 3)
    with pytest.raises(RefusedError, match="too much"):
        named_sources.pasted("four")
