"""Programs that go on beside a run."""
