"""A sweep's life, with real processes and trainings that take no time."""

import time
from pathlib import Path

import pytest

from engine.errors import ConflictError, NotFoundError, RefusedError, TunesmithError
from engine.process import devices, process
from engine.runs import runs
from engine.sweeps import deleting, sweeps
from engine.sweeps.life import next_step
from engine.weights import checkpoints
from storage import db, home
from storage.outgoing import notices
from storage.statuses import RunStatus, SweepStatus
from storage.sweeps import sweeps as stored_sweeps
from storage.tables import Run, Sweep, SweepTrial
from tests import fake_trial
from tests.engine.sweeps import stored_sweeps as given

BUSY = 10  # times as slow as an idle machine; `tests.bench.sweeps --pruned` measures it in a real studio


def test_each_trial_is_a_run_and_its_value_the_last_evaluation(monkeypatch: pytest.MonkeyPatch) -> None:
    given.furnish(monkeypatch, optuna=1)
    sweep = given.until_over(given.create())
    assert (sweep.status, sweep.reason, sweep.error) == (SweepStatus.SUCCEEDED, "All 4 trials were made.", None)
    rows = given.trials(sweep.id)
    assert [(row.number, row.state, row.phase) for row in rows] == [(n, "complete", "search") for n in range(4)]
    assert rows[0].params == {"learning_rate": 1e-4}  # the recipe's own come first
    for row in rows:
        run = runs.look_up(str(row.run_id))
        assert run.status == RunStatus.SUCCEEDED
        assert run.recipe["learning_rate"] == row.params["learning_rate"]
        assert (run.facts.trial_of, run.sweep_id, run.origins) == (sweep.id, sweep.id, {"learning_rate": "sweep"})
        assert row.values == [fake_trial.eval_loss(run.recipe, 10)]
        assert row.steps == {str(n): fake_trial.eval_loss(run.recipe, n) for n in range(2, 11, 2)}
        assert row.tokens == 1000
        assert run.name.startswith(f"Trial {row.number}: learning_rate=")
    with db.reading() as session:
        (told,) = notices.newest(session, 9)
    assert (told.title, told.text[:38]) == ("The sweep rates has finished", "All 4 trials were made. The best is tr")
    best = sweeps.best_of(sweeps.picture(sweep.id).spec, sweeps.picture(sweep.id).trials)
    assert best is not None
    assert best.values == (min((row.values or [9.0])[0] for row in rows),)


def test_a_pruned_trial_is_gone_at_once_keeps_no_checkpoint_and_the_next_begins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    never = tmp_path / "never"  # no training ends by itself
    given.furnish(monkeypatch, steps=500, pause=0.02, prune_above=0.9, stubborn=1, spawn=1, gate=never)
    rates = {"choices": [1e-1, 1e-4, 1e-2, 1e-5]}  # all of them a power of ten or more from the best
    sweep_id = given.create(pruner="median", space={"learning_rate": rates}, budget={"trials": 3})
    seen: dict[str, float] = {}

    def second_trains() -> bool:
        rows = given.trials(sweep_id)
        if rows and rows[0].state == "pruned" and "pruned" not in seen:
            seen["pruned"] = float(rows[0].ended_at or 0)
        if "pruned" in seen and "gone" not in seen and not process.alive(home.run_folder(str(rows[0].run_id))):
            seen["gone"] = time.time()
        if len(rows) > 1 and rows[1].run_id and runs.look_up(rows[1].run_id).device:
            seen["given"] = time.time()
        return "given" in seen and "gone" in seen

    given.until(second_trains)
    first = given.trials(sweep_id)[0]
    print(f"gone after {seen['gone'] - seen['pruned']:.2f} s, given after {seen['given'] - seen['pruned']:.2f} s")
    assert seen["gone"] - seen["pruned"] < 2 * BUSY
    assert seen["given"] - seen["pruned"] < 3 * BUSY
    assert first.reason.startswith("The median pruner ended it after step ")
    assert runs.look_up(str(first.run_id)).status == RunStatus.STOPPED
    given.until(lambda: given.trials(sweep_id)[0].is_put_away)
    assert not checkpoints.folder_of(home.run_folder(str(first.run_id))).exists()
    assert process.sweep(home.run_folder(str(first.run_id))) == 0
    sweep = given.until_over(sweep_id)
    assert sweep.status == SweepStatus.FAILED
    assert str(sweep.error).startswith("No trial has finished. The median pruner ended it after step ")
    assert [row.state for row in given.trials(sweep_id)] == ["pruned"] * 3
    assert devices.holders() == []


def test_what_is_refused_costs_nothing_and_failures_alike_in_a_row_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    given.furnish(monkeypatch, bad=1)
    warmups = {"warmup_steps": {"choices": [0, 5]}, "warmup_ratio": {"choices": [0.1, 0.2]}}
    sweep = given.until_over(given.create(space=warmups, budget={"trials": 9}, failures=2))
    assert sweep.status == SweepStatus.FAILED
    assert sweep.error == "2 trials in a row have failed for the same reason: Row 7 cannot be read."
    states = [(row.state, row.params["warmup_steps"], bool(row.run_id)) for row in given.trials(sweep.id)]
    assert {state for state in states if state[0] == "refused"} == {("refused", 5, False)}  # 5 and a share: both
    assert [state for state in states if state[0] != "refused"] == [("failed", 0, True)] * 2
    refused = next(row for row in given.trials(sweep.id) if row.state == "refused")
    assert "warmup" in refused.reason

    given.furnish_again(monkeypatch, bad=0)  # the row was repaired
    sweeps.rerun_failed(sweep.id)
    again = given.until_over(sweep.id)
    assert (again.status, again.error) == (SweepStatus.STOPPED, None)  # its search is not over: it can be resumed
    assert len(given.trials(sweep.id)) == len(states)  # and no others
    assert [row.tries for row in given.trials(sweep.id) if row.state == "complete"] == [2, 2]
    with pytest.raises(ConflictError, match="No trial of the sweep `rates` has failed"):
        sweeps.rerun_failed(sweep.id)


def test_a_stopped_sweep_goes_on_from_the_checkpoint_and_takes_more(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    given.furnish(monkeypatch, steps=20, gate=gate)
    sweep_id = given.create(budget={"trials": 1})
    given.until(lambda: given.trials(sweep_id) and len(given.trials(sweep_id)[0].steps) > 2)
    sweeps.stop(sweep_id)
    sweeps.stop(sweep_id)  # asking twice is no error
    given.until_status(sweep_id, SweepStatus.STOPPED)
    (stopped,) = given.trials(sweep_id)
    assert (stopped.state, stopped.reason) == ("failed", next_step.ENDED_WITH_SWEEP)
    gate.touch()
    assert sweeps.resume(sweep_id).status == SweepStatus.RUNNING
    sweep = given.until_over(sweep_id)
    (trial,) = given.trials(sweep_id)
    assert (sweep.status, trial.state, trial.tries) == (SweepStatus.SUCCEEDED, "complete", 1)
    assert int(runs.look_up(str(trial.run_id)).facts.resumed_from_step or 0) > 2
    with pytest.raises(ConflictError, match="Only a sweep that was stopped or has failed can be resumed"):
        sweeps.resume(sweep_id)
    assert sweeps.more(sweep_id, 1).goal == 2
    assert given.until_over(sweep_id).status == SweepStatus.SUCCEEDED
    assert [row.state for row in given.trials(sweep_id)] == ["complete"] * 2


def test_the_best_of_a_cheap_search_is_trained_in_full_and_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    given.furnish(monkeypatch, steps=8)
    sweep = given.until_over(
        given.create(budget={"trials": 2}, proxy={"max_steps": 4, "full": 1}, repeats=1, name="cheap")
    )
    rows = given.trials(sweep.id)
    best = min(rows[:2], key=lambda row: (row.values or [9.0])[0]).number
    assert [(row.phase, row.of, row.state) for row in rows] == [
        ("search", None, "complete"), ("search", None, "complete"), ("full", best, "complete"),
        ("repeat", best, "complete"),
    ]  # fmt: skip
    recipes = [runs.look_up(str(row.run_id)).recipe for row in rows]
    assert [recipe["max_steps"] for recipe in recipes] == [4, 4, -1, 4]
    assert [recipe["seed"] for recipe in recipes] == [42, 42, 42, 43]
    with pytest.raises(RefusedError, match=f"Trial {best} was trained in full already"):
        sweeps.train_in_full(sweep.id, [best])
    with pytest.raises(NotFoundError, match="has no trial 99"):
        sweeps.train_in_full(sweep.id, [99])
    longer = sweeps.train_on(sweep.id, max_steps=20)
    assert (longer.recipe["start_from"], longer.recipe["max_steps"]) == (rows[2].run_id, 20)
    assert longer.sweep_id is None


def test_a_run_that_a_person_stops_or_deletes_is_a_failed_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    given.furnish(monkeypatch, steps=400, pause=0.05)
    sweep_id = given.create(failures=5, budget={"trials": 2})
    run_id = str(given.until(lambda: given.trials(sweep_id) and given.trials(sweep_id)[0].run_id))
    given.until(lambda: runs.look_up(run_id).step > 1)
    runs.stop_run(run_id)
    second = str(given.until(lambda: len(given.trials(sweep_id)) > 1 and given.trials(sweep_id)[1].run_id))
    assert (given.trials(sweep_id)[0].state, given.trials(sweep_id)[0].reason) == (
        "failed",
        "Its run was stopped by hand.",
    )
    runs.stop_run(second)
    with db.session() as session:
        session.get_one(Run, second).deleted_at = 1.0
    sweep = given.until_over(sweep_id)
    assert given.trials(sweep_id)[1].reason == "Its run was deleted."
    assert (sweep.status, sweep.error) == (SweepStatus.FAILED, "No trial has finished. Its run was deleted.")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": " "}, "needs a name"),
        ({"budget": {}}, "budget"),
        ({"space": {"learning_rate": {"low": 1, "high": 0.1}}}, "learning_rate"),
        ({"space": {"learning_rat": {"low": 0.1, "high": 1}}}, "learning_rat"),
        ({"objective": {"metric": "eval_reward"}}, "eval_reward"),
        ({"recipe": {**given.RECIPE, "model_id": "none"}}, "There is no model"),
        ({"wishes": 3}, "There is no sweep field `wishes`"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_written(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, object], words: str
) -> None:
    given.furnish(monkeypatch)
    with pytest.raises(TunesmithError) as refused:
        given.create(**changes)
    assert words in str(refused.value)
    with db.reading() as session:
        assert stored_sweeps.recent(session) == []


def test_two_sweeps_of_a_project_have_two_names_and_one_that_is_over_can_go(monkeypatch: pytest.MonkeyPatch) -> None:
    given.furnish(monkeypatch)
    first = given.create()
    with pytest.raises(ConflictError, match="There is a sweep named `rates` in this project already"):
        given.create()
    with pytest.raises(ConflictError, match="queued"):
        deleting.delete(first)
    sweeps.stop(first)
    given.until_status(first, SweepStatus.STOPPED)
    deleting.delete(first)
    with pytest.raises(NotFoundError, match="There is no sweep"):
        sweeps.look_up(first)
    given.create()


def test_earlier_trials_of_the_same_space_are_known_from_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    given.furnish(monkeypatch)
    earlier = given.create()
    with db.session() as session:
        session.get_one(Sweep, earlier).status = SweepStatus.SUCCEEDED
        for number, (rate, state) in enumerate([(1e-3, "complete"), (0.5, "complete"), (1e-2, "failed")]):
            values = [0.5] if state == "complete" else None
            session.add(
                SweepTrial(
                    sweep_id=earlier, number=number, state=state, params={"learning_rate": rate}, values=values,
                    is_put_away=True,
                )
            )  # fmt: skip
    later = given.create(name="later", warm_from=[earlier])
    assert [(row.phase, row.params, row.values) for row in given.trials(later)] == [
        ("warm", {"learning_rate": 1e-3}, [0.5])  # 0.5 is outside of the space
    ]
    with pytest.raises(RefusedError, match="The sweep `rates` searched other fields"):
        given.create(name="other", warm_from=[earlier], space={"lora_r": {"low": 4, "high": 64}})
