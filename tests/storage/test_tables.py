"""The schema: what the migrations build is what the tables say."""

import json
import os
import sqlite3
import subprocess
import sys
import threading
import unicodedata
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import JSON, Boolean, Connection, Float, Integer, MetaData, Numeric, event, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.types import TypeEngine
from sqlmodel import SQLModel, create_engine

from storage import counts, datasets, db, runs, transitions
from storage.lists import models as listed_models
from storage.migrations import blank, migrate, schema
from storage.run_lists import wanted
from storage.statuses import DatasetStatus, ModelStatus, RunStatus
from storage.tables import Dataset, Model, Project, Run, RunFacts


def make_run(run_id: str = "r1") -> None:
    with db.session() as session:
        session.add(Model(id="m1", source="path", source_id="x", name="m"))
        session.add(Dataset(id="d1", project_id="default", name="d"))
        session.flush()
        session.add(Run(id=run_id, project_id="default", name="r", model_id="m1", dataset_id="d1", recipe={}))


def test_the_migrations_build_exactly_the_tables() -> None:
    with db.reading() as session:
        context = MigrationContext.configure(session.connection(), opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_a_prepared_database_and_a_new_one_are_current_without_asking_alembic(home: Path) -> None:
    code = "import sys; from storage import db; db.prepare(); print('alembic' in sys.modules)"
    processes = [
        subprocess.run([sys.executable, "-c", code], env=os.environ | {"TUNESMITH_HOME": str(folder)}, stdout=PIPE)
        for folder in (home, home / "new")
    ]
    is_old = f"VALUES('{schema.newest()}')" not in blank.FILE.read_text(encoding="utf-8")
    assert [finished.stdout.decode().strip() for finished in processes] == ["False", str(is_old)]


def test_the_newest_migration_is_alembics_own_and_where_an_upgrade_ends(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'other.db'}")
    assert not schema.is_current(engine)
    migrate.upgrade(engine)
    assert schema.is_current(engine)
    heads = ScriptDirectory.from_config(migrate.alembic_config()).get_heads()
    assert heads == [schema.newest()]


def test_every_migration_goes_up_and_down(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'other.db'}")
    migrate.upgrade(engine)
    config = migrate.alembic_config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    assert schema.revision(engine) is None


def test_a_status_moves_only_from_where_it_was_and_leaves_a_line_in_the_log() -> None:
    make_run()
    with db.session() as session:
        run = runs.get(session, "r1")
        assert run
        assert transitions.move_run(session, run, RunStatus.QUEUED, RunStatus.STARTING, "slot free")
        assert not transitions.move_run(session, run, RunStatus.QUEUED, RunStatus.STARTING)
        assert [(entry.before, entry.after, entry.reason) for entry in transitions.log(session, "r1")] == [
            ("queued", "starting", "slot free")
        ]


def test_an_older_attempt_cannot_move_the_run() -> None:
    make_run()
    with db.session() as session:
        run = runs.get(session, "r1")
        assert run
        session.expunge(run)
        run.attempt = 2
        assert not transitions.move_run(session, run, RunStatus.QUEUED, RunStatus.STARTING)


def test_metrics_written_twice_are_there_once() -> None:
    make_run()
    with db.session() as session:
        runs.add_metrics(session, [("r1", "loss", 1, 2.0), ("r1", "loss", 2, 1.5)])
        runs.add_metrics(session, [("r1", "loss", 2, 1.25)])
        runs.add_metrics(session, [])
        assert runs.curve(session, "r1", "loss") == [(1, 2.0), (2, 1.25)]
        assert runs.curve(session, "r1", "loss", first=2) == [(2, 1.25)]
        assert runs.metric_names(session, "r1") == ["loss"]


def test_writers_at_the_same_time_lose_no_update() -> None:
    make_run()

    def add() -> None:
        for _ in range(40):
            with db.session() as session:
                run = runs.get(session, "r1")
                assert run
                run.step += 1

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with db.reading() as session:
        run = runs.get(session, "r1")
        assert run
        assert run.step == 160


def test_a_block_that_raises_writes_nothing() -> None:
    with pytest.raises(sqlite3.Error), db.session() as session:  # noqa: PT012
        session.add(Model(id="m9", source="path", source_id="x", name="m"))
        session.flush()
        raise sqlite3.OperationalError("disk full")
    with db.reading() as session:
        assert session.get(Model, "m9") is None


def add_datasets(*rows: Dataset) -> None:
    with db.session() as session:
        session.add_all(rows)


def test_versions_made_at_the_same_time_have_each_its_own_number() -> None:
    add_datasets(Dataset(id="d1", project_id="default", name="d"))
    together = threading.Barrier(6)

    def add() -> None:
        together.wait(60)
        with db.session() as session:
            version = datasets.next_version(session, "d1")
            session.add(Dataset(project_id="default", name="d", family_id="d1", version=version))

    threads = [threading.Thread(target=add) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with db.reading() as session:
        assert [dataset.version for dataset in datasets.family(session, "d1")] == [7, 6, 5, 4, 3, 2, 1]


def test_a_family_cannot_have_two_versions_with_the_same_number() -> None:
    add_datasets(Dataset(id="d1", project_id="default", name="d"))
    with pytest.raises(IntegrityError):
        add_datasets(Dataset(id="d2", project_id="default", name="d", family_id="d1", version=1))


def _some(kind: TypeEngine[Any]) -> Any:
    return {} if isinstance(kind, JSON) else 1 if isinstance(kind, Numeric | Float | Integer | Boolean) else "x"


def fill(connection: Connection) -> set[str]:
    """A row in every table, each pointing to the others; the tables' names."""
    there = MetaData()
    there.reflect(connection)
    tables = [table for table in there.sorted_tables if table.name != "alembic_version"]
    for table in tables:
        needed = [one for one in table.columns if one.foreign_keys or not (one.nullable or one.server_default)]
        values = {column.name: _some(column.type) for column in needed}
        connection.execute(table.insert().values(values))
    return {table.name for table in tables}


@pytest.mark.parametrize("start", ["0001", "0012"])
def test_a_migration_loses_no_row(start: str, tmp_path: Path) -> None:
    """SQLite makes a table anew for some changes; rows that point to it must not go with the old one."""
    engine = create_engine(f"sqlite:///{tmp_path / 'other.db'}")
    event.listen(engine, "connect", lambda driver, _record: driver.execute("PRAGMA foreign_keys=ON"))
    config = migrate.alembic_config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, start)
        tables = fill(connection)
    migrate.upgrade(engine)
    with engine.connect() as connection:
        counted = {name: connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar() for name in tables}
        assert counted == dict.fromkeys(tables, 1)
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_versions_with_the_same_number_in_an_older_database_are_renumbered(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'other.db'}")
    config = migrate.alembic_config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        connection.exec_driver_sql("INSERT INTO project (id, name, archived, created_at) VALUES ('p', 'p', 0, 0)")
        columns = "id, family_id, version, created_at, project_id, name, status, source, source_name, rows, accepted, "
        columns += "repaired, rejected, size_bytes, attempt, events_offset"
        for values in ("'a', 'a', 1, 1.0", "'b', 'a', 3, 2.0", "'d', 'a', 3, 4.0", "'c', 'a', 3, 3.0",
                       "'e', 'a', 4, 5.0", "'f', 'a', 9, 6.0", "'other', 'other', 1, 9.0"):  # fmt: skip
            other_values = "'p', 'n', 'ready', 'upload', '', 0, 0, 0, 0, 0, 1, 0"
            connection.exec_driver_sql(f"INSERT INTO dataset ({columns}) VALUES ({values}, {other_values})")
    migrate.upgrade(engine)
    with engine.connect() as connection:
        stored = connection.exec_driver_sql("SELECT id, version FROM dataset ORDER BY family_id, version").all()
    assert stored == [("a", 1), ("b", 3), ("c", 4), ("d", 5), ("e", 6), ("f", 9), ("other", 1)]


def test_names_that_came_from_a_mac_are_found_after_the_upgrade(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'other.db'}")
    config, pieces = migrate.alembic_config(), unicodedata.normalize("NFD", "한국어 질문")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0023")
        fill(connection)
        for table in ("dataset", "run", "model", "sweep"):
            connection.exec_driver_sql(f"UPDATE {table} SET name = ?", (pieces,))
    migrate.upgrade(engine)
    with engine.connect() as connection:
        for table in ("dataset", "run", "model", "sweep"):
            names = set(connection.exec_driver_sql(f"SELECT name FROM {table}").scalars())
            assert names == {unicodedata.normalize("NFC", pieces)}, table


def test_two_sweeps_whose_names_look_alike_keep_them_in_the_upgrade(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'other.db'}")
    config, names = migrate.alembic_config(), {unicodedata.normalize(form, "질문") for form in ("NFC", "NFD")}
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0023")
        fill(connection)
        columns = [
            row[1] for row in connection.exec_driver_sql("PRAGMA table_info(sweep)") if row[1] not in ("id", "name")
        ]
        kept = ", ".join(f'"{column}"' for column in columns)
        copy = f"INSERT INTO sweep (id, name, {kept}) SELECT 'other', ?, {kept} FROM sweep LIMIT 1"
        first, second = sorted(names)
        connection.exec_driver_sql(copy, (first,))
        connection.exec_driver_sql("UPDATE sweep SET name = ? WHERE id != 'other'", (second,))
    migrate.upgrade(engine)
    with engine.connect() as connection:
        assert set(connection.exec_driver_sql("SELECT name FROM sweep").scalars()) == names


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_lists_are_searched_in_korean_however_it_is_typed(form: Any) -> None:
    make_run()
    with db.session() as session:
        for row in (session.get_one(Dataset, "d1"), session.get_one(Model, "m1"), session.get_one(Run, "r1")):
            row.name = "한국어 질문"
    words = unicodedata.normalize(form, "국어 질")
    with db.reading() as session:
        assert wanted.count(session, wanted.Wanted("default", search=words)) == 1
        assert datasets.count_newest(session, "default", words.split()[1]) == 1
        assert len(listed_models.page(session, listed_models.Filters(words), 10)) == 1


def test_a_list_of_datasets_shows_the_newest_version_of_each() -> None:
    with db.session() as session:
        session.add(Dataset(id="d1", project_id="default", name="first"))
        session.add(Dataset(id="other", project_id="default", name="other"))
        session.flush()
        session.add(Dataset(id="d2", project_id="default", name="first", family_id="d1", version=2, created_at=1.0))
    with db.reading() as session:
        assert {dataset.id for dataset in datasets.newest(session, "default")} == {"d2", "other"}
        assert [version.id for version in datasets.family(session, "d1")] == ["d2", "d1"]
        assert [dataset.id for dataset in datasets.newest(session, "nobody")] == []


def test_facts_of_another_version_are_kept_as_they_are_when_new_ones_come() -> None:
    make_run()
    foreign = {
        "versions": {"torch": "1"},
        "rows": "twelve",
        "resumed_from_step": None,
        "pace": [5, 1.5],
        "notes": ["a"],
    }
    with db.session() as session:
        session.connection().execute(text("UPDATE run SET facts = :facts"), {"facts": json.dumps(foreign)})
    with db.session() as session:
        run = session.get_one(Run, "r1")
        assert (run.facts.pace, run.facts.notes, run.facts.ending) == ((5, 1.5), ["a"], None)
        run.facts = run.facts.merged(RunFacts(pace=None, stage="saving"))
    with db.reading() as session:
        [[stored]] = session.connection().execute(text("SELECT facts FROM run"))
    assert json.loads(stored) == foreign | {"pace": None, "stage": "saving"}


def test_the_start_pages_counts_are_those_of_each_list() -> None:
    with db.session() as session:
        session.add(Project(id="other", name="Other"))
        session.add_all(
            [Model(id=f"m{number}", name="m", source="path", source_id=f"/{number}") for number in range(3)]
        )
        session.flush()
        added = [("default", "a", "a", 1), ("default", "b", "b", 1), ("default", "b2", "b", 2), ("other", "c", "c", 1)]
        for project, dataset, family, version in added:
            session.add(Dataset(id=dataset, project_id=project, name="d", family_id=family, version=version))
        session.flush()
        session.add(Model(id="torn", name="torn", source="hub", source_id="o/torn", status=ModelStatus.FAILED))
        torn = Dataset(id="torn", project_id="default", name="torn", family_id="torn", status=DatasetStatus.FAILED)
        session.add(torn)  # a failed one is nothing to work with
        for run_id in ("r1", "r2"):
            session.add(Run(id=run_id, project_id="other", name="r", model_id="m0", dataset_id="c", recipe={}))
    for project, expected in (("default", (3, 2, 0, 0)), ("other", (3, 1, 2, 2)), ("gone", (3, 0, 0, 0))):
        with db.reading() as session:
            found = counts.of_project(session, project)
            assert found == expected
            assert found.runs == runs.count(session, project) == len(runs.listed(session, project, 10))


def test_what_could_not_be_fetched_or_imported_does_not_count_on_the_start_page() -> None:
    with db.session() as session:
        states = (ModelStatus.READY, ModelStatus.FAILED)
        session.add_all([Model(id=state, name="m", source="hub", source_id=state, status=state) for state in states])
        for dataset, family, version, status in (
            ("a", "a", 1, DatasetStatus.FAILED),
            ("b", "b", 1, DatasetStatus.READY),
            ("b2", "b", 2, DatasetStatus.FAILED),  # the version before it is there
        ):
            session.add(
                Dataset(id=dataset, project_id="default", name="d", family_id=family, version=version, status=status)
            )
    with db.reading() as session:
        assert counts.of_project(session, "default") == (1, 1, 0, 0)


def test_a_blank_database_is_laid_out_as_the_migrations_leave_it(tmp_path: Path) -> None:
    """An older copy as well: what came after it runs then. `python -m storage.migrations.blank` writes it anew."""
    file = tmp_path / "blank.db"
    engine = create_engine(f"sqlite:///{file}")
    blank.lay_out(engine)
    assert schema.revision(engine) in {path.name.partition("_")[0] for path in schema.VERSIONS.glob("[0-9]*_*.py")}
    migrate.upgrade(engine)
    with sqlite3.connect(file) as connection:
        assert _lines(blank.dump(connection)) == _lines(blank.statements())
        connection.execute("DELETE FROM alembic_version")
    blank.lay_out(engine)  # it is not blank any more
    assert schema.revision(engine) is None


def _lines(statements: list[str]) -> list[list[str]]:
    """Without the order of a table's lines: Alembic writes the foreign keys of a table made anew in any order."""
    return sorted(sorted(line.strip().rstrip(",") for line in text.splitlines()) for text in statements)
