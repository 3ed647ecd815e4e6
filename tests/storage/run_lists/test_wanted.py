"""Which runs a list shows, in which order, and how little of the database it reads for that."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, insert, text

from storage import db, runs
from storage.home import database_file
from storage.run_lists import summaries, wanted
from storage.run_lists.wanted import NEVER_EMPTY, ORDERS, Order, Wanted
from storage.statuses import RunStatus
from storage.tables import Run, Sweep
from tests import stored_runs

MANY = 10_000
P = "default"
NOTED = "run_1 USING INDEX ix_run_noted"  # the runs that carry a note, which are few


def names(asked: Wanted, limit: int = 50, offset: int = 0) -> list[str]:
    with db.reading() as session:
        shown = wanted.page(session, asked, limit, offset)
        assert wanted.count(session, asked) >= len(shown)
        return [run.name for run in shown]


def test_lists_are_filtered() -> None:
    stored_runs.add("sums", tags=["math", "a b"], created_at=10.0, note="Forgot *Paris*.")
    stored_runs.add("jokes 1", RunStatus.FAILED, recipe={"method": "dpo"}, created_at=20.0, favourite=True)
    stored_runs.add("jokes 100%_", archived=True, created_at=30.0)
    for asked, found in (
        (Wanted(P), ["jokes 100%_", "jokes 1", "sums"]),
        (Wanted("other"), []),
        (Wanted(P, search="JOKES 1"), ["jokes 100%_", "jokes 1"]),
        (Wanted(P, search="%_"), ["jokes 100%_"]),
        (Wanted(P, search="math paris"), ["sums"]),
        (Wanted(P, search="mat su"), ["sums"]),
        (Wanted(P, statuses=(RunStatus.FAILED, RunStatus.STOPPED)), ["jokes 1"]),
        (Wanted(P, method="dpo"), ["jokes 1"]),
        (Wanted(P, model_id="m2"), []),
        (Wanted(P, dataset_id="d1", archived=False), ["jokes 1", "sums"]),
        (Wanted(P, tag="a b"), ["sums"]),
        (Wanted(P, tag="a"), []),
        (Wanted(P, since=20.0, until=30.0), ["jokes 1"]),
        (Wanted(P, favourite=True), ["jokes 1"]),
        (Wanted(P, archived=True), ["jokes 100%_"]),
    ):
        assert names(asked) == found, asked


@pytest.mark.parametrize("tag", ['say "hi"', "back\\slash", "100%", "a_b", "ümlaut", "שלום", "${x}", "<b>", "'"])
def test_a_tag_is_found_as_it_was_written_and_no_other(tag: str) -> None:
    stored_runs.add("it", tags=["first", tag])
    stored_runs.add("other", tags=["axb", "100 things"])
    assert names(Wanted(P, tag=tag)) == ["it"]


def test_runs_are_sorted_by_every_field_with_those_without_a_value_last() -> None:
    stored_runs.add("a", loss=1.0, started_at=0.0, ended_at=5.0, step=3, tokens_per_second=7.0, created_at=1.0)
    stored_runs.add("b", loss=2.0, started_at=1.0, ended_at=9.0, step=4, tokens_per_second=9.0, created_at=2.0)
    stored_runs.add("c", created_at=3.0)
    for key in ORDERS:
        up, down = names(Wanted(P, order=Order(key, False))), names(Wanted(P, order=Order(key, True)))
        assert sorted(up) == sorted(down) == ["a", "b", "c"]
        if key not in NEVER_EMPTY and key not in ("model", "dataset"):
            assert (up, down) == (["a", "b", "c"], ["b", "a", "c"]), key


def test_runs_are_sorted_by_a_metric_its_last_or_its_best() -> None:
    for name, values in (("a", [1.0, 5.0]), ("b", [2.0, 3.0])):
        stored_runs.add_points(stored_runs.add(name), "eval_loss", values)
    stored_runs.add("without")
    for which, found in (("last", ["b", "a", "without"]), ("least", ["a", "b", "without"])):
        order = Order(descending=False, metric="eval_loss", which=which)  # type: ignore[arg-type]
        assert names(Wanted(P, order=order)) == found


def test_runs_of_the_same_value_are_on_one_page_each() -> None:
    every = {stored_runs.add(f"run {number}", created_at=1.0) for number in range(7)}
    with db.reading() as session:
        pages = [wanted.ids(session, Wanted(P, order=Order("name")), 3, offset) for offset in (0, 3, 6)]
        newest = [wanted.ids(session, Wanted(P), 3, offset) for offset in (0, 3, 6)]
    assert {one for page in pages for one in page} == {one for page in newest for one in page} == every


def test_what_can_be_chosen_is_what_the_project_has() -> None:
    stored_runs.add(tags=["b", "a"])
    stored_runs.add(recipe={"method": "dpo"}, tags=["c"])
    with db.reading() as session:
        found = wanted.choices(session, P)
        assert wanted.choices(session, "other") == wanted.Choices([], [], [], [])
    assert found == wanted.Choices(["dpo", "sft"], [("m1", "tiny")], [("d1", "rows")], ["a", "b", "c"])


def test_of_each_sweep_its_newest_trial_that_the_list_has_stands_for_all() -> None:
    alone = stored_runs.add("alone", created_at=1.0)
    trials = [stored_runs.add(f"trial {number}", created_at=2.0 + number, sweep_id="s1") for number in range(4)]
    stored_runs.add("of another", created_at=9.0, sweep_id="gone")  # a sweep that nobody knows: not shown in its place
    with db.session() as session:
        session.add(Sweep(id="s1", project_id=P, name="rates", spec={}))
        session.get_one(Run, trials[3]).archived = True
    with db.reading() as session:
        assert wanted.ids(session, Wanted(P, archived=False, grouped=True), 9) == [trials[2], alone]
        assert wanted.count(session, Wanted(P, archived=False, grouped=True)) == 2
        assert wanted.ids(session, Wanted(P, archived=True, grouped=True), 9) == [trials[3]]
        assert wanted.ids(session, Wanted(P, sweep_id="s1"), 9) == trials[::-1]
        assert wanted.choices(session, P).sweeps == [("s1", "rates")]


# With 10,000 runs


@pytest.fixture(scope="module")
def database_of_many(blank_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once: to write it takes longer than all that is asked of it."""
    folder = tmp_path_factory.mktemp("many")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUNESMITH_HOME", str(folder))
        shutil.copy(blank_database, database_file())
        _fill()
        db.forget()
        return database_file()


@pytest.fixture
def many(database_of_many: Path) -> None:
    db.forget()
    shutil.copy(database_of_many, database_file())


def _fill() -> None:
    stored_runs.add("first", created_at=0.0)
    recipe = {"method": "sft", "text": "x" * 4000}  # so that a row does not fit into one page of the database
    rows = [
        {"id": f"{number:012x}", "project_id": P, "name": f"run {number}", "model_id": "m1", "dataset_id": "d1",
         "recipe": recipe, "status": "succeeded", "method": "sft", "tags": ["tag"] if number % 10 == 0 else [],
         "created_at": float(number), "facts": {}, "loss": float(number * 7919 % 10007)}
        for number in range(1, MANY)
    ]  # fmt: skip
    with db.session() as session:
        session.connection().execute(insert(Run), rows)
        runs.add_metrics(session, [(str(row["id"]), "eval_loss", 1, 1.0) for row in rows[:2000]])


@pytest.fixture
def asked() -> Iterator[list[tuple[str, Any]]]:
    """The statements that are sent to the database."""
    sent: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if not statement.startswith("EXPLAIN"):
            sent.append((statement, values))

    event.listen(Engine, "before_cursor_execute", note)
    yield sent
    event.remove(Engine, "before_cursor_execute", note)


LISTS: dict[str, Wanted] = {
    "newest": Wanted(P, archived=False),
    "grouped": Wanted(P, archived=False, grouped=True),
    "search": Wanted(P, search="9", archived=False),
    "tag": Wanted(P, tag="tag", archived=False),
    "name": Wanted(P, archived=False, order=Order("name", False)),
    "loss": Wanted(P, archived=False, order=Order("loss")),
    "seconds": Wanted(P, archived=False, order=Order("seconds")),
    "metric": Wanted(P, archived=False, order=Order(metric="eval_loss", which="least", descending=False)),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_page_of_many_runs_takes_two_statements_that_read_the_index_alone_and_the_rows_shown(
    many: None, asked: list[tuple[str, Any]], name: str
) -> None:
    with db.reading() as session:
        shown = wanted.page(session, LISTS[name], 50, 100)
        assert wanted.count(session, LISTS[name]) > 900
        assert len(shown) == 50
        (page, page_values), (rows, row_values), (count, count_values) = (one for one in asked if one[0] != "BEGIN")
        for statement, values in ((page, page_values), (count, count_values)):
            plan = [line for line in _plan(session, statement, values) if NOTED not in line]
            assert any("COVERING INDEX ix_run_list" in line for line in plan), plan
            assert not any("SCAN run" in line or "run USING INDEX" in line for line in plan), plan
        assert "recipe" not in rows
        assert any("sqlite_autoindex_run_1 (id=?)" in line for line in _plan(session, rows, row_values))


def _plan(session: Any, statement: str, values: Any) -> list[str]:
    lines = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
    return [line[3] for line in lines]


def _instructions(act: Callable[[Any], object]) -> int:
    """How many instructions SQLite's machine takes for it, in hundreds: what it reads, on any machine the same."""
    with db.reading() as session:
        driver = session.connection().connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        counted = 0

        def count() -> None:
            nonlocal counted
            counted += 1

        driver.set_progress_handler(count, 100)
        act(session)
        driver.set_progress_handler(None, 0)
    return counted


def test_the_newest_of_many_are_found_without_looking_at_the_others(many: None) -> None:
    newest = _instructions(lambda session: wanted.page(session, LISTS["newest"], 50))
    assert newest < 60  # 50 rows of the index and 50 runs: some thousand instructions
    by_name = _instructions(lambda session: wanted.page(session, LISTS["name"], 50))
    assert by_name < 20 * MANY / 100


def test_the_names_of_metrics_of_many_runs_cost_a_look_each(many: None) -> None:
    assert _instructions(summaries.names) < 5


def test_statistics_of_the_database_do_not_change_how_lists_are_read(many: None) -> None:
    with db.session() as session:
        session.connection().execute(text("ANALYZE"))
    assert _instructions(lambda session: wanted.page(session, LISTS["newest"], 50)) < 60
