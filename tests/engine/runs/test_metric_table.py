"""Every point of a run as CSV."""

import csv
from io import StringIO

import pytest

from engine.errors import NotFoundError
from engine.runs import curves, metric_table
from storage import db, runs
from storage.tables import Dataset, Model, Run


@pytest.fixture(autouse=True)
def run(home: object) -> None:
    with db.session() as session:
        session.add(Model(id="m1", source="path", source_id="x", name="m"))
        session.add(Dataset(id="d1", project_id="default", name="d"))
        session.flush()
        session.add(Run(id="r1", project_id="default", name="r", model_id="m1", dataset_id="d1", recipe={}))
        runs.add_metrics(session, [("r1", "loss", step, step / 7) for step in range(1, 12_001)])
        runs.add_metrics(session, [("r1", "eval_loss", step, 1.0) for step in (100, 12_000, 12_050)])


def table(*names: str) -> list[list[str]]:
    text = "".join(metric_table.csv_lines("r1", metric_table.names_of("r1", names)))
    return list(csv.reader(StringIO(text)))


def test_no_point_is_left_out_and_no_digit_lost() -> None:
    rows = table()
    assert rows[0] == ["step", "eval_loss", "loss"]
    assert len(rows) == 12_002
    assert rows[100] == ["100", "1.0", str(100 / 7)]
    assert rows[101] == ["101", "", str(101 / 7)]
    assert rows[-1] == ["12050", "1.0", ""]
    assert [float(loss) for _, _, loss in rows[1:12_001]] == [step / 7 for step in range(1, 12_001)]


def test_only_the_named_metrics_in_their_order() -> None:
    assert table("loss", "eval_loss")[0] == ["step", "loss", "eval_loss"]
    assert table("eval_loss", "eval_loss")[:2] == [["step", "eval_loss"], ["100", "1.0"]]
    with pytest.raises(NotFoundError, match="no metric `los`") as refused:
        table("los")
    assert refused.value.hint == "It has: eval_loss, loss."


def test_a_spreadsheet_calculates_nothing_from_a_name() -> None:
    with db.session() as session:
        runs.add_metrics(session, [("r1", '=HYPERLINK("x")', 1, 2.0)])
    assert table('=HYPERLINK("x")')[0] == ["step", '\'=HYPERLINK("x")']


def test_a_long_curve_is_read_in_parts() -> None:
    assert list(curves.every_point("r1", "loss")) == [(step, step / 7) for step in range(1, 12_001)]
    assert list(curves.every_point("r1", "nothing")) == []


def test_names_are_found_without_reading_the_points() -> None:
    with db.reading() as session:
        sqlite = session.connection().connection.driver_connection
        assert sqlite
        work: list[int] = []
        sqlite.set_progress_handler(lambda: work.append(1), 100)
        assert list(runs.metric_names(session, "r1")) == ["eval_loss", "loss"]
        sqlite.set_progress_handler(None, 0)
        assert list(runs.metric_names(session, "gone")) == []
    assert len(work) < 10, "12,000 points were not looked at"
