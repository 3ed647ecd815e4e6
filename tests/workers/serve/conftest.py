"""One server for all tests of this folder."""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.process import events
from tests import tracing
from tests.tiny import TEMPLATE
from tests.waiting import wait_for
from tests.workers.serve.running import Server
from tests.workers.warm import Program

KEYS = ("one", "two", "whole", "judge", "judge2")

# An endless loop, and gigabytes of text, for chats that ask for them; `shout` is a variable that a request may set.
SOMETIMES_HOSTILE = (
    "{% set said = messages[-1].content %}{% set text = namespace(x='aaaaaaaa') %}"
    "{% if said == 'loop' %}{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    "{% elif said == 'double' %}{% for i in range(31) %}{% set text.x = text.x ~ text.x %}{% endfor %}{{ text.x }}"
    "{% endif %}{% if shout %}LOUD {% endif %}"
)


@pytest.fixture(scope="package")
def spec(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What to serve: a base, two adapters, a whole tuned model, and a reward model as adapter and as a whole."""
    folder = tmp_path_factory.mktemp("trained")
    base = folder / "base"
    shutil.copytree(tiny_model, base)
    (base / "chat_template.jinja").write_text(SOMETIMES_HOSTILE + TEMPLATE)
    folders = [str(folder / name) for name in KEYS]
    log = folder / "output.log"
    arguments = [str(tiny_model), *folders]
    with Program("tests.workers.serve.odd_weights", arguments, tracing.without(os.environ), log) as making:
        assert making.wait(timeout=280) == 0, log.read_text()
    return {
        "model_path": str(base),
        "adapters": dict(zip(KEYS, folders, strict=True)),
        "names": {
            "m": "one",
            "m:base": "",
            "m:one": "one",
            "m:two": "two",
            "m:whole": "whole",
            "m:judge": "judge",
            "m:judge2": "judge2",
        },
        "device": "cpu",
        "dtype": "float32",  # in bfloat16 random weights often give two tokens one score; batches round it either way
    }


@pytest.fixture(scope="package")
def server(spec: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("serve")
    running = Server(folder / "out", spec | {"socket": str(folder / "s")})
    wait_for(lambda: running.recorded() or running.process.poll() is not None, 120)
    yield running
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(60) == 0
    end = running.recorded()[-1]
    assert isinstance(end, events.Finished)
    assert end.outcome == "stopped"
