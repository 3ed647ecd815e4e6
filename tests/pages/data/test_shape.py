"""The tabs Shape, Versions and Export, the form for a row, and keeping a chat: what they show and what they do."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from markupsafe import escape

from engine.chat import chat
from engine.data import datasets, lineage
from engine.errors import RefusedError
from engine.process import work
from pages.chat import sides as chat_page
from pages.data import edit, export, row_diff, shape, tabs, versions
from pages.data.shape_filter import conditions_of
from storage import datasets as stored_datasets
from storage import db
from storage.tables import Dataset, Message
from tests.engine.data.test_shape import ROWS, kept, made
from tests.engine.rows.shapes import EXAMPLES, turn


def act(name: str, dataset: Dataset, /, **values: str) -> str:
    """What a form or button does; the address it leads to."""
    return tabs.acts()[name](dataset.id, values, "default") or ""


def opened(address: str) -> Dataset:
    return datasets.look_up(re.findall(r"dataset=([0-9a-f]+)", address)[0])


def defaults(markup: str, name: str) -> dict[str, str]:
    """The fields of one form as a browser would send them untouched."""
    form = markup.split(f'data-act="{name}"')[1].split("</form>")[0]
    values = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
    for select in form.split("<select ")[1:]:
        values[select.split('"')[1]] = select.split('value="')[1].split('"')[0]
    return values


def test_every_operation_has_a_card_whose_fields_need_no_change(tmp_path: Path) -> None:
    dataset, other = kept(tmp_path, name="<Mine>"), kept(tmp_path, ROWS[:3], name="Other")
    shown = str(shape.html_of(dataset, {}))
    assert "<Mine>" not in shown
    assert "&lt;Mine&gt; train" in shown
    forms = set(re.findall(r'data-act="([\w-]+)"', shown))
    assert forms == set(shape.ACTS)
    for name in ("shape-split", "shape-sample", "shape-together", "shape-shuffle", "shape-split-by"):
        act(name, dataset, **defaults(shown, name))
    with pytest.raises(RefusedError, match="No condition"):
        act("shape-filter", dataset, **defaults(shown, "shape-filter"))
    with db.reading() as session:
        names = sorted(version.name for version in stored_datasets.recent(session) if version.operation)
    assert names == sorted(
        ["<Mine>", "<Mine> a", "<Mine> b", "<Mine> and Other", "<Mine> sample", "<Mine> test", "<Mine> train"]
    )
    assert f'value="{other.id}"' in shown


def test_forms_say_what_they_were_given(tmp_path: Path) -> None:
    dataset, other = kept(tmp_path), kept(tmp_path, ROWS[:3], name="Other")
    mixed = opened(
        act("shape-together", dataset, other=other.id, how="mix", weight="3", other_weight="0.5", stop="all", name="M")
    )
    assert (mixed.name, mixed.operation and mixed.operation["weights"]) == ("M", [3.0, 0.5])
    assert opened(act("shape-deduplicate", dataset)).version == 2
    filtered = opened(act("shape-filter", dataset, where1="answer", test1="contains", value1="7", then="keep"))
    assert filtered.operation is not None
    assert filtered.operation["conditions"][0]["text"] == "7"
    for name, values in (("shape-sample", {"rows": "many", "seed": "1"}), ("shape-split", {"share": "", "seed": "1"})):
        with pytest.raises(RefusedError, match="cannot be"):
            act(name, dataset, **values)


def test_rows_are_pasted_as_lines_or_a_list_and_dropped_one_by_one(tmp_path: Path) -> None:
    assert shape.rows_of('{"a": 1}\n\n{"b": 2}') == shape.rows_of('[{"a": 1}, {"b": 2}]')
    for text, words in (("{", "not valid JSON"), ("[]", "no row"), ("[1]", "no row"), ("", "no row")):
        with pytest.raises(RefusedError, match=words):
            shape.rows_of(text)
    dataset = kept(tmp_path)
    added = opened(act("shape-add", dataset, rows='{"question": "Why?", "answer": "So."}'))
    assert added.operation is not None
    assert added.operation["rows"] == [{"prompt": "Why?", "completion": "So."}]
    dropped = opened(act("drop-row", dataset, position="4"))
    assert (dropped.version, dropped.operation and dropped.operation["positions"]) == (3, [4])


def test_conditions_are_read_from_their_fields() -> None:
    values = {"where1": "answer", "test1": "least", "value1": "5", "where2": "column:part", "test2": "contains"}
    values |= {"value2": "a", "where3": "system", "test3": "most", "value3": ""}
    assert conditions_of(values) == [
        {"test": "length", "least": 5, "where": "answer"},
        {"test": "column", "name": "part", "equals": "a"},
    ]
    condition = {"where1": "anywhere", "value1": "Tool"}
    assert conditions_of(condition | {"test1": "role"}) == [{"test": "role", "role": "tool"}]
    assert conditions_of(condition | {"test1": "is"}) == [{"test": "column", "name": "label", "equals": "Tool"}]
    assert conditions_of(condition | {"test1": "matches"})[0]["pattern"] == "Tool"


def test_versions_are_listed_compared_and_traced(tmp_path: Path) -> None:
    first = kept(tmp_path)
    assert "What differs" not in versions.html_of(first, {})
    second = made(opened(act("edit-row", first, position="3", **{"text:completion": "It is <b>three</b>."})))
    shown = versions.html_of(second, {})
    assert "Edited the row at position 4".lower() in shown.lower()
    assert "1 changed" in shown
    assert "Where it comes from" in shown
    assert "Comparing" in versions.html_of(second, {"with": first.id})
    job = work.latest(second.id, lineage.DIFF)
    assert job is not None
    work.wait(job.id, 40)
    html = versions.html_of(second, {"with": first.id})
    assert "<del>3</del><ins>&lt;b&gt;three&lt;/b&gt;</ins>" in html
    assert "There is no dataset" in versions.html_of(second, {"with": "nothing"})
    datasets.delete_dataset(first.id)
    assert "was deleted" in versions.html_of(second, {})


def test_many_differences_have_pages(tmp_path: Path) -> None:
    first, second = kept(tmp_path), kept(tmp_path, [{"prompt": "a", "completion": "b"}], name="Other")
    lineage.diff(first.id, second.id, seconds=40)
    shown = versions.html_of(second, {"with": first.id, "from": "10"})
    assert "11 to 20 of 20" in shown
    assert "from=10" not in shown
    assert f"with={first.id}" in shown
    lineage.diff(first.id, kept(tmp_path, name="Copy").id, seconds=40)
    with db.reading() as session:
        copy = next(candidate for candidate in stored_datasets.recent(session) if candidate.name == "Copy")
    assert "the same rows" in versions.html_of(copy, {"with": first.id})


@given(old=some.text(max_size=40), new=some.text(max_size=40))
def test_marked_words_give_both_texts_back(old: str, new: str) -> None:
    marked = str(row_diff.words_html(old, new))
    after = re.sub(r"<del>.*?</del>|</?ins>", "", marked, flags=re.DOTALL)
    before = re.sub(r"<ins>.*?</ins>|</?del>", "", marked, flags=re.DOTALL)
    assert (before, after) == (str(escape(old)), str(escape(new)))


def test_very_long_texts_are_compared_as_a_whole() -> None:
    shown = row_diff.words_html("a " * 2000, "b " * 2000)
    assert shown.count("<del>") == shown.count("<ins>") == 1
    before, after = EXAMPLES["chat"], {**EXAMPLES["chat"], "messages": EXAMPLES["chat"]["messages"][:2]}
    assert "add" in row_diff.changed_html(before, after)


def test_an_export_is_started_shown_and_linked(tmp_path: Path) -> None:
    dataset = kept(tmp_path)
    assert "ShareGPT" in export.html_of(dataset, {})
    act("export", dataset, form="alpaca", file="jsonl.gz")
    job = work.latest(dataset.id, "export_data")
    assert job is not None
    assert "ts-bar" in export.html_of(dataset, {})
    work.wait(job.id, 40)
    shown = export.html_of(dataset, {})
    assert f"/api/datasets/{dataset.id}/export/{job.id}/file" in shown
    assert "Alpaca, JSON Lines, gzip" in shown
    with pytest.raises(RefusedError, match="not a file type"):
        act("export", dataset, form="alpaca", file="exe")
    chats = kept(tmp_path, [{**EXAMPLES["chat"]}], "chat")
    act("export", chats, form="alpaca", file="jsonl")
    failed = work.latest(chats.id, "export_data")
    assert failed is not None
    work.wait(failed.id, 40)
    assert "No row fits" in export.html_of(chats, {})


@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_form_that_is_sent_unchanged_changes_nothing(kind: Any) -> None:
    row = {**EXAMPLES[kind], "extra": {"id": 1}, "row": 7}
    texts = {f"text:{path}": text for path, _, text in edit._texts(row)}
    assert texts
    assert edit.edited(row, texts) == {**EXAMPLES[kind], "extra": {"id": 1}}


def test_texts_are_edited_one_by_one_and_line_breaks_of_browsers_do_not_count() -> None:
    row = {"prompt": [turn("user", "a\r\nb")], "completion": [turn("assistant", "c")], "label": True}
    values = {"text:prompt.0": "a\nb", "text:completion.0": "new", "label": "false"}
    assert edit.edited(row, values) == {
        "prompt": [turn("user", "a\r\nb")], "completion": [turn("assistant", "new")], "label": False,
    }  # fmt: skip
    steps = edit.edited(EXAMPLES["stepwise"], {"text:completions.1": "2", "text:prompt": "1 + 1"})
    assert (steps["completions"], steps["prompt"]) == (["count", "2"], "1 + 1")


def test_a_row_is_edited_by_its_fields_or_as_json(tmp_path: Path) -> None:
    dataset = kept(tmp_path, [{"messages": [turn("user", "\nHi <b>"), turn("assistant", "Hello")]}], "chat")
    shown = edit.html_of(dataset, {"row": "0"})
    assert '<textarea name="text:messages.0" rows="2">\n\nHi &lt;b&gt;</textarea>' in shown
    assert "There is no row" in edit.html_of(dataset, {"row": "5"})
    address = act("edit-row", dataset, position="0", **{"text:messages.1": "Good day"})
    assert datasets.rows(made(opened(address)).id)[0]["messages"][1]["content"] == "Good day"


def test_bad_json_is_refused_with_the_reason(tmp_path: Path) -> None:
    dataset = kept(tmp_path)
    for text, words in (
        ('{"a"', "not valid JSON"),
        ("[1]", "not a JSON object"),
        ('{"prompt": ""}', "cannot be taken"),
    ):
        with pytest.raises(RefusedError, match=words):
            act("edit-row", dataset, position="0", json=text)
    after = opened(act("edit-row", dataset, position="0", json='{"prompt": "a", "completion": "b"}'))
    assert after.operation is not None
    assert after.operation["values"] == {"prompt": "a", "completion": "b"}


def test_a_long_row_is_edited_elsewhere(tmp_path: Path) -> None:
    dataset = kept(tmp_path, [{"text": "a" * (edit.LONGEST_EDITED + 1)}], "text")
    assert "too long" in edit.html_of(dataset, {})


def test_a_chat_is_kept_for_training_with_its_system_prompt(toasts: list[str]) -> None:
    talk = chat.new_chat()
    chat_page.keep_tuned(talk.id, "Good ones")
    chat.ask(talk.id, "Hello")
    with db.session() as session:
        session.add(Message(chat_id=talk.id, side="base", content="Hi", system="Be kind."))
    chat_page.keep_base(talk.id, "Good ones")
    assert "no finished answer" in toasts[0]
    assert toasts[1] == "The chat is kept in the dataset Good ones, version 1."
    with db.reading() as session:
        (dataset,) = stored_datasets.recent(session)
    assert datasets.rows(made(dataset).id)[0]["messages"][0] == turn("system", "Be kind.")


def test_the_tabs_are_there_and_editing_is_reached_by_a_link_only() -> None:
    all_tabs: Mapping[str, tabs.Tab] = tabs.TABS
    assert {"shape", "versions", "export"} <= {name for name, tab in all_tabs.items() if tab.listed}
    assert not all_tabs["edit"].listed
