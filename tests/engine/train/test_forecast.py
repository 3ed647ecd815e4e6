"""What a training will take: formulas that follow the recipe, and the sources they are taken from."""

from pathlib import Path
from typing import Any

import pytest

from engine.fit import disk as fit_disk
from engine.fit import duration, past_probes
from engine.fit import speed as fit_speed
from engine.fit.duration import Amount, Shape
from engine.fit.usual_tokens import usual_tokens
from engine.process import devices, plan, work
from engine.train import forecast
from engine.train.forecast import Forecast
from storage import db
from storage.statuses import RunStatus, WorkStatus
from storage.tables import Dataset, Model, Run
from tests.engine.fit.fitting import ROWS, done, furnish, recipe
from tests.engine.train import fake_probe
from tests.waiting import wait_for

SHAPE = Shape(parameters=1000, looked_up=100, trained=50, layers=2, width=8)


@pytest.fixture
def furnished(tmp_path: Path) -> tuple[Model, Dataset]:
    return furnish(tmp_path)


def of(furnished: tuple[Model, Dataset], **fields: Any) -> Forecast:
    return forecast.of(recipe(**fields), *furnished)


# FLOPs and seconds.


def test_full_tuning_computes_six_and_lora_four_for_each_weight_and_token() -> None:
    shape = Shape(1000, 0, 1000, 0, 0)
    assert duration.token_flops(recipe(tuning="full"), shape, 10) == 6 * 1000
    assert duration.token_flops(recipe(), Shape(1000, 0, 0, 0, 0), 10) == 4 * 1000
    assert duration.token_flops(recipe(gradient_checkpointing=True), Shape(1000, 0, 0, 0, 0), 10) == 6 * 1000


def test_attention_grows_with_the_row_and_a_lookup_is_no_product() -> None:
    assert duration.forward_flops(SHAPE, 0) == 2 * 900
    assert duration.forward_flops(SHAPE, 100) - duration.forward_flops(SHAPE, 0) == 4 * 2 * 8 * 100
    config = {"hidden_size": 8, "vocab_size": 32, "num_hidden_layers": 1}
    assert Shape.of({**config, "tie_word_embeddings": False}, 1000, 0).looked_up == 256
    assert Shape.of(config, 1000, 0).looked_up == 0


def test_a_reference_and_answers_of_the_models_own_cost_more() -> None:
    plain = duration.token_flops(recipe(), SHAPE, 10)
    assert duration.token_flops(recipe(method="dpo"), SHAPE, 10) > plain
    assert duration.token_flops(recipe(method="grpo", max_completion_length=8), SHAPE, 10) > 2 * plain


def test_evaluations_take_their_time() -> None:
    amount, evaluated = Amount(90, 10, held_out=10), recipe(eval_fraction=0.1, eval_steps=5, num_train_epochs=1)
    assert duration.evaluation_rows(recipe(), Amount(90, 10)) == 0
    assert duration.evaluation_rows(recipe(), amount) == 18  # at most a tenth of the time; a row takes half of it
    assert duration.evaluation_rows(recipe(eval_steps=5), amount) == 10 * 5
    assert duration.evaluation_rows(evaluated, amount) == 10 * 5  # 23 steps: at 5, 10, 15, 20 and the end
    assert duration.seconds(evaluated, SHAPE, amount, 1e6) > duration.seconds(recipe(), SHAPE, Amount(90, 10), 1e6)


def test_every_held_out_row_is_read_however_few_steps_there_are(furnished: tuple[Model, Dataset]) -> None:
    amount = forecast._amount(recipe(eval_fraction=0.5, max_steps=2), *furnished, None)
    assert (amount.rows, amount.held_out) == (8, ROWS // 2)
    grpo = recipe(method="grpo", max_completion_length=8, eval_fraction=0.5, max_steps=2)
    assert forecast._amount(grpo, *furnished, None).held_out == 4 * (ROWS // 2)


@pytest.mark.parametrize(
    ("fields", "share"),
    [
        ({}, 1 / 2),
        ({"tuning": "full"}, 1 / 3),
        ({"gradient_checkpointing": True}, 1 / 3),
        ({"method": "dpo"}, 2 / 3),
        ({"method": "rloo", "max_completion_length": 8}, 1),
    ],
)
def test_reading_a_row_takes_a_share_of_learning_from_it(fields: dict[str, Any], share: float) -> None:
    assert duration.evaluation_share(recipe(**fields)) == share


@pytest.mark.parametrize(
    ("fields", "rows"),
    [
        ({}, 40),
        ({"num_train_epochs": 2.5}, 100),
        ({"max_steps": 3, "gradient_accumulation_steps": 2}, 24),
        ({"eval_fraction": 0.5}, 20),
        ({"max_steps": 3, "strategy": "ddp", "num_processes": 2}, 24),
        ({"method": "grpo", "max_completion_length": 8}, 160),  # an answer each, four a prompt
    ],
)
def test_rows_are_counted_over_the_whole_run(fields: dict[str, Any], rows: int) -> None:
    assert duration.rows_seen(recipe(**fields), 40) == rows


# Where the speed comes from.


def ran(**fields: Any) -> Run:
    values: dict[str, Any] = {"status": RunStatus.SUCCEEDED, "tokens_per_second": 500.0, "device": "cpu"}
    values |= {"recipe": recipe().model_dump()} | fields
    run = Run(project_id="default", name="r", model_id="m1", dataset_id="d1", **values)
    with db.session() as session:
        session.add(run)
    return run


def test_before_anything_is_measured_the_time_is_not_guessed(furnished: tuple[Model, Dataset]) -> None:
    estimate = of(furnished)
    assert estimate.time.seconds is None
    assert (estimate.memory.source, estimate.steps) == ("estimate", 10)
    assert "overhead 600 MB" in estimate.memory.items


def test_a_product_of_matrices_is_timed_once_and_then_known(
    furnished: tuple[Model, Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(plan.WORKERS, "machine_speed", "tests.engine.process.fake_work")
    begun = fit_speed.measure_once(recipe())
    assert begun is not None
    assert begun.status == WorkStatus.QUEUED  # a page that is looked at starts nothing by itself
    assert fit_speed.measure_once(recipe()) is not None
    assert len(work.about(fit_speed.SUBJECT)) == 1

    def over() -> bool:
        work.tick()
        return work.look_up(begun.id).status == WorkStatus.SUCCEEDED

    wait_for(over)
    assert fit_speed.measure_once(recipe()) is None


def test_the_timing_waits_while_a_training_has_the_device(furnished: tuple[Model, Dataset]) -> None:
    with db.session() as session:
        devices.take(session, devices.on_this_machine(), devices.DeviceRequest("run", "a-run", exclusive=True))
    assert fit_speed.measure_once(recipe()) is None
    assert work.about(fit_speed.SUBJECT) == []


def test_an_estimate_says_where_its_speed_is_from(furnished: tuple[Model, Dataset]) -> None:
    done(fit_speed.KIND, fit_speed.SUBJECT, {"device": "cpu", "bf16": False}, {"flops": 1e9})
    timed = of(furnished).time
    assert (timed.source, timed.basis) == ("estimate", "a product of matrices timed on this machine")
    assert timed.seconds is not None
    assert timed.seconds > duration.START_SECONDS
    ran()
    from_run = of(furnished).time
    assert from_run.basis == "this model's last finished run"
    assert from_run.tokens_per_second == pytest.approx(500)
    ran(tokens_per_second=700.0)
    assert of(furnished).time.tokens_per_second == pytest.approx(600)  # the median
    slower = of(furnished, gradient_checkpointing=True).time
    assert slower.tokens_per_second is not None
    assert slower.tokens_per_second < 500


def test_runs_that_cannot_be_compared_are_not_asked(furnished: tuple[Model, Dataset]) -> None:
    ran(device="gpu:0")
    ran(status=RunStatus.FAILED)
    ran(tokens_per_second=None)
    ran(recipe={"of": "an older studio"})
    ran(recipe=recipe(tuning="full", learning_rate=1e-5).model_dump())
    ran(recipe=recipe(method="grpo", max_completion_length=8).model_dump())
    assert of(furnished).time.seconds is None


# Where a probe is known.


def test_measured_numbers_stand_where_there_are_some(furnished: tuple[Model, Dataset]) -> None:
    spec = {"recipe": past_probes.probed_fields(recipe())}
    done(past_probes.KIND, "d1", spec, fake_probe.measured(4, 1, 128).model_dump())
    estimate = of(furnished)
    assert (estimate.memory.source, estimate.memory.needed, estimate.memory.available) == (
        "measured",
        900_000_000,
        2 * 10**9,
    )
    assert estimate.memory.estimated != estimate.memory.needed
    rows = ROWS * 30 / 40  # as many as the probe's sample kept
    assert estimate.time.seconds == pytest.approx(3 + rows / 4 * 0.2, abs=0.2)
    assert (estimate.time.source, estimate.time.tokens_per_second) == ("measured", 1000)
    longer = of(furnished, num_train_epochs=10).time.seconds
    assert longer == pytest.approx(3 + 10 * rows / 4 * 0.2, abs=0.2)


def test_of_another_batch_the_speed_is_known_and_the_memory_estimated(furnished: tuple[Model, Dataset]) -> None:
    spec = {"recipe": past_probes.probed_fields(recipe())}
    done(past_probes.KIND, "d1", spec, fake_probe.measured(4, 1, 128).model_dump())
    estimate = of(furnished, per_device_train_batch_size=8)
    assert (estimate.memory.source, estimate.time.source) == ("estimate", "estimate")
    assert estimate.time.basis == "real steps with another batch"
    assert estimate.time.seconds == pytest.approx(3 + 30 * 50 / 1000, abs=0.2)


def test_packed_rows_are_counted_in_sequences(furnished: tuple[Model, Dataset]) -> None:
    packed = of(furnished, packing=True, train_sampling_strategy="random", per_device_train_batch_size=1)
    tokens = ROWS * usual_tokens(furnished[1])
    assert packed.steps == round(tokens / 128)


# Disk.


def test_the_disk_is_for_checkpoints_the_result_and_the_rows(furnished: tuple[Model, Dataset]) -> None:
    model = furnished[0]
    short = fit_disk.disk(model, recipe(), 40, 100)
    assert short.rows == 40 * 100 * 8
    assert short.checkpoints > 10_000_000
    many = fit_disk.disk(model, recipe(save_steps=1, save_total_limit=5), 40, 100)
    assert many.checkpoints == 6 * short.checkpoints  # one more while the next is written
    best = fit_disk.disk(model, recipe(save_steps=1, save_total_limit=5, save_best_limit=2, eval_fraction=0.1), 40, 100)
    assert best.checkpoints > many.checkpoints
    assert "checkpoints" in str(best)
    assert best.total == best.checkpoints + best.result + best.rows
