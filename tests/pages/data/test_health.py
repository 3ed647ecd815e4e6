"""The tabs Health and Statistics and the search of a dataset: what they show, and what their buttons do."""

import re
from typing import Any

import pytest

from engine.data import datasets, health, health_choices
from engine.errors import RefusedError
from engine.process import work
from pages.data import health as health_tab
from pages.data import highlights, search, statistics, tabs
from storage.tables import Dataset, Work
from tests.engine.rows.stored_rows import chat, ready

HOSTILE = "<img src=x onerror=alert(1)> ${alert(1)}"
LONG = (
    "The lighthouse stands on a cliff above the harbour and has shown ships the way home for two hundred years, "
    "in storms and in calm nights, without ever going dark for longer than it takes to change a lamp."
)
ROWS = [chat(f"What is {n}?", f"The number {n} is what it is.") for n in range(30)]
FLAWED = [
    *ROWS,
    ROWS[3],
    chat(f"Who {HOSTILE}?", f"Ask bob@mail.berlin.de {HOSTILE} please."),
    chat("Tell me.", LONG),
    chat("Tell me.", LONG.replace("cliff", "rock")),
    chat("Erzähl mir vom Meer.", "Das Meer ist weit und tief, sagte der alte Seemann gestern Abend zu mir."),
    chat("Count.", "one, two, three, " * 500),
]


def checked(dataset: Dataset) -> Dataset:
    job: Work = work.wait(health.start(dataset.id).id, 60)
    assert job.error is None
    return dataset


def shown(dataset: Dataset, **query: str) -> str:
    return str(health_tab.html_of(dataset, query))


def act(name: str, dataset: Dataset, **values: str) -> str | None:
    return health_tab.ACTS[name](dataset.id, values, "default")


def test_the_tab_leads_from_the_check_over_the_findings_to_a_new_version() -> None:
    dataset = ready("chat", FLAWED, HOSTILE)
    before = shown(dataset)
    assert "Not checked yet" in before
    assert 'data-act="health-check"' in before
    assert act("health-check", dataset) is None
    assert "progressbar" in shown(dataset)
    assert "No statistics yet" in statistics.html_of(dataset, {})
    checked(dataset)

    after = shown(dataset)
    assert re.search(r"<b>\d\d</b><span>of 100</span>", after)
    assert "Exact duplicates" in after
    assert "1 × mail" in after
    assert "leakage" in after.partition("Nothing to judge")[2]
    assert "<img" not in after
    assert tabs.TABS["health"].acts.keys() == health_tab.ACTS.keys()

    assert act("health-ignore-personal_data", dataset) is None
    ignored = shown(dataset)
    assert "ignored" in ignored
    assert "Count again" in ignored
    act("health-ignore-personal_data", dataset)
    assert "Count again" not in shown(dataset)

    to = act("health-fix-personal_data", dataset)
    assert to is not None
    version = datasets.look_up(to.rpartition("=")[2])
    assert (version.parents, version.operation) == ([dataset.id], {"op": "mask"})


def test_found_rows_are_shown_with_the_matter_highlighted_and_everything_escaped() -> None:
    dataset = checked(ready("chat", FLAWED))
    personal = shown(dataset, check="personal_data")
    assert '<mark title="mail">bob@mail.berlin.de</mark>' in personal
    assert "&lt;img" in personal
    assert "<img" not in personal
    assert "Drop the ticked rows" not in personal
    twins = shown(dataset, check="exact_duplicates")
    assert re.search(r"Row 31</a><span>repeats <a[^>]*>row 4</a>", twins)
    near = shown(dataset, check="near_duplicates")
    assert '<mark title="not in the other row">rock</mark>' in near
    assert "<span>German</span>" in shown(dataset, check="language_mix")
    assert "8,507 characters</span>" in shown(dataset, check="length_outliers")
    assert "nothing" not in shown(dataset, check="no_such_check", **{"from": "x"})

    to = act("health-drop", dataset, check="exact_duplicates", **{"row-30": "on"})
    assert to is not None
    version = datasets.look_up(to.rpartition("=")[2])
    assert version.operation is not None
    assert version.operation["positions"] == [30]
    with pytest.raises(RefusedError, match="No row is ticked"):
        act("health-drop", dataset, check="exact_duplicates")


def test_pages_of_found_rows_lead_on() -> None:
    dataset = checked(ready("chat", ROWS[:1] * 25))
    first, last = (shown(dataset, check="exact_duplicates", **{"from": start}) for start in ("0", "20"))
    assert "1 to 10 of 24" in first
    assert f"dataset={dataset.id}&amp;show=health&amp;from=10&amp;check=exact_duplicates" in first
    assert "21 to 24 of 24" in last


def test_datasets_to_compare_with_are_chosen_in_the_tab() -> None:
    alone = checked(ready("chat", ROWS))
    assert "Import your test set too" in shown(alone)
    test = ready("chat", ROWS[:2], f"test {HOSTILE}")
    offered = shown(alone)
    assert f'name="with-{test.id}"' in offered
    assert "<img" not in offered
    health_choices.choose(alone.id, [test.id])
    assert "press Compare" in shown(alone)
    act("health-compare", alone, **{f"with-{test.id}": "on"})
    assert [other.id for other in health_choices.against(alone)] == [test.id]
    checked(alone)
    assert "press Compare" not in shown(alone)
    assert "Compared with test &lt;img" in shown(alone, check="leakage")


def test_statistics_are_tables_that_look_like_charts() -> None:
    dataset = checked(ready("chat", FLAWED))
    html = str(statistics.html_of(dataset, {}))
    for title in ("Length of questions", "Length of answers", "Turns in a row", "Turns by role", "Languages"):
        assert f"<caption>{title}" in html
    assert '<th scope="row">English</th>' in html
    assert '<i style="width:100.0%">' in html


def test_search_shows_the_words_it_found_and_says_when_it_has_not_seen_all(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = ready("chat", FLAWED)
    assert search.search_html(dataset, {"q": "  "}) == ""
    for asked in ({"q": f'"{HOSTILE}'}, {"has": f'"{HOSTILE}', "find": "words"}):
        shown = str(tabs.TABS["rows"].html(dataset, asked))
        assert "<img" not in shown
        assert shown.count('type="search"') == 1  # one box, which also says by what the rows were found
        assert '<option value="words" selected>' in shown
    plain = str(tabs.TABS["rows"].html(dataset, {}))
    assert plain.count('type="search"') == 1
    assert search.search_html(dataset, {"has": "bob", "find": "words"}) == search.search_html(dataset, {"q": "bob"})
    assert "<mark>" not in str(tabs.TABS["rows"].html(dataset, {"has": "bob"}))  # filtered by its text
    html = str(search.search_html(dataset, {"q": "ONERROR bob*"}))
    assert "<mark>bob</mark>@mail" in html
    assert "<img" not in html
    assert "<b>1 row has</b>" in html
    assert "no word to look for" in search.search_html(dataset, {"q": HOSTILE[:1]})
    many = str(search.search_html(dataset, {"q": "number", "from": "20"}))
    assert "21 to 31 of 31" in many
    assert "q=number" in many
    other = ready("chat", ROWS[:3])
    monkeypatch.setattr("engine.data.search.SCANNED_ROWS", 1)
    monkeypatch.setattr(type(other), "train_rows", property(lambda _: 5000))
    assert "the index is being made" in search.search_html(other, {"q": "number"})


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ([(0, 1)], "<mark>a</mark>bcdefghi<i>...</i>"),
        ([(12, 13)], "<i>...</i>efghijkl<mark>m</mark>nopqrstu<i>...</i>"),
        ([(1, 2, "x"), (3, 4, "y")], 'a<mark title="x">b</mark>c<mark title="y">d</mark>efghijkl<i>...</i>'),
        ([(25, 26)], "<i>...</i>rstuvwxy<mark>z</mark>"),
        ([(2, 3), (24, 25)], "ab<mark>c</mark>defghijk <i>...</i> qrstuvwx<mark>y</mark>z"),
    ],
)
def test_a_long_text_is_cut_down_to_what_stands_around_the_places(
    monkeypatch: pytest.MonkeyPatch, places: list[Any], expected: str
) -> None:
    monkeypatch.setattr(highlights, "AROUND", 8)
    assert str(highlights.marked("abcdefghijklmnopqrstuvwxyz", places)) == expected
