"""The starter model is asked about code through the studio's own server: small as it is, nothing breaks."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.code import answering, sandboxed, writing
from engine.code.actions import ACTIONS
from engine.code.answering import Extent
from engine.code.candidates import Unwritten, Written
from engine.code.wanted import Wanted
from engine.serve import endpoints
from tests.serving import bring_up, end_all, ready_model
from tests.starter import starter_model as starter_model

pytestmark = pytest.mark.slow

CODE = {"main.py": "def add(a, b):\n    return a - b\n\n\nprint(add(1, 2))\n"}


@pytest.fixture
def starter(starter_model: Path) -> Iterator[str]:
    bring_up(endpoints.create_endpoint("starter", model_id=ready_model(starter_model).id), 120)
    yield "starter"
    end_all()


def test_every_action_has_an_answer_and_what_it_writes_can_be_run(starter: str) -> None:
    for action in ACTIONS:
        task = "파이썬으로 두 수를 더하는 함수를 작성하세요." if action == "write" else ""
        asked = Wanted(task, "python", CODE, starter, action, "javascript", max_tokens=12, temperature=0.0)
        events = list(answering.answer(asked, Extent(), sandboxed.run))
        written = events[-1]
        assert isinstance(written, Written), action
        assert written.answer.strip(), action
        assert written.ended in ("stop", "length")
    asked = Wanted("print hello", "python", {}, starter, max_tokens=24, temperature=0.0, seed=1)
    events = list(answering.answer(asked, Extent(candidates=2, rounds=1), sandboxed.run))
    assert sum(isinstance(event, Written) for event in events) == 2
    assert not any(isinstance(event, Unwritten) for event in events)
    complete = Wanted("", "python", CODE, starter, "complete")
    assert writing.plan(complete).note == writing.NO_TOKENS
