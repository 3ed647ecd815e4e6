"""What the sampler leaves becomes metrics and a fact of the run, each once, at the step the training was at."""

from pathlib import Path

import pytest

from engine.process.meter import samples
from engine.process.meter.samples import Line, Now, Totals
from engine.runs import curves, machine_samples, runs
from storage import home
from storage.statuses import RunStatus
from tests.engine import table_rows
from tests.engine.table_rows import RECIPE, tick_until, until


@pytest.fixture(autouse=True)
def furnished(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    table_rows.furnish(monkeypatch)


def points(run_id: str, name: str) -> list[tuple[int, float]]:
    return curves.read(run_id, name).points


def test_a_run_has_its_machine_as_metrics_and_what_it_used_as_a_fact(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Of a training of a moment too: the sampler writes what it has when the worker has ended."""
    table_rows.turn_knobs(monkeypatch, gate=tmp_path / "gate")
    run = runs.start_run("r", RECIPE)
    tick_until(lambda: samples.latest(home.run_folder(run.id)))
    (tmp_path / "gate").touch()
    done = until(run.id, RunStatus.SUCCEEDED)
    assert points(done.id, "machine/cpu_percent")[-1][0] == 20
    assert points(done.id, "machine/memory_bytes")[0][1] > 1 << 20
    used = done.facts.machine
    assert used is not None
    assert used["device_seconds"] == used["seconds"] > 0
    assert (used["gpu_joules"], done.facts.stuck) == ({}, None)


def test_lines_are_taken_in_once_and_the_last_of_a_step_stays() -> None:
    run = until(runs.start_run("r", RECIPE).id, RunStatus.SUCCEEDED)
    folder, before = home.run_folder(run.id), run.samples_offset
    for at, percent in ((1.0, 10.0), (2.0, 30.0)):
        samples.append(folder, Line(at, 2.0, 7, {"cpu_percent": percent}))
    machine_samples.take_in(run, folder)
    newer = runs.look_up(run.id)
    assert newer.samples_offset > before
    machine_samples.take_in(run, folder)  # by somebody who came late
    assert points(run.id, "machine/cpu_percent")[0] == (7, 30.0)
    assert runs.look_up(run.id).samples_offset == newer.samples_offset


def test_what_a_killed_sampler_had_counted_is_kept_at_the_end() -> None:
    run = until(runs.start_run("r", RECIPE).id, RunStatus.SUCCEEDED)
    folder = home.run_folder(run.id)
    samples.keep(folder, Now(totals=Totals(seconds=5.0, gpu_joules={"gpu0": 36_000.0})))
    machine_samples.take_in(run, folder)
    assert runs.look_up(run.id).facts.machine == run.facts.machine
    machine_samples.take_in(run, folder, is_over=True)
    assert (runs.look_up(run.id).facts.machine or {})["gpu_joules"] == {"gpu0": 36_000.0}


def test_only_the_cards_that_a_run_holds_are_looked_at() -> None:
    assert machine_samples.sampler_command(Path("f"), "cpu")[3:] == ("f",)
    assert machine_samples.sampler_command(Path("f"), "gpu:1,gpu:3")[3:] == ("f", "1", "3")
