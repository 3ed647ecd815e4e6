"""Escaping, and how numbers, times and states are written."""

import time

import gradio as gr
import pytest
from markupsafe import Markup

from engine.errors import RefusedError
from pages.parts import chart, html, live
from pages.parts import toasts as asking
from pages.parts.icons import icon

HOSTILE = "${window.x}<img src=x onerror=alert(1)>\"'C:\\users"


def inert(text: str) -> bool:
    return "<img" not in text and "&lt;img" in text


@pytest.mark.parametrize(
    "markup",
    [
        html.badge(HOSTILE, HOSTILE),
        html.progress(0.5, HOSTILE),
        html.progress(None, HOSTILE),
        html.table([HOSTILE], [html.Row((HOSTILE,), id=HOSTILE, href=HOSTILE)], HOSTILE),
        html.empty(HOSTILE, HOSTILE, HOSTILE, HOSTILE),
        html.button(HOSTILE, "stop", HOSTILE, HOSTILE),
        html.link_button(HOSTILE, HOSTILE),
        html.link(HOSTILE, HOSTILE, soft=True),
        html.notice(HOSTILE, HOSTILE),
        html.facts([(HOSTILE, HOSTILE)]),
        html.card(HOSTILE, HOSTILE, aside=HOSTILE),
        html.join([HOSTILE]),
        chart.element(HOSTILE, [("loss", HOSTILE)], HOSTILE),
    ],
)
def test_user_text_is_never_markup(markup: Markup) -> None:
    assert inert(str(markup))
    assert "'C:" not in str(markup).replace("&#39;C:", "")


def test_a_table_marks_numbers_selection_and_where_a_row_leads() -> None:
    table = html.table(
        ["Run", html.Header("Loss", "number")], [html.Row(("a", 1), "id1", "/runs?run=id1", True)], "Runs"
    )
    assert 'data-kind="number" data-label="Loss">1<' in table
    assert '<tr data-id="id1" data-href="/runs?run=id1" aria-selected="true">' in table


def test_a_table_refuses_rows_of_another_width() -> None:
    with pytest.raises(ValueError, match="shorter"):
        html.table(["a", "b"], [html.Row(("only one",))], "Broken")


def test_a_bar_stays_between_nothing_and_all() -> None:
    assert 'aria-valuenow="100.0"' in html.progress(7)
    assert 'aria-valuenow="0.0"' in html.progress(-1)
    assert "aria-valuenow" not in html.progress(None)


def test_facts_leave_out_what_is_not_known() -> None:
    assert "Device" not in html.facts([("Device", None), ("Loss", 0)])
    assert "<dd>0</dd>" in html.facts([("Loss", 0)])


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (None, "–"),
        (0, "0 B"),
        (1500, "1.5 kB"),
    ],
)
def test_sizes(count: float | None, words: str) -> None:
    assert html.size(count) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "–"),
        (-1, "–"),
        (0.4, "0 s"),
        (59.6, "1 min"),
        (125, "2 min 5 s"),
        (7800, "2 h 10 min"),
        (90000, "1 d 1 h"),
    ],
)
def test_durations(seconds: float | None, words: str) -> None:
    assert html.duration(seconds) == words


def test_a_long_estimate_does_not_count_seconds() -> None:
    assert html.remaining(1432) == "24 min"
    assert html.remaining(599) == "9 min 59 s"
    assert html.remaining(None) == "–"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "–"), (0.0, "0.000"), (1.23456, "1.235"), (0.0934, "0.093"), (12.3456, "12.35"), (12345.6, "12,346"),
        (0.0002, "2.00e-04"), (3e7, "3.00e+07"), (float("nan"), "nan"), (float("inf"), "inf"),
    ],
)  # fmt: skip
def test_numbers(value: float | None, words: str) -> None:
    assert html.number(value) == words


@pytest.mark.parametrize(
    ("value", "words"), [(None, "–"), (12, "12"), (1234, "1,234"), (134_515_008, "134.5 M"), (7.1e9, "7.1 B")]
)
def test_counts(value: int | None, words: str) -> None:
    assert html.count(value) == words


def test_how_long_ago_is_said_in_one_unit() -> None:
    now = time.time()
    assert [html.ago(now - elapsed) for elapsed in (1, 130, 7300, 200_000)] == [
        "just now",
        "2 min ago",
        "2 h ago",
        "2 d ago",
    ]
    assert html.ago(None) == html.moment(None) == "–"
    assert 'title="' in html.moment(now)


def test_an_unknown_icon_is_no_icon() -> None:
    assert "<svg" in icon("runs")
    assert icon("nothing") == ""


def test_a_refusal_becomes_an_escaped_toast(toasts: list[str]) -> None:
    with asking.toast():
        raise RefusedError(f"Run {HOSTILE} cannot start.", "Free some <b>memory</b>.")
    assert inert(toasts[0])
    assert toasts[0].endswith("<br>Free some &lt;b&gt;memory&lt;/b&gt;.")


def test_what_is_no_refusal_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError), asking.toast():
        raise ZeroDivisionError


def test_a_success_is_escaped_too(toasts: list[str]) -> None:
    asking.done(HOSTILE)
    assert inert(toasts[0])


def test_a_chart_names_its_run_metrics_and_height() -> None:
    element = chart.element("Loss", [("loss", "training"), ("eval_loss", "held out")], "r1", 300)
    assert 'metrics="loss\neval_loss" labels="training\nheld out" run="r1" height="300"' in element
    assert " plain" in chart.element("Loss", [("loss", "")], plain=True)


def test_live_parts_and_charts_are_components_with_ids_of_their_own() -> None:
    live.current_page.set("home")
    with gr.Blocks(analytics_enabled=False):
        live_part = live.live("table", lambda _query: "", seconds=5, actions=True)
        drawn_chart = chart.chart("Loss", [("loss", "training")])
    assert live_part.elem_id == "live-home-table"
    assert 'src="/fragments/home/table" seconds="5"' in live_part.value
    assert drawn_chart.elem_id == "chart-loss"
