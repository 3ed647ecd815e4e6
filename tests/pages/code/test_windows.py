"""One snippet in two windows, and what a browser had typed and not saved: nothing is lost, and the later is told."""

import json
import re
from html import unescape
from typing import Any

from engine.code import snippets
from pages.code import keeping, opening, shelf
from pages.code.sheet import NAMES
from storage.tables import DEFAULT_PROJECT
from tests.pages.clicks import Click
from tests.pages.code.test_asking import Browser, fixed, pressed
from tests.pages.code.test_asking import coder as coder
from tests.pages.code.test_asking import coder_address as coder_address


def kept(text: str) -> str:
    return snippets.create("kept", "python", "a task", {"main.py": text}, DEFAULT_PROJECT).id


def asked_of(line: str) -> dict[str, Any]:
    """What a line asks the browser to do."""
    found = re.search(r'data-do="([^"]*)"', line)
    assert found
    asked: dict[str, Any] = json.loads(unescape(found[1]))
    return asked


def saved(snippet_id: str, code: str, base: int) -> str:
    given = {"snippet_id": snippet_id, "code": code, "language": "python", "base": base}
    click: Any = Click("save", snippet_id)
    request: Any = Browser()
    return str(keeping.act(click, request, *[given.get(name) for name in NAMES])[1])


def opened(draft: dict[str, str], **query: str) -> list[Any]:
    request: Any = Browser(**query)
    return opening.open_page(json.dumps(draft), request)


def test_who_saves_later_is_told_of_the_other_window_and_shown_what_differs() -> None:
    snippet_id = kept("a = 1\n")
    assert asked_of(opened({}, snippet=snippet_id)[-1]) == {"base": 1}
    first = saved(snippet_id, "a = 'first'\n", 1)
    assert "another window" not in first
    assert asked_of(first)["base"] == 2
    second = saved(snippet_id, "a = 'second'\n", 1)
    assert "Saved as version 3. Version 2 came from another window meanwhile" in second
    assert asked_of(second)["at"] == {"snippet": snippet_id, "version": "", "from": "2", "to": "3"}
    assert [snippets.version(snippet_id, number).files_json["main.py"] for number in (2, 3)] == [
        "a = 'first'\n",
        "a = 'second'\n",
    ]
    assert "another window" not in saved(snippet_id, "a = 'third'\n", 3)


def test_an_earlier_version_in_the_editor_knows_the_newest() -> None:
    snippet_id = kept("one\n")
    snippets.save_version(snippet_id, {"main.py": "two\n"})
    click: Any = Click("open", "1")
    assert asked_of(keeping.open_version(click, snippet_id)[-1])["base"] == 2
    assert asked_of(opened({}, snippet=snippet_id, version="1")[-1])["base"] == 2


def test_rounds_and_answers_of_a_window_are_not_taken_for_those_of_another(coder: str) -> None:
    snippet_id = kept("x = 1\n")
    broken = {"snippet_id": snippet_id, "code": "print(mean([]))  # ZeroDivisionError\n", "rounds": 2, "base": 1}
    assert "another window" not in fixed(**broken)["told"]
    snippets.save_version(snippet_id, {"main.py": "other\n"})
    newest = snippets.version(snippet_id).number
    assert f"Version {newest} came from another window" in fixed(**broken | {"base": newest - 1})["told"]
    side = pressed("write", snippet_id=snippet_id, task="double", answers=2, base=snippets.version(snippet_id).number)
    assert "another window" not in side["told"]


def test_code_typed_on_a_new_page_comes_back_before_anything_else_was_touched() -> None:
    fields = opened({"snippet": "", "text": "x = 1\n    y = 2\n", "task": "", "language": "python", "base": "0"})
    assert fields[6]["value"] == "x = 1\n    y = 2\n"
    assert json.loads(fields[4]) == {"main.py": "x = 1\n    y = 2\n"}


def test_a_draft_that_is_older_than_the_newest_version_says_so() -> None:
    snippet_id = kept("a = 1\n")
    snippets.save_version(snippet_id, {"main.py": "a = 2\n"})
    draft = {"snippet": snippet_id, "files": "{}", "opened": "main.py", "text": "a = 'typed'\n", "base": "1"}
    line = opened(draft, snippet=snippet_id)[-1]
    assert "is back. Version 2 is newer than what you began with." in line
    assert asked_of(line)["base"] == 1
    assert "newer" not in opened(draft | {"base": "2"}, snippet=snippet_id)[-1]
    assert asked_of(opened(draft | {"base": "²"}, snippet=snippet_id)[-1])["base"] == 2


def test_two_hundred_versions_are_a_page_of_them_at_a_time_and_any_two_are_compared() -> None:
    snippet_id = kept("0\n")
    for number in range(1, 120):
        snippets.save_version(snippet_id, {"main.py": f"{number}\n"})
    first = shelf.versions_html({"snippet": snippet_id, "from": "1", "to": "2", "q": "<b>", "page": "2"})
    assert first.count("<li") == shelf.MOST_VERSIONS
    assert "1 to 8 of 120" in first
    assert 'max="120" name="from" value="1"' in first
    assert "snippet=" + snippet_id in first
    assert "from=1&amp;to=2&amp;q=%3Cb%3E&amp;page=2&amp;older=2" in first
    last = shelf.versions_html({"snippet": snippet_id, "older": "999"})
    assert last.count("<li") == 8
    assert 'data-id="1"' in last
    assert 'name="from" value="119"' in last
