"""The preview below the form: what it says, what its buttons do, and that Import needs none of it."""

from pathlib import Path
from typing import Any

import pytest

from engine.data import datasets, previews
from engine.errors import TunesmithError
from pages.data import page
from pages.data.incoming import form, preview
from storage import datasets as stored
from storage import db
from storage.statuses import DatasetStatus
from storage.tables import Dataset
from tests.engine.data.test_mappings import CSV, settled
from tests.pages.clicks import Click, Visitor


def values(way: str, **given: Any) -> list[Any]:
    fields = {**form.EMPTY, "way": way, **given}
    return [fields[name] for name in form.FIELDS]


def shown(look_id: str) -> str:
    previews.wait(previews.look_up(look_id))
    return page.FRAGMENTS["preview"]({"look": look_id, "project": "default"})


def count() -> int:
    with db.reading() as session:
        return stored.count(session)


def test_a_file_with_unknown_columns_is_shown_as_it_would_be_learnt_and_imported_by_one_click(tmp_path: Path) -> None:
    file = tmp_path / "fragen.csv"
    file.write_text(CSV.replace(",", ";"))
    look = form.look(Visitor(), *values("Path", path=str(file)))
    html = shown(look)
    for words in (
        "Nothing is stored yet.",
        "<dd>CSV separated by semicolons</dd>",
        "<dd>UTF-8</dd>",
        "<dd>prompt from Frage, answer from Antwort_lang</dd>",
        "<dd>sft, gkd</dd>",
        "<dt>Rows</dt><dd>3</dd>",
        "2 of the first 3 rows would be taken.",
        "<p>Das und noch viel mehr.</p>",
        "This is a guess",
        "Choose the columns",
    ):
        assert words in html
    assert count() == 0
    assert form.look(Visitor(), *values("Path", path=str(file))) == look  # looked at once
    assert preview.html_of({"look": look, "dataset": "abc"}) == ""
    *emptied, dataset_id, no_look = form.act(Click("as_shown", look), Visitor(), " Fragen ")
    assert (emptied, no_look) == ([form.EMPTY[name] for name in form.FIELDS[1:]], "")
    dataset = settled(dataset_id)
    assert (dataset.name, dataset.status, dataset.accepted) == ("Fragen", DatasetStatus.READY, 2)
    *_, by_hand, _ = form.act(Click("by_hand", look), Visitor(), "")
    assert datasets.look_up(by_hand).mapping is None


def test_pasted_rows_are_looked_at_in_the_encoding_that_reads_right(tmp_path: Path) -> None:
    look = form.look(Visitor(), *values("Paste", pasted='{"prompt": "<i>a", "completion": "b"}'))
    html = shown(look)
    assert "The only row would be taken." in html
    assert "&lt;i&gt;a" in html
    assert "Choose the columns" not in html
    *_, dataset_id, _ = form.act(Click("as_shown", look), Visitor(), "")
    assert datasets.look_up(dataset_id).name == "Pasted rows"

    file = tmp_path / "short.csv"
    file.write_bytes("prompt,completion\r\nyes,да\r\n".encode("cp1251"))
    unclear = form.look(Visitor(), *values("Upload", files=[str(file)]))
    assert "Which of these reads right?" in shown(unclear)
    *_, again = form.act(Click("read_as", unclear, encoding="cp1251"), Visitor(), "")
    assert again != unclear
    assert "<p>да</p>" in shown(again)


@pytest.mark.usefixtures("toasts")
def test_a_preview_takes_the_place_of_a_failed_dataset_as_import_does(tmp_path: Path) -> None:
    with db.session() as session:
        session.add(Dataset(id="bad", project_id="default", name="bad", status=DatasetStatus.FAILED))
    file = tmp_path / "rows.jsonl"
    file.write_text('{"prompt": "a", "completion": "b"}\n')
    look = form.look(Visitor(), *values("Path", path=str(file)))
    shown(look)
    visitor = Visitor()
    visitor.query_params = {"replace": "bad"}
    form.act(Click("as_shown", look), visitor, "")
    assert form.find_failed("bad") is None


def test_what_cannot_be_previewed_is_said_there_and_a_field_that_is_left_says_nothing(
    tmp_path: Path, toasts: list[str]
) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text("")
    look = form.look(Visitor(), *values("Path", path=str(file)))
    with pytest.raises(TunesmithError):
        shown(look)
    html = page.FRAGMENTS["preview"]({"look": look})
    assert "The file is empty." in html
    assert "Looks right" not in html
    assert "no longer there" in page.FRAGMENTS["preview"]({"look": "abcabcabcabc"})
    assert page.FRAGMENTS["preview"]({}) == ""
    for way, given in (("Path", {"path": "/no/such"}), ("Upload", {}), ("Paste", {}), ("Hub", {"hub_id": "a/b"})):
        assert form.look(Visitor(), *values(way, **given)) == ""
    assert toasts == []
    assert form.look_aloud(Visitor(), *values("Path", path="/no/such")) == ""
    assert "no file or folder" in toasts[0]


def test_a_count_that_is_not_exact_is_rounded() -> None:
    assert preview.row_words({"rows": 1_998_901, "exact": False}) == "about 2,000,000"
    assert preview.row_words({"rows": 12_345, "exact": True}) == "12,345"
    assert preview.row_words({"rows": None, "exact": False}) == ""
