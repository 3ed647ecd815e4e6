"""What the Code page shows: strangers' text is text, hidden characters are marks; diffs, results and answers."""

import re
from typing import Any

import pytest

from engine.code.diff import unified
from engine.sandbox.limits import Result
from pages.code import answer_view, run_view, told, versions_view
from pages.parts import marks

HOSTILE = (
    "<script>window.pwned=1</script> <svg onload=alert(1)> [x](javascript:alert(1)) \u202eabc\x1b[31m ${window.x()} \\u"
)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
FIELDS: dict[str, Any] = {
    "stdout": "", "stderr": "", "exit": 0, "seconds": 0.25, "memory_bytes": 12_000_000, "timed_out": False,
    "contained_by": "bubblewrap", "cut": False,
}  # fmt: skip


def shown(**facts: Any) -> str:
    return str(run_view.result_html(run_view.plain(Result(**{**FIELDS, **facts}))))


def test_a_strangers_text_is_escaped_and_what_hides_in_it_is_marked() -> None:
    html = marks.shown(HOSTILE)
    assert "<script" not in html
    assert "<svg" not in html
    assert "\u202e" not in html
    assert "\x1b" not in html
    assert html.count("cd-mark") == 2
    assert ">U+202E</span>abc" in html
    assert "한국어, é, 🙂 and\ttabs\n" in marks.shown("한국어, é, 🙂 and\ttabs\n")


def test_a_million_characters_are_cut_and_said() -> None:
    assert "940,000 more characters" in marks.shown("x" * 1_000_000)
    html = marks.shown("x\u202e" * 500_000)
    assert html.count("cd-mark") == marks.MOST_MARKS
    assert "998,999 more characters" in html
    assert ">U+202E ×7</span>" in marks.shown("\u202e" * 7)


@pytest.mark.parametrize("view", [marks.shown, answer_view.answer_html, answer_view.body_html, versions_view.diff_html])
def test_no_view_lets_an_element_or_a_direction_through(view: Any) -> None:
    html = str(view(f"```html\n{HOSTILE}\n```\n{HOSTILE}"))
    assert not re.search(r"<(script|svg|a|img|iframe)\b", html)
    assert "\u202e" not in html


def test_the_words_and_the_code_of_an_answer_stand_apart() -> None:
    html = answer_view.body_html("First:\n```python\nprint(1)\n```\nThen **that**.")
    assert html.count("<pre") == 1
    assert ">print(1)</pre>" in html
    assert "Then **that**." in html
    assert "<pre" in answer_view.body_html("cut:\n```python\nprint(")
    assert answer_view.answer_html("  ") == ""
    assert '<details class="cd-answer" open>' in answer_view.answer_html("words", open_now=True)


def test_a_diff_has_signs_and_line_numbers_whatever_its_lines_look_like() -> None:
    before = {"a.sql": "one\n-- note\nthree\n", "gone.py": "x\n"}
    after = {"a.sql": "one\n++ plus\nthree\nfour\n", "new.py": "y"}
    html = str(versions_view.diff_html(unified(before, after)))
    rows = re.findall(r'<tr data-line="(\w+)">(.*?)</tr>', html)
    assert [re.sub("<[^>]+>", "|", cells) for kind, cells in rows if kind == "file"] == [
        "|a.sql|", "|gone.py, removed|", "|new.py, new|",
    ]  # fmt: skip
    changed = [re.sub("<[^>]+>", "|", cells) for kind, cells in rows if kind in ("old", "new")]
    assert changed[:3] == ["|2||||--- note|", "|||2||+++ plus|", "|||4||+four|"]
    assert versions_view.diff_html("") == '<p class="ts-note">The same, to the last character.</p>'


def test_a_long_diff_says_how_much_more_there_is() -> None:
    html = versions_view.diff_html(unified({"a": ""}, {"a": "line\n" * 5000}))
    assert "2,003 more lines" in html
    wide = versions_view.diff_html(unified({"a": ""}, {"a": f"{'x' * 1_000_000}\n" * 200}))
    assert len(wide) < 400_000


@pytest.mark.parametrize(
    ("query", "pair"), [({"from": "1", "to": "3"}, (1, 3)), ({"from": "1"}, None), ({"from": "a", "to": "2"}, None)]
)
def test_which_versions_are_compared_is_in_the_address(query: dict[str, str], pair: tuple[int, int] | None) -> None:
    assert versions_view.pair_of(query) == pair


def test_a_result_says_how_it_went_what_it_took_and_what_shut_it_in() -> None:
    html = shown(stdout="hello <b>")
    assert ">ran</span>" in html
    assert "0.25 s · 12 MB · in bubblewrap" in html
    assert "hello &lt;b&gt;" in html
    assert "It printed nothing." in shown()
    assert "the rest was cut off" in shown(stdout="x", cut=True)


def test_an_exception_is_named_first_and_is_what_a_model_is_told() -> None:
    stderr = "Traceback (most recent call last):\n  File ...\nNameError: name 'x' is not defined\n"
    html = shown(stderr=stderr, exit=1)
    assert ">exit 1</span>" in html
    assert "<b>NameError: name &#39;x&#39; is not defined</b>" in html
    failed = run_view.plain(Result(**{**FIELDS, "stderr": stderr, "exit": 1}))
    assert run_view.error_of(failed) == stderr
    assert run_view.words(failed) == "NameError: name 'x' is not defined"
    assert run_view.error_of(run_view.plain(Result(**FIELDS))) == ""


def test_a_run_that_took_too_long_or_too_much_says_so() -> None:
    slow = run_view.plain(Result(**{**FIELDS, "timed_out": True, "exit": None, "seconds": 10.0}))
    assert "the time limit was reached" in run_view.result_html(slow)
    assert run_view.error_of(slow).startswith("It did not end within 10 seconds.")
    assert "It was stopped: it used too much memory." in shown(exit=None, ended_for="it used too much memory")


def test_plots_are_pictures_and_an_svg_is_only_a_name() -> None:
    files = {"out/<b>.png": PNG, "evil.svg": b"<svg onload=alert(1)>", "liar.png": b"<script>"}
    html = shown(files=files)
    assert html.count("<img") == 1
    assert 'src="data:image/png;base64,' in html
    assert "out/&lt;b&gt;.png" in html
    assert "It wrote evil.svg (21 B), liar.png (8 B)." in html


def test_what_a_version_keeps_of_a_result_has_a_size() -> None:
    big = run_view.plain(
        Result(**{**FIELDS, "stdout": "x" * 300_000, "files": {"a.png": PNG + bytes(450_000), "b.png": PNG}})
    )
    kept = run_view.kept(big)
    assert len(kept["stdout"]) == run_view.MOST_KEPT_TEXT
    assert kept["cut"]
    assert [picture["name"] for picture in kept["pictures"]] == []
    assert run_view.result_html(kept)


def test_tests_that_failed_are_named_with_what_they_said() -> None:
    tests = [{"name": "test_a", "error": ""}, {"name": "test_<b>", "error": "Traceback\nassert 1 == 2\n"}]
    html = run_view.result_html({**FIELDS, "works": False, "tests": tests, "passed": 1, "words": "test_b failed"})
    assert "1 of 2 tests pass" in html
    assert "test_&lt;b&gt;: assert 1 == 2" in html
    assert run_view.failed({**FIELDS, "works": False})


def test_what_the_browser_is_asked_is_data_and_new_each_time() -> None:
    first, second = told.line("Saved <b>", at={"snippet": '"><script>'}), told.line("Saved <b>")
    assert "<script" not in first
    assert "Saved &lt;b&gt;" in first
    assert re.search(r'data-number="(\w+)"', first)[1] != re.search(r'data-number="(\w+)"', second)[1]  # type: ignore[index]
    assert 'data-busy="write"' in told.line("", busy="write")
