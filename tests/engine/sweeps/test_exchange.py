"""Questions and answers as files: put once, answered once, and nothing torn stops the others."""

import os
import time
from pathlib import Path

import pytest

from engine.sweeps import exchange
from engine.sweeps.study import Advice, Question
from engine.workers import contract
from engine.workers.sweeps import advise
from tests.workers.sweeps.rows import by_chance, study


def question(question_id: str, count: int = 1) -> Question:
    return Question(id=question_id, study=study("random", tuple(by_chance(2))), ask=count)


def test_a_question_is_put_once_and_not_again_when_it_is_answered(tmp_path: Path) -> None:
    exchange.ask(tmp_path, question("../../one", 1))
    exchange.ask(tmp_path, question("../../one", 2))
    assert [waiting.ask for waiting in exchange.waiting(tmp_path)] == [1]
    exchange.reply(tmp_path, Advice(id="../../one", exhausted=True))
    assert exchange.waiting(tmp_path) == []
    exchange.ask(tmp_path, question("../../one"))
    assert exchange.waiting(tmp_path) == []
    answer = exchange.answer(tmp_path, "../../one")
    assert answer is not None
    assert answer.exhausted
    assert len(list(tmp_path.rglob("*.json"))) == 1  # its name is made, so an id leads nowhere else


def test_a_torn_file_is_as_if_it_had_not_been_written(tmp_path: Path) -> None:
    for name in ("one", "two"):
        exchange.ask(tmp_path, question(name))
    next((tmp_path / exchange.QUESTIONS).glob("*.json")).write_text('{"id": "o')
    assert len(exchange.waiting(tmp_path)) == 1
    exchange.reply(tmp_path, Advice(id="three"))
    next((tmp_path / exchange.ANSWERS).glob("*.json")).write_text("")
    assert exchange.answer(tmp_path, "three") is None


def test_answers_of_yesterday_are_removed(tmp_path: Path) -> None:
    for name in ("old", "new"):
        exchange.reply(tmp_path, Advice(id=name))
    old = time.time() - exchange.KEPT_SECONDS - 1
    os.utime(exchange._path(tmp_path, exchange.ANSWERS, "old"), (old, old))
    exchange.drop_old(tmp_path)
    assert exchange.answer(tmp_path, "old") is None
    assert exchange.answer(tmp_path, "new") is not None


def test_a_worker_answers_what_lies_there_and_ends_when_nobody_asks(tmp_path: Path) -> None:
    exchange.ask(tmp_path, question("one", 2))
    with pytest.raises(contract.Stopped):
        advise.work({"idle_seconds": 0.2}, tmp_path)
    answer = exchange.answer(tmp_path, "one")
    assert answer is not None
    assert len(answer.params) == 2
