"""A probe as the studio does it: a device for itself, once for a recipe; stopped, killed, the device given back."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from engine.errors import ConflictError, RefusedError
from engine.fit import past_probes
from engine.fit.measurement import Trial
from engine.process import devices, plan, work
from engine.train import check
from engine.train import probe as fit_probe
from storage import db, home
from storage.statuses import WorkStatus
from storage.tables import Dataset, Model, Work
from tests.engine.fit.fitting import done, furnish, recipe
from tests.engine.train import fake_probe
from tests.waiting import wait_for


@pytest.fixture(autouse=True)
def furnished(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[Model, Dataset]:
    monkeypatch.setitem(plan.WORKERS, "fit_probe", "tests.engine.train.fake_probe")
    return furnish(tmp_path)


def go() -> None:
    (home.home() / "go").touch()


def ticked(work_id: str) -> Work:
    """The work after it is over and a round of the reconciler."""

    def over() -> bool:
        work.tick()
        return work.look_up(work_id).status not in (WorkStatus.RUNNING, WorkStatus.QUEUED)

    wait_for(over)
    devices.tick()
    return work.look_up(work_id)


def holders() -> list[str]:
    return [f"{lease.holder_kind} {lease.exclusive}" for lease in devices.holders()]


def test_it_takes_a_device_for_itself_and_gives_it_back() -> None:
    begun = fit_probe.start(recipe())
    assert holders() == ["work True"]
    probe = past_probes.find(recipe())
    assert probe is not None
    assert probe.under_way
    go()
    ended = ticked(begun.id)
    assert ended.status == WorkStatus.SUCCEEDED
    assert ended.result["device"] == "cpu"  # the worker was told
    assert holders() == []


def test_it_is_refused_while_a_training_has_the_device_and_leaves_nothing() -> None:
    with db.session() as session:
        devices.take(session, devices.on_this_machine(), devices.DeviceRequest("run", "a-run", exclusive=True))
    with pytest.raises(ConflictError, match="A training, or another measurement, is using the device"):
        fit_probe.start(recipe())
    assert work.about("d1") == []
    assert holders() == ["run True"]


def test_an_endpoint_does_not_stand_in_its_way() -> None:
    with db.session() as session:
        devices.take(
            session, devices.on_this_machine(), devices.DeviceRequest("backend", "an-endpoint", exclusive=False)
        )
    assert fit_probe.start(recipe()).status == WorkStatus.RUNNING
    fit_probe.stop(recipe())


def test_killed_it_fails_once_gives_the_device_back_and_leaves_no_scratch() -> None:
    begun = fit_probe.start(recipe())
    folder = work.folder(begun)
    worker = wait_for(lambda: worker_of(folder))
    wait_for(lambda: (folder / work.SCRATCH).exists())
    os.kill(worker, signal.SIGKILL)
    ended = ticked(begun.id)
    assert ended.status == WorkStatus.FAILED
    assert holders() == []
    assert not (folder / work.SCRATCH).exists()
    assert fit_probe.start(recipe()).id != begun.id  # it can be tried again
    fit_probe.stop(recipe())


def worker_of(folder: Path) -> int:
    """Its process id; 0 while it has none."""
    path = folder / "shim.json"
    pids: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
    return pids.get("worker", 0)


def test_a_shim_that_is_killed_takes_the_probe_and_its_lease_with_it() -> None:
    begun = fit_probe.start(recipe())
    folder = work.folder(begun)
    wait_for(lambda: (folder / work.SCRATCH).exists())
    os.kill(json.loads((folder / "shim.json").read_text())["shim"], signal.SIGKILL)
    assert ticked(begun.id).status == WorkStatus.FAILED
    assert holders() == []


def test_stopped_it_is_gone_and_nothing_is_held() -> None:
    begun = fit_probe.start(recipe())
    wait_for(lambda: worker_of(work.folder(begun)))
    fit_probe.stop(recipe())
    assert work.look_up(begun.id).status == WorkStatus.STOPPED
    assert holders() == []
    assert not (home.home() / "work" / begun.id).exists()
    fit_probe.stop(recipe())  # again is no error


def test_asking_twice_is_free_and_what_only_changes_learning_is_no_other_question() -> None:
    go()
    begun = fit_probe.start(recipe())
    ticked(begun.id)
    same_probe = fit_probe.start(
        recipe(num_train_epochs=3, learning_rate=1e-3, save_steps=7, seed=1, eval_fraction=0.1)
    )
    assert same_probe.id == begun.id
    other_probe = fit_probe.start(recipe(lora_r=8))
    assert other_probe.id != begun.id
    fit_probe.stop(recipe(lora_r=8))


def test_nothing_is_told_to_a_tracker_and_one_process_measures() -> None:
    essence = past_probes.probed_fields(recipe(report_to="tensorboard", save_best_limit=3, eval_fraction=0.2))
    assert (essence["report_to"], essence["save_best_limit"], essence["strategy"]) == ("", 0, "none")


def test_what_could_never_be_trained_is_refused_and_what_an_estimate_doubts_is_not(
    furnished: tuple[Model, Dataset],
) -> None:
    with pytest.raises(RefusedError, match="learns from"):
        fit_probe.start(recipe(method="cpt"))
    with db.session() as session:
        session.get_one(Model, "m1").parameters = 10**13  # no machine holds it
    assert any(problem.field == "tuning" for problem in check.check(recipe(), model(), furnished[1]))
    assert fit_probe.start(recipe()).status == WorkStatus.RUNNING
    fit_probe.stop(recipe())


def model() -> Model:
    with db.reading() as session:
        return session.get_one(Model, "m1")


def stored(**about: Any) -> Work:
    spec = {"recipe": past_probes.probed_fields(recipe(per_device_train_batch_size=4))}
    return done(past_probes.KIND, "d1", spec, fake_probe.measured(4, 1, 128, **about).model_dump())


def trial(**fields: Any) -> Trial | None:
    probe = past_probes.find(recipe(**fields))
    return probe.trial if probe else None


def test_every_size_that_was_tried_is_known() -> None:
    assert past_probes.find(recipe()) is None
    stored()
    tried = trial(per_device_train_batch_size=4)
    assert tried is not None
    assert tried.peak_bytes == 900_000_000
    half = {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 2, "gradient_checkpointing": False}
    assert trial(**half) is not None
    assert trial(per_device_train_batch_size=3) is None
    assert trial(max_length=64) is None
    assert past_probes.find(recipe(per_device_train_batch_size=3)) is not None  # the probe itself is known
    assert past_probes.find(recipe(lora_r=64)) is None


def test_a_probe_of_an_older_studio_is_known_where_new_fields_have_their_defaults() -> None:
    spec = {
        "recipe": {
            name: value for name, value in past_probes.probed_fields(recipe()).items() if name != "neftune_noise_alpha"
        }
    }
    done(past_probes.KIND, "d1", spec, fake_probe.measured(4, 1, 128).model_dump())
    assert past_probes.find(recipe()) is not None
    assert past_probes.find(recipe(neftune_noise_alpha=5)) is None


def test_the_rules_say_what_was_measured_instead_of_what_was_estimated(furnished: tuple[Model, Dataset]) -> None:
    with db.session() as session:
        session.get_one(Model, "m1").parameters = 10**13
    assert "Estimated" in check.check(recipe(), model(), furnished[1])[0].message
    stored()
    problems = check.check(recipe(save_total_limit=1), model(), furnished[1])
    assert not [problem for problem in problems if problem.field in ("tuning", "max_length")]


def test_a_recipe_that_was_seen_not_to_fit_is_refused_with_the_one_that_did(furnished: tuple[Model, Dataset]) -> None:
    stored(fits=False)
    (problem,) = check.check(recipe(), *furnished)
    assert (problem.field, problem.level) == ("per_device_train_batch_size", "error")
    assert problem.message.startswith("Measured: the longest rows of the dataset do not fit into the 2 GB")
    assert "per_device_train_batch_size 2, gradient_accumulation_steps 2" in problem.hint
