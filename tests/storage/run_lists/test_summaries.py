"""Metrics in short are what the points say, however they come."""

import pytest

from storage import db, runs
from storage.run_lists import summaries
from storage.tables import MetricSummary
from tests import stored_runs


def shorts(run_id: str) -> dict[str, tuple[float, int, float, int, float, int]]:
    with db.reading() as session:
        return {
            row.name: (row.last, row.last_step, row.least, row.least_step, row.greatest, row.greatest_step)
            for row in runs.summaries(session, [run_id])
        }


def test_points_that_follow_each_other_are_summed_up() -> None:
    run_id = stored_runs.add()
    stored_runs.add_points(run_id, "loss", [3.0, 1.0])
    stored_runs.add_points(run_id, "loss", [2.0, 1.0, 5.0], first=3)
    assert shorts(run_id) == {"loss": (5.0, 5, 1.0, 2, 5.0, 5)}


def test_points_that_replace_others_after_a_resume_are_summed_up_anew() -> None:
    run_id = stored_runs.add()
    stored_runs.add_points(run_id, "loss", [3.0, 0.5, 2.0])
    stored_runs.add_points(run_id, "loss", [1.0], first=2)
    assert shorts(run_id) == {"loss": (2.0, 3, 1.0, 2, 3.0, 1)}


def test_infinity_is_a_value() -> None:
    run_id = stored_runs.add()
    stored_runs.add_points(run_id, "grad_norm", [float("inf"), 1.0])
    assert shorts(run_id) == {"grad_norm": (1.0, 2, 1.0, 2, float("inf"), 1)}


@pytest.mark.parametrize("count", [0, 1, 3])
def test_the_names_of_all_metrics_are_known(count: int) -> None:
    for number in range(count):
        stored_runs.add_points(stored_runs.add(), f"m{2 - number}", [1.0])
        stored_runs.add_points(stored_runs.add(), f"m{2 - number}", [1.0])
    with db.reading() as session:
        assert summaries.names(session) == sorted(f"m{2 - number}" for number in range(count))


def test_a_run_takes_its_metrics_in_short_along() -> None:
    run_id = stored_runs.add()
    stored_runs.add_points(run_id, "loss", [1.0])
    with db.session() as session:
        run = runs.get(session, run_id)
        assert run
        runs.delete_with_metrics(session, run)
    with db.reading() as session:
        assert session.get(MetricSummary, ("loss", run_id)) is None
