"""A chat changed in its middle: a question asked in other words, or answered again. Nothing is lost by it.

The chat itself goes on at its own address. What stood there before is kept as a branch: a whole chat, which can be
opened, read and gone on with like any other. Branches of branches belong to the same first chat.
"""

from collections.abc import Sequence

from sqlmodel import Session

from engine.chat import chat
from engine.errors import RefusedError
from engine.existing import existing
from storage import chats, db
from storage.tables import Chat, Message

MOST_LISTED = 50
_KEPT = (
    *("side", "model", "content", "complete", "created_at", "weights", "system", "sampling"),
    *("tokens", "tokens_estimated", "seconds", "first_token_seconds"),
)
_JUDGED = ("rating", "better")


def edit(chat_id: str, question_id: int, text: str) -> Chat | None:
    """Asks a question in other words; the chat goes on from there. Returns the branch that keeps what stood there.

    None where nothing changed. Raises NotFoundError; RefusedError for an empty text or what is no question.
    """
    text = chat.checked_text(text)
    with db.session() as session:
        changed, turns = _turns(session, chat_id)
        place = next((place for place, turn in enumerate(turns) if turn.id == question_id), None)
        if place is None or turns[place].side != "user":
            raise RefusedError(
                f"Message {question_id} is not one of your questions in this chat.", "Choose one of your own messages."
            )
        before = turns[place].content
        if before == text and place == len(turns) - 1:
            return None
        branch = _branch(session, changed, turns, place)
        for turn in turns[place:]:
            session.delete(turn)
        chats.drop_hidden(session, chat_id, question_id)
        session.add(Message(chat_id=chat_id, side="user", content=text))
        if place == 0 and changed.title == chat.title_of(before):
            changed.title = chat.title_of(text)
    return branch


def take_back(chat_id: str) -> str:
    """Takes the answers to the last question out, so that it is answered again; a branch keeps them.

    Returns the question. Raises NotFoundError; RefusedError where nothing was asked yet.
    """
    with db.session() as session:
        changed, turns = _turns(session, chat_id)
        place = max((place for place, turn in enumerate(turns) if turn.side == "user"), default=None)
        if place is None:
            raise RefusedError("Nothing was asked in this chat yet.", "Write a message first.")
        question, answers = turns[place], turns[place + 1 :]
        if answers:
            _branch(session, changed, turns, place)
        for turn in answers:
            session.delete(turn)
        chats.drop_hidden(session, chat_id, question.id)
        question.better = ""  # the vote was about the answers before
        return question.content


def family(chat_id: str) -> tuple[Chat, Sequence[tuple[Chat, str]]]:
    """The first chat of those that belong together, and its branches, the newest first, with their last questions."""
    with db.reading() as session:
        opened = existing(session, Chat, chat_id)
        first = (session.get(Chat, opened.branch_of) if opened.branch_of else None) or opened
        return first, chats.branches(session, first.id, MOST_LISTED)


def _turns(session: Session, chat_id: str) -> tuple[Chat, Sequence[Message]]:
    changed = existing(session, Chat, chat_id)
    return changed, chats.messages(session, chat_id)


def _branch(session: Session, changed: Chat, turns: Sequence[Message], place: int) -> Chat:
    """A copy of the chat. What was judged before `place` stays where the chat goes on, so that it counts once."""
    branch = Chat(project_id=changed.project_id, title=changed.title, branch_of=changed.branch_of or changed.id)
    session.add(branch)
    session.flush()
    for number, turn in enumerate(turns):
        fields = _KEPT if number < place else (*_KEPT, *_JUDGED)
        session.add(Message(chat_id=branch.id, **{name: getattr(turn, name) for name in fields}))
    session.flush()
    return branch
