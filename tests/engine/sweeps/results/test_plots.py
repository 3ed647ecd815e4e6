"""What the charts and the CSV of a sweep say."""

import csv
import io

from engine.sweeps.results import importance, plots
from engine.sweeps.results.trials_csv import trials_csv
from engine.sweeps.spec import Objective
from engine.sweeps.study import Trial
from tests import recorded_sweep


def test_the_answer_names_fields_and_objectives_as_the_form_does() -> None:
    told = plots.plots(recorded_sweep.picture(), {})
    assert [field["title"] for field in told["fields"]][:2] == ["Learning rate", "LoRA rank"]
    assert told["objectives"] == [
        {"metric": "eval_loss", "title": "Loss on the held-out rows", "direction": "minimize", "unit": ""}
    ]
    assert plots.objective(Objective(metric="seconds"))["unit"] == "seconds"
    assert told["version"] == plots.plots(recorded_sweep.picture(), {})["version"]
    assert told["version"] != plots.plots(recorded_sweep.picture(name="another"), {})["version"]


def test_the_front_is_what_no_other_trial_beats() -> None:
    values = [(1.0, 5.0), (2.0, 4.0), (2.0, 5.0), (3.0, 1.0), (0.5, 9.0), (3.0, 1.0)]
    trials = [Trial(number=n, state="complete", params={}, values=value) for n, value in enumerate(values)]
    unfinished = Trial(number=9, state="pruned", params={}, values=(0.0, 0.0))
    assert plots.front([*trials, unfinished], ["minimize", "minimize"]) == [4, 0, 1, 3, 5]
    assert plots.front(trials, ["minimize", "maximize"]) == [4]


def test_a_pruned_trial_says_how_far_it_came() -> None:
    told = plots.plots(recorded_sweep.picture(), {})
    pruned = next(trial for trial in told["trials"] if trial["state"] == "pruned")
    assert pruned["values"] is None
    assert pruned["step"]
    assert pruned["last"] > 1


def test_importance_is_said_to_need_more_trials() -> None:
    picture = recorded_sweep.picture()
    assert importance.too_few(picture) is None
    few = importance.too_few(picture.model_copy(update={"trials": picture.trials[:12]}))
    assert few is not None
    assert few["said"] == "Too few trials to say: 12 of the 40 finished ones that it takes."


def test_the_csv_has_every_trial_and_no_formula() -> None:
    picture = recorded_sweep.picture()
    hostile = Trial(number=99, state="failed", params={"lr_scheduler_type": "=1+1"}, reason='=cmd|"x"!A1\nnext, line')
    rows = list(
        csv.DictReader(io.StringIO(trials_csv(picture.model_copy(update={"trials": (*picture.trials, hostile)}))))
    )
    assert len(rows) == 64
    assert rows[45]["eval_loss"] == "1.184"
    assert rows[45]["lora_r"] == "32"
    assert rows[45]["run"] == "run045recorded"
    assert rows[13]["state"] == "failed"
    assert "out of memory" in rows[13]["reason"]
    assert rows[-1]["lr_scheduler_type"] == "'=1+1"
    assert rows[-1]["reason"].startswith("'=cmd")
