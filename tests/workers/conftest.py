"""Before TRL is imported by a test: ORPO and CPO are experimental there, and say so with a warning."""

import os
from collections.abc import Callable, Iterator

import pytest

from engine import distribution

os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"  # as engine.workers.preference does


@pytest.fixture
def one_thread() -> Iterator[None]:
    """As in a worker that is started by a test: exact sums, and room for other tests."""
    import torch  # noqa: PLC0415  (seconds, and not every test here needs it)

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def launch_alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Lets this process look as the launcher starts one that is alone; once again for each training."""
    from accelerate.state import AcceleratorState  # noqa: PLC0415

    from engine.workers import group  # noqa: PLC0415

    def launch() -> None:
        words = {"TORCHELASTIC_RUN_ID": "test", "RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1"}
        words |= {"LOCAL_WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(distribution.free_port())}
        for name, value in words.items():
            monkeypatch.setenv(name, value)

    yield launch
    group.end()
    AcceleratorState._reset_state(reset_partial_state=True)
