"""What people think of answers: thumbs on one, votes between the two to a question. They can be taken back."""

from collections.abc import Iterator
from itertools import groupby
from typing import Literal

from sqlmodel import Session

from engine.chat.exchanges import Exchange, exchanges
from engine.errors import NotFoundError, RefusedError
from storage import chats, db
from storage.tables import Chat, Message

Better = Literal["tuned", "base", "tie"]
MOST_CHATS = 5000  # with votes or ratings in them, that are counted and made into rows


def rate(message_id: int, is_good: bool | None) -> Message:
    """Thumbs up or down for an answer; None takes it back. Raises NotFoundError, RefusedError for a question."""
    with db.session() as session:
        answer = _message(session, message_id)
        if answer.side == "user":
            raise RefusedError(f"Message {message_id} is a question.", "Only answers are rated.")
        answer.rating = 0 if is_good is None else 1 if is_good else -1
    return answer


def vote(question_id: int, better: Better | None) -> Message:
    """Says which side has the better answer to a question; None takes it back.

    Raises NotFoundError, RefusedError where not both sides have answered.
    """
    with db.session() as session:
        question = _message(session, question_id)
        turns = chats.messages(session, question.chat_id)
        exchange = next((one for one in exchanges(turns) if one.question.id == question_id), None)
        if exchange is None:
            raise RefusedError(f"Message {question_id} is an answer.", "A vote is about the question of two answers.")
        if better and len(exchange.answers()) < 2:
            raise RefusedError(
                "This question has not two answers to choose from.", "Put a second model beside the first, and ask."
            )
        question.better = better or ""
    return question


def voted(project_id: str | None = None) -> Iterator[Exchange]:
    """Each question that was voted about, with both answers; of one project, or of all."""
    for turns in _judged(True, project_id):
        yield from (one for one in exchanges(turns) if one.question.better and one.tuned and one.base)


def rated(project_id: str | None = None) -> Iterator[tuple[Exchange, Message]]:
    """Each answer that was rated, with its question."""
    for turns in _judged(False, project_id):
        for one in exchanges(turns):
            yield from ((one, answer) for answer in one.answers() if answer.rating)


def _judged(is_vote: bool, project_id: str | None) -> Iterator[list[Message]]:
    """The turns of each chat in which something is judged."""
    with db.reading() as session:
        turns = chats.turns_of_judged(session, is_vote, project_id, MOST_CHATS)
    for _, of_chat in groupby(turns, lambda turn: turn.chat_id):
        yield list(of_chat)


def _message(session: Session, message_id: int) -> Message:
    message = session.get(Message, message_id)
    if message is None or session.get(Chat, message.chat_id) is None:
        raise NotFoundError(f"There is no message {message_id}.", "It may have been deleted with its chat.")
    return message
