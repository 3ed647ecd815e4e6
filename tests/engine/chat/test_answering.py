"""Answers that go on in the background: one a side, ended by Stop alone."""

import pytest

from engine.chat import answering, chat
from engine.chat.answering import Question
from engine.errors import NotFoundError
from engine.serve.routing import NotReadyError


def test_an_answer_that_cannot_begin_says_why_to_whoever_follows_also_later() -> None:
    talk = chat.new_chat()
    chat.ask(talk.id, "hello")
    answering.begin(Question(talk.id, "tuned", "nobody"))
    for _ in range(2):
        with pytest.raises((NotFoundError, NotReadyError)):
            list(answering.follow(talk.id, "tuned"))
    assert not answering.is_writing(talk.id)
    assert list(answering.follow(talk.id, "base")) == []


def test_stopping_where_nothing_is_written_does_nothing() -> None:
    answering.stop("none")
    answering.stop_all()
    assert not answering.is_writing("none")
