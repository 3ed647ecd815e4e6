"""The tab Tokens: learnt, context and cut off are told apart, and the whole dataset is counted."""

from pathlib import Path
from typing import Any

import pytest

from engine.data import tokens
from engine.errors import RefusedError
from engine.process import work
from pages.data import token_rows, token_totals
from pages.data import tokens as data_tokens
from storage.statuses import WorkStatus
from storage.tables import Dataset, Model
from tests.workers.tokens.vocabularies import furnish, turns

HOSTILE = "<img src=x onerror=alert(1)>"


def shown(dataset: Dataset, **query: str) -> str:
    """The tab when all that looking at it has begun is over."""
    data_tokens.html_of(dataset, query)
    for job in work.about(dataset.id):
        work.wait(job.id, 60)
    return str(data_tokens.html_of(dataset, query))


def rows(count: int) -> list[dict[str, Any]]:
    return [{"messages": turns(f"Question {number} {HOSTILE}", "An\n\tanswer 👍 " * 9)} for number in range(count)]


def test_tokens_and_totals_are_shown(tmp_path: Path) -> None:
    dataset, model = furnish(tmp_path, "chat", rows(12))
    html = shown(dataset, length="128")
    assert "<mark" in html
    assert '<s class="dt-run" data-state="truncated">' in html
    assert "<i data-special>&lt;|im_start|&gt;</i>" in html or "<i data-odd data-special>&lt;|im_start|&gt;" in html
    assert HOSTILE not in html
    assert "⏎\n" in html
    assert "◌" in html
    assert "The whole dataset" in html
    assert "12 of 12" in html
    assert "Length of rows in tokens" in html
    assert "1 to 10 of 12" in html
    assert "Tiny &lt;b&gt;" in html
    assert f"model={model.id}&amp;length=128&amp;learn=answers&amp;from=10" in html


def test_a_large_dataset_is_counted_when_asked_and_can_be_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_tokens, "COUNTED_AT_ONCE", 1)
    dataset, model = furnish(tmp_path, "chat", rows(2))
    assert "Count the whole dataset" in shown(dataset)
    values = {"model": model.id, "length": "1024", "learn": "answers"}
    data_tokens.ACTS["stop_counting"](dataset.id, values, "default")
    assert "not counted yet" in shown(dataset)
    data_tokens.ACTS["count_tokens"](dataset.id, values, "default")
    assert "tokens are learnt" in shown(dataset)
    with pytest.raises(RefusedError, match="gone"):
        data_tokens.ACTS["count_tokens"](dataset.id, {"model": "nope"}, "default")


def test_a_failure_is_told_once_and_tried_again_by_hand(tmp_path: Path) -> None:
    bomb = "{{ 'a' | center(99999999999999) }}"
    dataset, model = furnish(tmp_path, "chat", rows(1), bomb)
    html = shown(dataset)
    assert html.count("more memory than it may have") == 2
    assert "Try again" in html
    assert len(work.about(dataset.id)) == 2  # looking at it starts nothing
    data_tokens.ACTS["tokens_again"](dataset.id, {"model": model.id}, "default")
    assert len(work.about(dataset.id, "token_rows")) == 2


def test_pairs_stand_side_by_side_and_refused_rows_say_why(tmp_path: Path) -> None:
    row = {"prompt": turns("Q"), "chosen": turns("", "good")[1:], "rejected": turns("", "bad")[1:]}
    dataset, _ = furnish(tmp_path / "a", "preference", [row])
    html = shown(dataset)
    assert 'class="da-pair"' in html
    assert "<h3>Chosen</h3>" in html
    assert 'name="learn"' not in html
    refusing, model = furnish(tmp_path / "b", "chat", rows(2), "{{ raise_exception('Only on Sundays') }}")
    html = shown(refusing, model=model.id)
    assert html.count("Only on Sundays") == 3
    assert "Nothing of this dataset would be learnt" in html


def test_while_the_tokenizer_is_prepared_only_the_rows_are_asked_for(tmp_path: Path) -> None:
    dataset, model = furnish(tmp_path, "chat", rows(1))
    (tmp_path / "tokenizer.json").write_text("{}")  # another state of the model, and no tokenizer that loads
    html = str(data_tokens.html_of(dataset, {}))
    assert "1 row is not counted yet" in html
    assert tokens.known_totals(dataset, tokens.spec(dataset, model)) is None


def test_without_a_model_or_rows_the_way_is_shown(tmp_path: Path) -> None:
    assert "Add a model" in data_tokens.html_of(Dataset(project_id="default", name="x"), {})
    dataset, _ = furnish(tmp_path, "chat", rows(1))
    dataset.sha256 = None
    assert "no rows yet" in data_tokens.html_of(dataset, {})


def test_the_address_is_taken_only_where_it_makes_sense() -> None:
    model = Model(id="m", source="path", source_id="/m", name="m", context_length=512)
    selection = data_tokens.Selection.of({"model": "other", "length": "3", "learn": "x", "from": "-1"}, [model])
    assert (selection.model.id, selection.length, selection.learn, selection.offset) == ("m", 8, "answers", 0)
    assert data_tokens.Selection.of({}, [model]).length == 512


def test_a_row_of_very_many_tokens_is_cut_on_the_screen() -> None:
    side = {"name": "", "tokens": 9000, "trained": 1, "truncated": 0, "hidden": 7000, "runs": []}
    assert "7,000 more tokens are not shown" in token_rows._side(side, frozenset(), pair=False)


def test_numbers_of_rows_are_listed_shortly() -> None:
    assert token_totals._numbers([2], 1) == "1 row (2)"
    assert token_totals._numbers(list(range(1, 21)), 30) == "30 rows (1, 2, 3, 4, 5, 6, 7, 8, 9, 10 ...)"


def test_an_ended_page_beyond_the_rows_says_so(tmp_path: Path) -> None:
    dataset, _ = furnish(tmp_path, "chat", rows(1))
    html = shown(dataset, **{"from": "50"})
    assert "No row to show" in html
    assert all(job.status == WorkStatus.SUCCEEDED for job in work.about(dataset.id))
