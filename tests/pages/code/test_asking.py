"""The Code page at work, with a real server that answers and a real sandbox: written, run, fixed, kept, compared."""

import inspect
import json
from collections.abc import Iterator
from typing import Any

import gradio as gr
import httpx
import pytest

from engine.code import snippets
from engine.sandbox import sandbox
from pages.code import asking, keeping, mending, opening, running, several, shelf
from pages.code.sheet import NAMES
from storage.tables import DEFAULT_PROJECT
from tests import fake_coder
from tests.coding import NAME, needs_sandbox
from tests.coding import coder as coder
from tests.coding import coder_address as coder_address
from tests.pages.clicks import Click

WRITTEN = ("snippet_id", "files_json", "opened", "code", "tabs", "output", "made", "error", "told")
OPENED = (
    "snippet_id",
    "task",
    "language",
    "model",
    "files_json",
    "opened",
    "code",
    "tabs",
    "output",
    "made",
    "error",
    "told",
)
SKIPPED = gr.skip()


class Browser:
    """A request with that query and no cookies."""

    cookies: dict[str, str] = {}  # noqa: RUF012

    def __init__(self, **query: str) -> None:
        self.query_params = query


def sheet(**given: Any) -> list[Any]:
    return [{"model": NAME, "language": "python", **given}.get(name) for name in NAMES]


def last(events: Iterator[list[Any]], names: tuple[str, ...] = WRITTEN) -> dict[str, Any]:
    """The fields as they are at the end: what an event skips stays."""
    fields: dict[str, Any] = {}
    for event in events:
        fields |= {name: value for name, value in zip(names, event, strict=True) if value != SKIPPED}
    return fields


def pressed(action: str, **given: Any) -> dict[str, Any]:
    click: Any = Click(action)
    request: Any = Browser()
    return last(asking.act(click, request, *sheet(**given)))


def fixed(**given: Any) -> dict[str, Any]:
    request: Any = Browser()
    return last(mending.mend(request, *sheet(**given)))


def opened(draft: str = "", **query: str) -> dict[str, Any]:
    request: Any = Browser(**query)
    return dict(zip(OPENED, opening.open_page(draft, request), strict=True))


def kept(text: str) -> str:
    return snippets.create("kept", "python", "a task", {"main.py": text}, DEFAULT_PROJECT).id


def test_without_a_model_the_page_says_what_to_do_and_stays_as_it_is() -> None:
    assert 'href="/serve"' in opening.served_html({})
    first = opened()
    assert first["model"]["choices"] == []
    assert [first[name] for name in ("task", "language", "code", "tabs")] == [SKIPPED] * 4


def test_an_answer_grows_in_the_editor_and_is_kept(coder: str) -> None:
    assert opening.served_html({}) == ""
    click: Any = Click("write")
    request: Any = Browser()
    events = list(asking.act(click, request, *sheet(task="mean of numbers")))
    assert 'data-busy="write"' in events[0][-1]
    end = last(iter(events))
    assert end["code"]["value"] == fake_coder.MEAN
    version = snippets.version(end["snippet_id"])
    assert (version.number, version.action, version.model) == (1, "write", NAME)
    assert version.files_json == {"main.py": fake_coder.MEAN}
    assert snippets.get(end["snippet_id"]).name == "mean of numbers"
    assert "Here is the code." in end["made"]
    assert end["snippet_id"] in end["told"]
    again = opened(snippet=end["snippet_id"])
    assert again["code"]["value"] == fake_coder.MEAN
    assert again["task"] == "mean of numbers"
    assert "Here is the code." in again["made"]


def test_words_are_not_written_into_the_editor(coder: str) -> None:
    end = pressed("explain", code="print(1)")
    assert "The code adds the numbers" in end["made"]
    assert "code" not in end
    assert snippets.version(end["snippet_id"]).action == "explain"


def test_a_gap_is_filled_at_the_cursor_of_the_open_file_and_the_way_is_said(coder: str) -> None:
    text = "def add(a, b):\n    '🙂'\n    \n"
    files = {"main.py": "import tool\n", "tool.py": text}
    end = pressed("complete", files_json=json.dumps(files), opened="tool.py", code=text, cursor=len(text) - 1)
    assert end["code"]["value"] == text[:-1] + fake_coder.MIDDLE + "\n"
    assert end["opened"] == "tool.py"
    assert "asked in words" in end["made"]


def test_tests_get_a_file_of_their_own_and_a_translation_another_language(coder: str) -> None:
    end = pressed("test", code=fake_coder.DOUBLE)
    assert end["opened"] == "test_main.py"
    assert json.loads(end["files_json"])["main.py"] == fake_coder.DOUBLE
    translated = pressed("translate", code=fake_coder.DOUBLE, into="javascript")
    assert translated["opened"] == "main.js"


def test_what_cannot_be_asked_is_refused_and_nothing_is_kept(coder: str, toasts: list[str]) -> None:
    assert "Nothing was written" in pressed("write")["told"]
    assert "The task is empty" in toasts[0]
    pressed("explain")
    pressed("write", task="x" * 1_000_000)
    pressed("write", task="x", model="gone")
    assert [words[:25] for words in toasts[1:3]] == ["`Explain` needs code, and", "The task has 1,000,000 ch"]
    assert snippets.find() == []


def test_an_answer_without_code_changes_nothing_and_one_that_breaks_off_is_said(coder: str, toasts: list[str]) -> None:
    end = pressed("write", task="nothing", code="mine")
    assert "code" not in end
    assert "has no Python code" in end["made"]
    assert "Nothing was written" in pressed("write", task="torn")["told"]
    assert toasts


def test_hostile_names_and_characters_of_an_answer_are_text(coder: str) -> None:
    end = pressed("write", task="hostile")
    names = list(json.loads(end["files_json"]))
    assert not any(".." in name or "\u202e" in name or name.startswith("/") for name in names)
    assert "cannot be seen" in end["made"]
    assert "\u202e" not in end["made"] + end["tabs"]


@pytest.mark.parametrize("way", ["write", "several", pytest.param("fix", marks=needs_sandbox)])
def test_the_last_words_before_a_pause_are_drawn_while_it_lasts(way: str, coder: str, coder_address: str) -> None:
    """A burst, and then nothing: a throttle that only looks when a word comes would keep the burst to itself."""
    request: Any = Browser()
    click: Any = Click("write")
    asked = sheet(task="held-back", code="fail()", answers=2 if way == "several" else 1, rounds=1)
    events = mending.mend(request, *asked) if way == "fix" else asking.act(click, request, *asked)
    fields: dict[str, Any] = {}
    while not is_drawn(fields, way):  # the model says no more, and its answer has no end yet
        fields |= last(iter([next(events)]))
    let_go(coder_address)
    fields |= last(events)
    assert fields["code"]["value"] == "print('hello')\n"


def is_drawn(fields: dict[str, Any], way: str) -> bool:
    """Whether the whole answer is on the page: in the editor, or as often as it was asked for beside it."""
    if way == "write":
        return bool("hello" in fields.get("code", {}).get("value", ""))
    return str(fields.get("made", "")).count("hello") == (2 if way == "several" else 1)


def let_go(address: str) -> None:
    """Has the answers that are held back end."""
    with httpx.Client(transport=httpx.HTTPTransport(uds=address.removeprefix("unix:"))) as client:
        body = {"model": NAME, "messages": [{"role": "user", "content": "let-go"}]}
        assert client.post("http://coder/v1/chat/completions", json=body, timeout=60).status_code == 200


def test_an_answer_that_is_stopped_is_closed_and_not_kept(coder: str) -> None:
    click: Any = Click("write")
    request: Any = Browser()
    events: Any = asking.act(click, request, *sheet(task="mean"))
    next(events)
    events.close()
    assert snippets.find() == []
    assert "Stopped" in asking.stopped()


@needs_sandbox
def test_code_is_run_fails_is_fixed_in_rounds_and_each_is_a_version(coder: str) -> None:
    snippet_id = kept(fake_coder.MEAN)
    ran = last(running.run(*sheet(snippet_id=snippet_id, code=fake_coder.MEAN)), ("output", "error", "told"))
    assert "ZeroDivisionError" in ran["output"]
    assert 'data-act="fix"' in ran["output"]
    assert ran["error"].endswith("ZeroDivisionError: division by zero\n")
    end = fixed(snippet_id=snippet_id, code=fake_coder.MEAN, rounds=2)
    assert end["code"]["value"] == fake_coder.MENDED
    assert "It works after 1 round." in end["told"]
    assert "Round 1" in end["made"]
    assert 'data-line="new"' in end["made"]
    assert end["error"] == ""
    versions = snippets.versions(snippet_id)
    assert [(one.number, one.action, one.note) for one in versions[:2]] == [
        (3, "fix", "round 1: works"),
        (2, "run", "ZeroDivisionError: division by zero"),
    ]
    listed = shelf.versions_html({"snippet": snippet_id})
    assert 'data-act="open" data-id="3"' in listed
    assert f"/code?snippet={snippet_id}&amp;from=2&amp;to=3" in listed
    compared = shelf.diff_html({"snippet": snippet_id, "from": "2", "to": "3"})
    assert "return 0.0 if not numbers" in compared


@needs_sandbox
def test_what_no_round_mends_says_so_after_as_many_as_were_allowed(coder: str) -> None:
    end = fixed(code="raise ValueError('try 0')\n", task="hopeless", rounds=2)
    assert "It does not work yet, after 2 rounds." in end["told"]
    assert end["made"].count("<li>") == 2
    assert end["error"]


@needs_sandbox
def test_answers_side_by_side_are_run_and_the_best_comes_first(coder: str) -> None:
    files = {"main.py": "", "test_main.py": fake_coder.TESTS}
    end = pressed("write", task="double", answers=2, files_json=json.dumps(files), opened="main.py")
    assert end["code"]["value"] == fake_coder.DOUBLE
    assert "is the best of 2" in end["told"]
    assert "&#34;side&#34;: &#34;1-2&#34;" in end["told"]
    shown = several.side_html({"snippet": end["snippet_id"], "side": "1-2"})
    assert shown.index("Version 2") < shown.index("Version 1")
    assert "1 test passes" in shown
    assert "1 test fails" in shown
    assert several.side_html({"snippet": end["snippet_id"], "side": "1-99"}) == ""


def test_answers_in_another_language_are_kept_as_they_came(coder: str) -> None:
    end = pressed("write", task="double", answers=2, language="javascript")
    assert "2 answers, in the order they came. Only Python runs here." in end["told"]
    assert len(snippets.versions(end["snippet_id"])) == 2


@needs_sandbox
def test_an_open_file_of_tests_runs_as_tests(coder: str) -> None:
    files = {"main.py": fake_coder.WRONG, "test_main.py": fake_coder.TESTS}
    given = {"files_json": json.dumps(files), "opened": "test_main.py", "code": fake_coder.TESTS}
    ran = last(running.run(*sheet(**given)), ("output", "error", "told"))
    assert "1 test fails" in ran["output"]
    assert "test_double" in ran["output"]


@needs_sandbox
def test_the_same_result_again_is_no_new_version_and_other_languages_do_not_run(toasts: list[str]) -> None:
    snippet_id = kept("print(input())")
    for _ in range(2):
        ran = last(
            running.run(*sheet(snippet_id=snippet_id, code="print(input())", stdin="typed")),
            ("output", "error", "told"),
        )
    assert "typed" in ran["output"]
    assert len(snippets.versions(snippet_id)) == 2
    other = last(running.run(*sheet(language="rust", code="fn main() {}")), ("output", "error", "told"))
    assert "It did not run" in other["told"]
    assert "Rust does not run here" in toasts[0]
    assert "Runs in: " in running.means_html({})


def test_what_shuts_code_in_is_named_or_why_none_runs() -> None:
    assert "Runs in: bubblewrap" in running.means_words(sandbox.Means("bubblewrap", "", ()))
    assert "Code cannot run here: &lt;no means&gt;" in running.means_words(sandbox.Means("", "<no means>", ()))


def test_a_draft_of_this_browser_comes_back_and_one_of_another_snippet_does_not() -> None:
    snippet_id = kept("print(1)\n")
    draft = {"snippet": snippet_id, "files": '{"main.py": "print(2)"}', "opened": "main.py", "text": "print(3)"}
    first = opened(json.dumps(draft | {"task": "changed"}), snippet=snippet_id)
    assert first["code"]["value"] == "print(3)"
    assert first["task"] == "changed"
    assert "is back" in first["told"]
    assert opened(json.dumps(draft | {"snippet": "other"}), snippet=snippet_id)["code"]["value"] == "print(1)\n"
    assert opened(json.dumps(draft | {"text": "print(1)\n"}), snippet=snippet_id)["told"].count("is back") == 0
    for broken in ("no json", "[1]", '{"files": 7}', '{"snippet": "", "files": "no json", "text": "x"}'):
        assert len(opened(broken)) == len(OPENED)
    assert opened(snippet="gone")["code"] == SKIPPED
    assert "no longer exists" in shelf.head_html({"snippet": "gone"})


def test_a_snippet_is_saved_named_renamed_downloaded_and_deleted(toasts: list[str]) -> None:
    def act(name: str, snippet_id: str = "", /, **values: str) -> list[Any]:
        click: Any = Click(name, snippet_id, **values)
        request: Any = Browser()
        return keeping.act(click, request, *sheet(snippet_id=snippet_id, code="print('<b>')", task="<b> a task"))

    snippet_id, line = act("save")
    assert "Saved as version 1." in line
    assert "kept" in line
    assert "&lt;b&gt; a task" in shelf.head_html({"snippet": snippet_id})
    assert act("save", snippet_id)[1].count("version 1") == 1
    act("rename", snippet_id, name="sum.py")
    assert snippets.get(snippet_id).name == "sum.py"
    assert act("rename", snippet_id, name="")[0] == SKIPPED
    assert "&lt;b&gt;" in act("download", snippet_id)[1]
    assert f'href="/api/snippets/{snippet_id}/download"' in shelf.head_html({"snippet": snippet_id})
    assert "&#34;to&#34;: &#34;/code&#34;" in act("delete", snippet_id)[1]
    assert "&#34;to&#34;: &#34;/code&#34;" in act("clear")[1]
    assert 'data-act="clear"' in shelf.head_html({})
    assert snippets.find() == []
    assert act("delete", snippet_id) == [SKIPPED, SKIPPED]
    assert toasts


@pytest.mark.parametrize(
    ("task", "name"),
    [
        ("", "main.py"),
        ("sum\u202e a\n column", "sum a column"),
        ("word " * 30, "word word word word word word word word word word word word"[:59]),
        ("x" * 200, "x" * 60),
        ("\u202e", "main.py"),
    ],
)
def test_what_nobody_named_is_called_after_its_task(task: str, name: str) -> None:
    assert keeping.name_of(task, "main.py") == name


def test_an_earlier_version_is_brought_back_and_saving_it_makes_it_the_newest() -> None:
    snippet_id = kept("one\n")
    snippets.save_version(snippet_id, {"main.py": "two\n"}, note="<script>")
    click: Any = Click("open", "1")
    shown = keeping.open_version(click, snippet_id)
    assert shown[2]["value"] == "one\n"
    assert "&#34;version&#34;: &#34;1&#34;" in shown[-1]
    assert "&lt;script&gt;" in shelf.versions_html({"snippet": snippet_id, "version": "1"})
    assert "/download?version=1" in shelf.head_html({"snippet": snippet_id, "version": "1"})
    assert opened(snippet=snippet_id, version="1")["code"]["value"] == "one\n"


def test_snippets_are_found_by_name_a_page_at_a_time() -> None:
    assert shelf.snippets_html({"project": DEFAULT_PROJECT}) == ""
    for number in range(12):
        snippets.create(f"<i> sums {number}", "python", "", {"main.py": "x"}, DEFAULT_PROJECT)
    first = shelf.snippets_html({"project": DEFAULT_PROJECT, "q": "sums"})
    assert first.count("<li") == 10
    assert "&lt;i&gt; sums 11" in first
    assert "1 to 10 of 12" in first
    assert shelf.snippets_html({"project": DEFAULT_PROJECT, "q": "sums", "page": "2"}).count("<li") == 2
    none = shelf.snippets_html({"project": DEFAULT_PROJECT, "q": "<script>"})
    assert "No snippet has “&lt;script&gt;” in it." in none


def test_answers_stream_because_gradio_sees_a_generator() -> None:
    for event in (asking.act, mending.mend, running.run):
        assert inspect.isgeneratorfunction(event)
