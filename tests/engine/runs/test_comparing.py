"""Runs beside each other: what differs, and what came out."""

import json
from typing import Any

import pytest
from sqlalchemy import Engine, event
from typer.testing import CliRunner

from app.cli.commands import cli
from engine.errors import NotFoundError, RefusedError
from engine.recipes import metric_directions
from engine.runs import comparing
from storage import db
from storage import runs as stored
from storage.statuses import RunStatus
from storage.tables import Dataset, Model, Run, RunFacts


@pytest.fixture
def two() -> list[str]:
    """Two runs of one model on two versions of a dataset; the second has a higher rate and held-out loss."""
    with db.session() as session:
        session.add(Model(id="m1", name="tiny", source="path", source_id="tiny"))
        session.add(Dataset(id="d1", name="sums", project_id="default", version=1, family_id="d1"))
        session.add(Dataset(id="d2", name="sums", project_id="default", version=2, family_id="d1"))
        session.flush()
        for at, (run_id, dataset, rate) in enumerate((("a", "d1", 2e-4), ("b", "d2", 1e-3))):
            recipe = {"model_id": "m1", "dataset_id": dataset, "method": "sft", "learning_rate": rate}
            run = Run(
                id=run_id, project_id="default", name=f"run {run_id}", model_id="m1", dataset_id=dataset, recipe=recipe
            )
            run.status, run.step, run.max_steps = RunStatus.SUCCEEDED, 3, 3
            used = {"seconds": 60.0, "peaks": {"run_memory_bytes": 2e9}, "gpu_joules": {"gpu0": 1800.0}} if at else None
            run.started_at, run.ended_at, run.facts = 100.0, 160.0 + at, RunFacts(rows=40 + at, machine=used)
            session.add(run)
        session.flush()
        points = [("a", "loss", 1, 2.0), ("a", "loss", 2, 0.5), ("a", "loss", 3, 0.5), ("a", "learning_rate", 3, 0.0)]
        points += [("b", "loss", 1, 2.0), ("b", "loss", 2, 0.75), ("b", "loss", 3, 1.0), ("b", "eval_loss", 3, 1.5)]
        points += [
            ("b", "rewards/margins", 1, 0.25),
            ("b", "rewards/margins", 2, 0.5),
            ("b", "rewards/margins", 3, 0.1),
        ]
        stored.add_metrics(session, points)
    return ["a", "b"]


def test_runs_show_what_differs_and_what_came_out_in_the_order_they_are_named(two: list[str]) -> None:
    comparison = comparing.compare(["b", "a", "b"])
    assert [(run.id, run.dataset_version, run.rows, run.seconds) for run in comparison.runs] == [
        ("b", 2, 41, 61.0),
        ("a", 1, 40, 60.0),
    ]
    assert [(run.memory_bytes, run.energy_wh) for run in comparison.runs] == [(2e9, 0.5), (None, None)]
    assert [(one.field, one.values) for one in comparison.recipe] == [
        ("dataset_id", {"b": "d2", "a": "d1"}),
        ("learning_rate", {"b": 1e-3, "a": 2e-4}),
    ]
    loss = comparison.metrics["loss"]
    assert loss["a"] == comparing.Came(last=0.5, last_step=3, best=0.5, best_step=2)
    assert loss["b"] == comparing.Came(last=1.0, last_step=3, best=0.75, best_step=2)
    assert comparison.metrics["learning_rate"] == {"a": comparing.Came(0.0, 3, None, None)}
    assert comparison.metrics["rewards/margins"]["b"] == comparing.Came(0.1, 3, 0.5, 2)
    assert comparing.winner(loss, "loss") == "a"
    assert comparing.winner(comparison.metrics["eval_loss"], "eval_loss") is None, "one run alone wins nothing"


def test_directions_are_known_by_name_and_claimed_for_nothing_else() -> None:
    directions = {
        name: metric_directions.of(name)
        for name in ("eval_loss", "eval_reward", "rewards/python/mean", "mean_token_accuracy", "grad_norm", "entropy")
    }
    assert directions == {
        "eval_loss": "lower",
        "eval_reward": "higher",
        "rewards/python/mean": "higher",
        "mean_token_accuracy": "higher",
        "grad_norm": None,
        "entropy": None,
    }


def test_one_run_too_many_runs_and_runs_that_are_gone_are_refused_by_name(two: list[str]) -> None:
    with pytest.raises(RefusedError, match="1 run cannot be compared"):
        comparing.compare(["a", "a"])
    with pytest.raises(RefusedError, match="21 runs cannot be compared"):
        comparing.compare([str(number) for number in range(21)])
    with pytest.raises(NotFoundError, match="gone"):
        comparing.compare(["a", "gone"])


def test_a_comparison_asks_the_database_as_often_for_many_metrics_as_for_few(two: list[str]) -> None:
    with db.session() as session:
        for run_id in two:
            run = stored.get(session, run_id)
            assert run
            run.ended_at = None  # what has ended is kept
    asked: list[str] = []

    def note(*arguments: Any) -> None:
        asked.append(arguments[2])

    def statements() -> int:
        asked.clear()
        event.listen(Engine, "before_cursor_execute", note)
        comparing.compare(two)
        event.remove(Engine, "before_cursor_execute", note)
        return len(asked)

    few = statements()
    with db.session() as session:
        stored.add_metrics(session, [("a", f"rewards/{name}/mean", step, 0.5) for name in range(40) for step in (1, 2)])
    assert statements() == few


def test_the_points_of_a_run_that_has_ended_are_read_once(two: list[str]) -> None:
    asked: list[str] = []

    def note(*arguments: Any) -> None:
        asked.append(arguments[2])

    comparing.compare(two)
    event.listen(Engine, "before_cursor_execute", note)
    comparing.compare(two)
    event.remove(Engine, "before_cursor_execute", note)
    assert asked
    assert [statement for statement in asked if "FROM metric " in statement] == []


def test_the_command_prints_columns_or_json(two: list[str]) -> None:
    printed = CliRunner().invoke(cli, ["compare", "run:a", "b"])
    assert printed.exit_code == 0
    head, recipe, metrics = (part.splitlines() for part in printed.output.split("\n\n"))
    assert head[0].split() == ["run", "a", "run", "b"]
    assert recipe[0] == "recipe, where it differs"
    assert recipe[2].split() == ["learning_rate", "0.0002", "0.001"]
    loss = next(line for line in metrics if line.startswith("  loss"))
    assert loss.split() == ["loss", "0.5", "(0.5", "at", "2)", "1", "(0.75", "at", "2)"]
    told = json.loads(CliRunner().invoke(cli, ["compare", "a", "b", "--json"]).output)
    assert told["metrics"]["eval_loss"] == {"b": {"last": 1.5, "last_step": 3, "best": 1.5, "best_step": 3}}
