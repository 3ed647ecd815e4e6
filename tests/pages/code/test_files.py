"""The files in the editor: opened, added, uploaded, renamed, removed; and what may not be."""

import json
from typing import Any

import gradio as gr
import pytest

from engine.code import languages
from engine.errors import RefusedError
from pages.code import files, opening
from pages.code.files import Desk, desk_of, desk_with
from pages.code.sheet import NAMES, sheet_of
from tests.pages.clicks import Click

TWO = Desk({"main.py": "print(1)\n", "util.py": "x = 1\n"}, "main.py")


def test_what_the_editor_shows_is_the_open_files_text() -> None:
    desk = desk_of(json.dumps(TWO.files), "util.py", "x = 2\r\n")
    assert desk.files == {"main.py": "print(1)\n", "util.py": "x = 2\n"}
    assert desk_of("", "", None) == Desk({"main.py": ""}, "main.py")
    assert desk_of("no json", "", "code") == Desk({"main.py": "code"}, "main.py")
    assert desk_of("[1]", "", "code").files == {"main.py": "code"}


def test_a_desk_always_has_a_file() -> None:
    assert desk_with({}, "", "javascript") == Desk({"main.js": ""}, "main.js")
    assert desk_with(TWO.files, "gone.py").opened == "main.py"
    assert files.remove(Desk({"main.py": "x"}, "main.py"), "main.py", {}) == Desk({"main.py": "x"}, "main.py")
    assert files.remove(TWO, "main.py", {}) == Desk({"util.py": "x = 1\n"}, "util.py")


def test_files_are_added_renamed_and_opened() -> None:
    added = files.add(TWO, "", {"name": " pkg/new.py "})
    assert (added.opened, added.text, list(added.files)) == ("pkg/new.py", "", ["main.py", "util.py", "pkg/new.py"])
    renamed = files.rename(TWO, "", {"name": "app.py"})
    assert list(renamed.files) == ["app.py", "util.py"]
    assert renamed.text == "print(1)\n"
    assert files.open_file(TWO, "util.py", {}).opened == "util.py"
    assert files.open_file(TWO, "gone.py", {}) is TWO


def test_an_upload_takes_the_place_of_an_empty_file_and_not_of_a_written_one() -> None:
    uploaded = files.upload(desk_with({}), "", {"a.csv": "1,2\r\n"})
    assert uploaded == Desk({"a.csv": "1,2\n"}, "a.csv")
    assert list(files.upload(TWO, "", {"util.py": "y"}).files.items()) == [("main.py", "print(1)\n"), ("util.py", "y")]


@pytest.mark.parametrize(
    ("act", "values", "words"),
    [
        ("add", {"name": "main.py"}, "There is a file"),
        ("add", {"name": "../x.py"}, "cannot be the name"),
        ("rename", {"name": "util.py"}, "There is a file"),
        ("rename", {"name": "a\u202eb.py"}, "cannot be the name"),
        ("upload", {"x.bin": "a\0b"}, "not a text file"),
        ("upload", {"x.txt": "x" * 1_000_001}, "The files have"),
    ],
)
def test_a_bad_file_is_refused_and_everything_stays(
    act: str, values: dict[str, str], words: str, toasts: list[str]
) -> None:
    with pytest.raises(RefusedError, match=words):
        files.ACTS[act](TWO, "", values)
    event: Any = Click(act, "", **values)
    outputs = opening.change_files(event, json.dumps(TWO.files), "main.py", "print(1)\n")
    assert outputs == [{"__type__": "update"}] * 5
    assert words in toasts[0]


def test_files_too_large_to_read_are_refused_with_their_size(toasts: list[str]) -> None:
    event: Any = Click("too-large", "5000000")
    opening.change_files(event, "{}", "", "")
    assert "5 MB" in toasts[0]


def test_names_of_files_are_text_in_the_tabs() -> None:
    html = files.tabs_html(Desk({'"><script>alert(1)</script>': "", "b\u202e.py": ""}, "b\u202e.py"))
    assert "<script" not in html
    assert 'b<span class="cd-mark">U+202E</span>.py' in html
    assert html.count('aria-current="true"') == 1


def test_the_editor_draws_every_language() -> None:
    for language in languages.LANGUAGES.values():
        assert files.drawn_as(language.main), language.name
    assert files.drawn_as("notes") is None
    *_, editor, _tabs = files.fields(Desk({"a.js": "let x"}, "a.js"))
    assert (editor["value"], editor["language"]) == ("let x", "javascript")


def test_the_editor_gets_a_text_to_its_last_newline() -> None:
    text = "    indented = 1\n\n"
    *_, editor, _tabs = files.fields(Desk({"a.py": text}, "a.py"))
    assert gr.Code().postprocess(editor["value"]) == text


def test_a_language_that_is_chosen_first_names_the_file_and_later_leaves_it() -> None:
    assert opening.begin_language("{}", "", "", "rust")[1] == "main.rs"
    assert opening.begin_language(json.dumps(TWO.files), "main.py", "x", "rust")[1] == "main.py"


def test_a_sheet_has_the_pages_fields_in_order_and_empty_ones_as_empty() -> None:
    sheet = sheet_of([None] * len(NAMES))
    assert (sheet.language, sheet.answers, sheet.rounds, sheet.cursor, sheet.task) == ("python", 1, 3, -1, "")
    values = {"answers": 2.0, "cursor": 7.0, "temperature": 0, "code": "x"}
    sheet = sheet_of([values.get(name) for name in NAMES])
    assert (sheet.answers, sheet.cursor, sheet.temperature, sheet.code) == (2, 7, 0.0, "x")
