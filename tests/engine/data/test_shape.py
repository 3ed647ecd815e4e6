"""Datasets made from datasets, through the real worker: versions, families, lineage, differences, refusals."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from engine.chat import chat
from engine.chat import rows as chat_rows
from engine.data import datasets, importing, lineage, shape
from engine.errors import ConflictError, NotFoundError, RefusedError
from engine.process import work
from engine.rows.health import position_file
from engine.rows.shape import diff
from engine.rows.shape import operation as shaping
from engine.rows.store import columnar
from storage import db, home
from storage.statuses import DatasetStatus
from storage.tables import Dataset, Message
from tests.engine.rows.shapes import pairs, parent, turn, write
from tests.waiting import wait_for

ROWS = [{"prompt": f"What is {n}?", "completion": f"It is {n}.", "extra": {"part": "ab"[n % 2]}} for n in range(20)]


def kept(folder: Path, rows: list[dict[str, Any]] = ROWS, kind: Any = "completion", name: str = "Questions") -> Dataset:
    """A dataset with these rows, as an import leaves it."""
    path = write(folder / "made.parquet", kind, rows)
    sha256 = columnar.sha256_of(path)
    path.replace(home.ensure_folder(home.blobs()) / f"{sha256}.parquet")
    dataset = Dataset(project_id="default", name=name, kind=kind, sha256=sha256, status=DatasetStatus.READY)
    dataset.rows = dataset.accepted = len(rows)
    with db.session() as session:
        session.add(dataset)
    return dataset


def settled(dataset: Dataset) -> Dataset:
    def ended() -> Dataset | None:
        importing.tick()
        current = datasets.look_up(dataset.id)
        return current if current.status != DatasetStatus.IMPORTING else None

    ended_dataset = wait_for(ended, 40)
    assert ended_dataset is not None
    return ended_dataset


def made(dataset: Dataset) -> Dataset:
    settled_dataset = settled(dataset)
    assert settled_dataset.status == DatasetStatus.READY, settled_dataset.error
    return settled_dataset


def test_changes_and_a_mapping_at_the_same_time_make_versions_with_numbers_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(f'{{"question": "What is {n}?", "answer": "It is {n}."}}\n' for n in range(20)))
    first = made(datasets.import_file(file, "Questions"))
    mapping = {"kind": "completion", "parts": {"prompt": "question", "completion": "answer"}}
    acts: list[Callable[[], object]] = [lambda: datasets.import_again(first.id, mapping)]
    acts += [lambda: shape.change(first.id, {"op": "shuffle"})] * 2
    with ThreadPoolExecutor(len(acts)) as pool:
        for future in [pool.submit(act) for act in acts]:
            future.result()
    versions = lineage.versions(first.id)
    assert [dataset.version for dataset in versions] == [4, 3, 2, 1]
    for dataset in versions:
        datasets.cancel_import(dataset.id)


def test_a_change_makes_the_next_version_and_leaves_the_one_before_as_it_is(tmp_path: Path) -> None:
    first = kept(tmp_path)
    second = made(shape.edit_row(first.id, 3, {"prompt": "Why?", "completion": "So."}))
    assert (second.name, second.version, second.family_id, second.parents) == ("Questions", 2, first.id, [first.id])
    assert (second.kind, second.rows, second.accepted, second.rejected) == ("completion", 20, 20, 0)
    assert datasets.rows(second.id, 3, 1) == [{"prompt": "Why?", "completion": "So.", "extra": {"part": "b"}, "row": 4}]
    assert datasets.rows(first.id, 3, 1)[0]["prompt"] == "What is 3?"
    third = shape.drop_rows(second.id, [0, 1], "they are wrong")
    assert third.version == 3
    assert [version.version for version in lineage.versions(first.id)] == [3, 2, 1]
    third = made(third)
    assert third.train_rows == 18
    assert lineage.difference_in_rows(third, [second]) == "\u22122 rows"
    assert lineage.difference_in_rows(second, [first]) == "1 changed"
    assert lineage.words(third) == "dropped 2 rows: they are wrong"

    tree = lineage.lineage(third.id)
    assert (tree.version, tree.parents[0].version, tree.parents[0].parents[0].words) == (3, 2, "imported")
    comparison = lineage.diff(first.id, third.id, 0, 10, seconds=30)
    assert (comparison.ready, comparison.changed, comparison.added, comparison.removed) == (True, 1, 0, 2)
    changed_row, removed_rows = comparison.rows[0], comparison.rows[1:]
    assert (changed_row.position, changed_row.before and changed_row.before["prompt"]) == (1, "What is 3?")
    assert changed_row.after is not None
    assert changed_row.after["prompt"] == "Why?"
    assert [row.before and row.before["row"] for row in removed_rows] == [1, 2]
    assert lineage.diff(first.id, third.id, 1, 1).rows == removed_rows[:1]
    datasets.delete_dataset(second.id)
    assert lineage.lineage(third.id).parents[0].name is None


def test_the_sides_of_a_split_are_datasets_of_their_own(tmp_path: Path) -> None:
    dataset = kept(tmp_path)
    train, test = map(made, shape.change(dataset.id, {"op": "split"}))
    assert (train.name, test.name, train.version) == ("Questions train", "Questions test", 1)
    assert train.family_id == train.id
    assert train.parents == test.parents == [dataset.id]
    assert train.train_rows + test.train_rows == 20
    comparison = lineage.diff(train.id, test.id, seconds=30)
    assert (comparison.changed, comparison.added, comparison.removed) == (0, test.train_rows, train.train_rows)
    halves = list(map(made, shape.split_by_column(dataset.id, "part")))
    assert sorted((half.name, half.train_rows) for half in halves) == [("Questions a", 10), ("Questions b", 10)]
    assert shape.columns(dataset) == {"part": ["a", "b"]}


def test_a_merge_a_mix_and_a_sample_begin_families_and_name_their_parents(tmp_path: Path) -> None:
    first, second = kept(tmp_path), kept(tmp_path, [{"prompt": "a", "completion": "b"}], name="More")
    merged, mixed = shape.merge([first.id, second.id]), shape.mix([first.id, second.id], [1, 1], "Mixed", stop="all")
    assert (made(merged).train_rows, merged.name) == (21, "Questions and More")
    assert made(mixed).train_rows > 21
    (small,) = shape.change(first.id, {"op": "sample", "rows": 5})
    assert (made(small).train_rows, small.name, small.version) == (5, "Questions sample", 1)
    assert {ancestor.id for ancestor in lineage.lineage(merged.id).parents} == {first.id, second.id}


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"op": "sample", "rows": 21}, "has 20 rows; 21 were asked for"),
    ({"op": "edit", "position": 20, "values": {"prompt": "a", "completion": "b"}}, "none at position 20"),
    ({"op": "edit", "position": 0, "values": {"prompt": "", "completion": "b"}}, "empty question"),
    ({"op": "edit", "position": 0, "values": {"prompt": "What is 0?", "completion": "It is 0."}}, "is unchanged"),
    ({"op": "add", "rows": [{"prompt": "a", "completion": "b"}, {"text": "c"}]}, "Row 2"),
    ({"op": "add", "rows": [{"prompt": "a", "completion": "b" * (1 << 20)}]}, "longer than"),
    ({"op": "drop", "positions_file": "/etc/passwd"}, "does not belong to the studio"),
    ({"op": "merge"}, "several datasets"),
]


@pytest.mark.parametrize(("operation", "words"), REFUSED)
def test_what_cannot_be_done_is_refused_at_once_and_in_words(
    tmp_path: Path, operation: dict[str, Any], words: str
) -> None:
    dataset = kept(tmp_path)
    with pytest.raises(RefusedError, match=words) as refused:
        shape.change(dataset.id, operation)
    assert refused.value.hint
    assert len(lineage.versions(dataset.id)) == 1


def test_datasets_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    tiny, text = kept(tmp_path, ROWS[:2]), kept(tmp_path, [{"text": "a"}], "text", "Texts")
    halves = {"op": "split", "sides": [{"name": str(n), "share": 0.25} for n in range(4)]}
    with pytest.raises(RefusedError, match="2 rows for 4 sides"):
        shape.change(tiny.id, halves)
    with pytest.raises(RefusedError, match="completion, text"):
        shape.merge([tiny.id, text.id])
    with pytest.raises(RefusedError, match="1 datasets"):
        shape.merge([tiny.id])
    with pytest.raises(RefusedError, match="1 weights for 2"):
        shape.mix([tiny.id, tiny.id], [1])
    with pytest.raises(RefusedError, match="no value in any row"):
        shape.split_by_column(tiny.id, "colour")
    many = kept(tmp_path, [{**row, "extra": {"id": n}} for n, row in enumerate(ROWS * 2)])
    with pytest.raises(RefusedError, match="more than 20 values"):
        shape.split_by_column(many.id, "id")
    with pytest.raises(NotFoundError):
        shape.change("nowhere", {"op": "shuffle"})


def test_no_row_left_is_said_and_a_file_of_positions_is_taken(tmp_path: Path) -> None:
    dataset = kept(tmp_path)
    (nothing,) = shape.change(dataset.id, {"op": "filter", "conditions": [{"test": "contains", "text": "unheard of"}]})
    path = home.ensure_folder(home.folder("work", "1")) / "rows.npy"
    position_file.write(path, np.arange(15))
    assert made(shape.drop_rows(dataset.id, path)).train_rows == 5
    failed = settled(nothing)
    assert (failed.status, failed.error) == ("failed", "No row is left of 20.")
    with pytest.raises(ConflictError):
        shape.change(nothing.id, {"op": "shuffle"})


SYSTEM = {"tuned": "Be kind.", "base": ""}  # what each was told when it answered


def test_a_chat_that_went_well_becomes_a_row_and_the_next_one_a_version(tmp_path: Path) -> None:
    talk = chat.new_chat(title="Greetings")
    with pytest.raises(RefusedError, match="no finished answer"):
        chat_rows.add_from_chat(talk.id, "tuned")
    chat.ask(talk.id, "Hello")
    for side, complete in (("tuned", True), ("base", True)):
        store(Message(chat_id=talk.id, side=side, content=f"Hi from {side}", complete=complete, system=SYSTEM[side]))
    chat.ask(talk.id, "And?")
    store(Message(chat_id=talk.id, side="tuned", content="broken of", complete=False))
    first = made(chat_rows.add_from_chat(talk.id, "tuned"))
    assert (first.name, first.kind, first.train_rows) == ("From chat", "chat", 1)
    (row,) = datasets.rows(first.id)
    assert row["messages"] == [
        turn("system", "Be kind."), turn("user", "Hello"), turn("assistant", "Hi from tuned"),
    ]  # fmt: skip
    second = made(chat_rows.add_from_chat(talk.id, "base"))
    assert (second.family_id, second.version, second.train_rows) == (first.family_id, 2, 2)
    assert "Greetings" in lineage.words(second)


def test_a_chat_waits_for_the_version_before_and_says_so_when_that_takes_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = chat.new_chat()
    chat.ask(talk.id, "Hello")
    store(Message(chat_id=talk.id, side="tuned", content="Hi"))
    busy = kept(tmp_path, ROWS[:1], name="From chat")
    with db.session() as session:
        stored_dataset = session.get(Dataset, busy.id)
        assert stored_dataset is not None
        stored_dataset.status, stored_dataset.kind = DatasetStatus.IMPORTING, None
    monkeypatch.setattr(chat_rows, "WAIT_SECONDS", 0.1)
    with pytest.raises(ConflictError, match="still being made"):
        chat_rows.add_from_chat(talk.id, "tuned")


def store(message: Message) -> None:
    with db.session() as session:
        session.add(message)


def test_a_comparison_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    first, second = kept(tmp_path), kept(tmp_path, ROWS[:3])
    datasets.blob(second).write_bytes(b"not a file of rows")
    with pytest.raises(Exception, match=r"(?i)parquet|magic"):
        lineage.diff(first.id, second.id, seconds=30)
    assert work.latest(second.id, "diff_data")


WORDS = some.lists(some.sampled_from("abcd"), min_size=1, max_size=12)


@settings(max_examples=40, deadline=None)
@given(before=WORDS, after=WORDS)
def test_what_differs_accounts_for_every_row(tmp_path_factory: pytest.TempPathFactory, before: Any, after: Any) -> None:
    folder = tmp_path_factory.mktemp("diff")
    before_parent = parent(folder, "text", [{"text": word} for word in before], "one")
    after_parent = parent(folder, "text", [{"text": word} for word in after], "other")
    difference = diff.compare(before_parent, after_parent, shaping.Workspace(folder))
    unchanged = len(before) - len(difference.removed) - len(difference.changed)
    assert unchanged == len(after) - len(difference.added) - len(difference.changed)
    kept_before = [
        word for place, word in enumerate(before) if place not in {*difference.removed, *difference.changed[:, 0]}
    ]
    kept_after = [
        word for place, word in enumerate(after) if place not in {*difference.added, *difference.changed[:, 1]}
    ]
    assert sorted(kept_before) == sorted(kept_after)


def test_the_order_of_rows_and_where_they_were_merged_from_are_no_difference(tmp_path: Path) -> None:
    original = pairs(tmp_path, 1200)
    rows = columnar.page(original.path, 0, 2000)
    marked = [{**row, "extra": {"from_dataset": "one"}} for row in reversed(rows)]
    difference = diff.compare(original, parent(tmp_path, "completion", marked, "other"), shaping.Workspace(tmp_path))
    assert [len(positions) for positions in difference] == [0, 0, 0]


def test_all_that_was_made_of_a_dataset_holds_the_same_rows_out(tmp_path: Path) -> None:
    first = kept(tmp_path)
    other = kept(tmp_path, [{"prompt": "Who?", "completion": "You.", "extra": {}}], name="Others")
    version = settled(shape.change(first.id, {"op": "shuffle"})[0])
    train, test = map(settled, shape.change(version.id, {"op": "split"}))
    both = settled(shape.merge([train.id, other.id], "Both"))
    again = settled(shape.change(both.id, {"op": "shuffle"})[0])
    assert len({dataset.family_id for dataset in (first, train, test, both)}) == 4
    assert {lineage.root_family(dataset) for dataset in (first, version, train, test, both, again)} == {first.id}
    assert lineage.root_family(other) == other.id
