"""Before TRL is imported by a test: ORPO and CPO are experimental there, and say so with a warning."""

import os

os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"  # as engine.workers.preference does
