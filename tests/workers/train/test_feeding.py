"""How rows reach a training: what it waits, and what a resume with another order of rows says of itself."""

import json
from pathlib import Path
from typing import Any

from engine.process import events
from engine.weights import checkpoints
from tests.workers.train.training_runs import finish, only, spec, sums, write_rows


def test_every_point_tells_the_wait_for_rows_and_the_memory_and_a_resume_in_the_same_order_says_nothing(
    tiny_model: Path, tmp_path: Path
) -> None:
    rows = write_rows(tmp_path, "chat", sums(24))
    shared: dict[str, Any] = {"per_device_train_batch_size": 4, "save_steps": 2}
    recorded = finish(spec(tiny_model, rows, **shared), tmp_path / "out")
    points = {
        event.step: event.metrics for event in recorded if isinstance(event, events.Step) and "loss" in event.metrics
    }
    assert all(0 <= points[step]["data_wait_share"] < 1 for step in range(1, 5))
    facts = only(recorded, events.Started).facts
    assert 0 < points[1]["peak_memory_bytes"] <= points[4]["peak_memory_bytes"] < facts["memory_bytes"]
    assert (facts["order_changed"], facts["resumed_from_step"]) == (None, None)

    checkpoint = tmp_path / "out" / "checkpoints" / "checkpoint-2"
    halves = shared | {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 2}
    again = finish(spec(tiny_model, rows, resume_from=checkpoint, **halves), tmp_path / "halves")
    assert only(again, events.Started).facts["order_changed"] is None  # as many rows a step, in the same order
    fewer = shared | {"per_device_train_batch_size": 2}
    lost = finish(spec(tiny_model, rows, resume_from=checkpoint, **fewer), tmp_path / "fewer")
    facts = only(lost, events.Started).facts
    assert (facts["order_changed"], facts["resumed_from_step"]) == ({"rows_a_step": [4, 2]}, 2)
    assert facts["usual_labels"] > 0

    kept = checkpoint / "trainer_state.json"
    state = json.loads(kept.read_text())
    del state["stateful_callbacks"]["Feeding"]["attributes"]["usual_labels"]  # as before steps were weighed
    kept.write_text(json.dumps(state))
    checkpoints.write_manifest(checkpoint, 2)
    older = finish(spec(tiny_model, rows, resume_from=checkpoint, **shared), tmp_path / "older")
    assert only(older, events.Started).facts["usual_labels"] is None
