"""Trained weights that no server of the studio can answer with, refused where they are named."""

import pytest

from engine.errors import RefusedError
from engine.serve import adapter_files, endpoints
from storage import db
from storage.tables import Run
from tests.serving import finished_checkpoint, finished_run, ready_model


def test_a_checkpoint_that_counts_from_a_start_in_the_weights_is_refused_wherever_it_is_named() -> None:
    """On the plain base it would answer as another model (tests/workers/tuning proves it); the result is plain."""
    model = ready_model()
    run = finished_run(model)
    finished_checkpoint(run, 30)
    with db.session() as session:
        session.get_one(Run, run.id).recipe = {"init_lora_weights": "olora"}
    words = r"were trained from other starting weights \(olora\)"
    for refused in (
        lambda: endpoints.create_endpoint("early", model_id=model.id, adapters=[f"{run.id}@30"]),
        lambda: adapter_files.look_up(f"{run.id}@30"),  # what adding it to a running endpoint asks
    ):
        with pytest.raises(RefusedError, match=words) as caught:
            refused()
        assert caught.value.hint == "Serve the run's result."
    assert adapter_files.look_up(run.id).step is None
