"""What a process that tests fork their workers from has imported: torch, TRL and how each family of methods trains."""

import os

from engine.workers.train import sft

os.environ.update(sft.OFFLINE)  # read while the libraries are imported, as in the worker itself
os.environ.update({"OMP_NUM_THREADS": "1", "TRL_EXPERIMENTAL_SILENCE": "1"})

from tests import tracing

with tracing.of_ours_alone(("engine",)):  # the libraries take a third longer when they are traced
    from engine.workers.fit import steps as fit_steps
    from engine.workers.train import family_distil, family_preference, family_reinforce, training

__all__ = ["family_distil", "family_preference", "family_reinforce", "fit_steps", "training"]
