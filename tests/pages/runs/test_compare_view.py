"""Runs chosen in the list, and side by side."""

import re

import pytest

from pages.runs import page
from storage import db
from storage import runs as stored
from tests.engine.runs.test_comparing import two

__all__ = ["two"]


def shown(**query: str) -> str:
    return page.runs_html({"project": "default", **query})


def names(text: str) -> list[str]:
    """The runs of the first table, from the top."""
    return re.findall(r">(run [ab])</a>", text.partition("</table>")[0])


def test_boxes_of_the_list_choose_runs_and_lead_to_them_side_by_side(two: list[str]) -> None:
    text = shown()
    assert text.count('class="ts-box" data-soft') == 2
    assert 'data-value="a" data-most="200" href="/runs?chosen=a" role="checkbox"' in text
    assert "Side by side" not in text
    text = shown(chosen="a")
    assert 'href="/runs?chosen=a,b" role="checkbox" aria-checked="false"' in text
    assert "Choose another one" in text
    text = shown(chosen="a,b")
    assert 'href="/runs?compare=a,b">Side by side' in text
    assert 'href="/runs?chosen=b" role="checkbox" aria-checked="true" aria-label="Choose run a"' in text


def test_side_by_side_shows_what_differs_the_best_in_bold_and_a_chart_a_metric(two: list[str]) -> None:
    text = shown(compare="a,b")
    assert names(text) == ["run a", "run b"]
    assert ">Learning rate</a>" in text
    assert "<b>0.5</b><small>at step 2, last 0.5</small>" in text
    assert "0.75<small>at step 2, last 1</small>" in text
    assert 'metrics="loss" labels="run a\nrun b" run="a\nb"' in text
    assert "LoRA rank" not in text, "it is the same in both"
    assert "2 GB" in text
    assert "0.5 Wh" in text
    assert names(shown(compare="a,b", sort="-energy")) == ["run b", "run a"]


def test_any_column_sorts_both_ways_and_runs_without_a_value_come_last(two: list[str]) -> None:
    text = shown(compare="a,b", sort="-learning_rate")
    assert names(text) == ["run b", "run a"]
    assert 'aria-sort="descending"' in text
    assert names(shown(compare="b,a", sort="loss")) == ["run a", "run b"]
    assert (
        names(shown(compare="a,b", sort="eval_loss"))
        == names(shown(compare="a,b", sort="-eval_loss"))
        == ["run b", "run a"]
    )
    assert names(shown(compare="a,b", sort="no such column")) == ["run a", "run b"]


def test_runs_that_are_gone_or_too_few_say_so(two: list[str]) -> None:
    assert "1 run cannot be compared" in shown(compare="a")
    assert "gone" in shown(compare="a,gone")


@pytest.mark.parametrize("name", ["<img src=x onerror=alert(1)>", "a,b", "${x}", "\u202egnol"])
def test_names_of_runs_are_text(two: list[str], name: str) -> None:
    with db.session() as session:
        run = stored.get(session, "a")
        assert run is not None
        run.name = name
    text = shown(compare="a,b")
    assert "<img" not in text
    assert f'labels="{name}\nrun b"'.replace("<", "&lt;").replace(">", "&gt;") in text
