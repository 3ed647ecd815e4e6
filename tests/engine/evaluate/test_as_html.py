"""Reports as one HTML file: everything in it, nothing of a stranger's in force, nothing fetched."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from engine.evaluate import as_html, words
from tests import fixed_reports
from tests.fixed_reports import HOSTILE

NAME = "First lesson"
TAGS = (
    "html head meta title style body article h1 h2 h3 p div b br ul li table thead tbody tr th td small svg line "
    "circle pre del ins dl dt dd"
)


class Read(HTMLParser):
    """Every tag with its attributes, and the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_file_holds_what_the_report_says() -> None:
    page = as_html.document([(NAME, fixed_reports.succeeded())])
    text = Read(page).text
    for words_of_it in (
        NAME, "first-lesson against SmolLM2-135M", "40 of the 120 rows of sums that the training never saw",
        "Better. Exact match went", "92.5 %", "+77.5 to +95.0", "5.0 %", "−2.19", "among the 180 rows of its training",
        "arithmetic 2 → 7 of 10", "17 plus 6 equals 23.", "22 plus 2 equals 22.", "row 12 · score 1 → 0",
        "of 100 such bars",
    ):  # fmt: skip
        assert words_of_it in text, words_of_it
    assert "equals <del>24</del>." in page
    assert "equals <ins>22</ins>." in page


def test_nothing_of_a_stranger_is_in_force() -> None:
    page = as_html.document([(HOSTILE, fixed_reports.hostile())])
    read = Read(page)
    assert "\u202e" not in page
    assert "<U+202E>gnp.exe" in read.text
    assert read.text.count("<img src=x onerror='window.pwned=1'>") > 10
    assert {tag for tag, _ in read.tags} <= set(TAGS.split())
    assert not [name for _, attributes in read.tags for name in attributes if name.startswith("on") or "href" in name]
    assert not [attributes for _, attributes in read.tags if "src" in attributes]
    policy = next(attributes for _, attributes in read.tags if attributes.get("http-equiv"))
    assert policy["content"] == "default-src 'none'; style-src 'unsafe-inline'"


def test_endless_texts_and_rows_are_cut_and_that_is_said() -> None:
    page = as_html.document([(NAME, fixed_reports.hostile())])
    assert len(page) < 100_000
    assert re.search(r"… 99\d,\d{3} more characters", page)
    row = fixed_reports.BETTER["worse_rows"][0]
    many = as_html.document([(NAME, fixed_reports.succeeded(worse_rows=[row] * 250))])
    assert many.count('class="row"') == as_html.MOST_ROWS
    assert "50 more are not in this file." in many


def test_several_reports_stand_in_one_file_and_one_that_failed_says_why() -> None:
    failed = fixed_reports.succeeded(status="failed", error="No row was held out.", hint="Hold out 5 %.")
    text = Read(as_html.document([("A", fixed_reports.no_proof()), ("B", failed)])).text
    assert "About 300 rows would be needed to decide a difference of this size; there are 120 in all." in text
    assert "No report yetNo row was held out. Hold out 5 %." in text
    assert text.index("A") < text.index("No row was held out")


@pytest.mark.parametrize("number", [None, float("nan"), float("inf")])
def test_a_number_that_is_none_is_a_dash_and_has_no_bar(number: float | None) -> None:
    metric = {**fixed_reports.BETTER["metrics"][0], "tuned": number, "difference": number, "low": number, "high": None}
    page = as_html.document([(NAME, fixed_reports.succeeded(metrics=[metric], skills=None, worse_rows=[]))])
    assert "<svg" not in page
    assert words.DASH in page
    assert "nan" not in page
    assert "inf" not in page
