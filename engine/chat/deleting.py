"""Chats, questions and answers that are deleted: hidden at once, had back for half a minute, then gone.

A chat goes with its branches. A question goes with its answers. An answer goes alone: its question stays, and the model
is not shown it any more, so that what a model is shown goes on taking turns (engine.chat.exchanges.taking_turns).
"""

from collections.abc import Sequence

from sqlmodel import Session

from engine import deleted
from engine.chat import answering, chat
from engine.chat.exchanges import exchanges
from engine.deleted import Deletion
from engine.errors import ConflictError, NotFoundError
from engine.existing import existing
from storage import chats, db
from storage.lists import deleted as stored_deleted
from storage.tables import Chat, Message
from storage.tables.columns import new_id

NOUN, TURNS = "chats", "messages"


def delete_chat(chat_id: str) -> str:
    """Hides a chat with its branches; answers on their way end. What was kept for training stays.

    Returns the id by which it comes back within UNDO_SECONDS. Raises NotFoundError.
    """
    deletion_id = new_id()
    with db.reading() as session:
        whole = [existing(session, Chat, chat_id), *chats.all_branches(session, chat_id)]
    for part in whole:
        answering.stop(part.id)
    with db.session() as session:
        deleted.mark([existing(session, Chat, chat_id), *chats.all_branches(session, chat_id)], deletion_id)
    return deletion_id


def delete_message(chat_id: str, message_id: int) -> str:
    """Hides a question with its answers, or one answer. Its branches keep what they have.

    Returns the id by which it comes back within UNDO_SECONDS. Raises NotFoundError; ConflictError while the chat is
    being answered.
    """
    if answering.is_writing(chat_id):
        raise ConflictError("The last question is still being answered.", "Wait for the answer, or press Stop.")
    deletion_id = new_id()
    with db.session() as session:
        opened = existing(session, Chat, chat_id)
        turns = chats.messages(session, chat_id)
        gone = _with_answers(turns, message_id)
        left = [turn for turn in turns if turn not in gone]
        if opened.title == _title(turns):
            opened.title = _title(left)
        deleted.mark(gone, deletion_id)
    return deletion_id


def _with_answers(turns: Sequence[Message], message_id: int) -> list[Message]:
    turn = next((turn for turn in turns if turn.id == message_id), None)
    if turn is None:
        raise NotFoundError(f"There is no message {message_id} in this chat.", "It may have been deleted.")
    if turn.side != "user":
        return [turn]
    asked = next(one for one in exchanges(turns) if one.question.id == message_id)
    return [turn, *asked.answers()]


def _title(turns: Sequence[Message]) -> str:
    """What a chat with these turns is called unless it was renamed."""
    return next((chat.title_of(turn.content) for turn in turns if turn.side == "user"), "")


def waiting(project_id: str | None = None) -> list[Deletion]:
    """Chats and turns that were deleted in the last UNDO_SECONDS, the last first."""
    with db.reading() as session:
        ids = chats.with_hidden_turns(session, project_id)
    turns = [deletion for chat_id in ids for deletion in waiting_turns(chat_id)]
    return sorted([*deleted.waiting(Chat, project_id), *turns], key=lambda deletion: -deletion.at)


def waiting_turns(chat_id: str) -> list[Deletion]:
    """The same of the turns of one chat."""
    return deleted.waiting(Message, chat_id=chat_id)


def undo(deletion_id: str) -> tuple[str, list[str]]:
    """Brings back a chat, or turns of one; see `engine.deleted.undo`. The ids are those of chats, or of turns."""
    if _is_of_turns(deletion_id):
        return deleted.undo(Message, deletion_id, _turn_comes_back)
    return deleted.undo(Chat, deletion_id, _comes_back)


def _is_of_turns(deletion_id: str) -> bool:
    with db.reading() as session:
        return bool(stored_deleted.at_once(session, Message, deletion_id))


def _comes_back(session: Session, branch: Chat) -> bool:
    """A branch stands nowhere without its chat."""
    first = chats.even_hidden(session, branch.branch_of) if branch.branch_of else None
    if first is not None and first.deleted_at is not None and first.deletion_id != branch.deletion_id:
        raise ConflictError("The chat that it is an earlier version of was deleted too.", "Undo that first.")
    return True


def _turn_comes_back(session: Session, turn: Message) -> bool:
    """To its old place, which its number says."""
    opened = session.get(Chat, turn.chat_id)
    if opened is None:
        raise ConflictError("The chat that it was said in was deleted too.", "Undo that first.")
    if turn.side == "user":
        first = next((other for other in chats.messages(session, turn.chat_id) if other.side == "user"), None)
        if (first is None or (first.id or 0) > (turn.id or 0)) and opened.title == _title([first] if first else []):
            opened.title = chat.title_of(turn.content)
        return True
    question = chats.question_of(session, turn)
    if question is not None and question.deleted_at is not None and question.deletion_id != turn.deletion_id:
        raise ConflictError("The question that it answers was deleted too.", "Undo that first.")
    return True


def free(deletion_id: str) -> list[str]:
    """Removes what one deletion took away at once. Raises NotFoundError."""
    if _is_of_turns(deletion_id):
        return deleted.free(Message, deletion_id, _remove_turn)
    return deleted.free(Chat, deletion_id, _remove)


def remove_due() -> None:
    """Removes what was deleted and can no longer be had back."""
    deleted.remove_due(Message, TURNS, _remove_turn)
    deleted.remove_due(Chat, NOUN, _remove)


def _remove_turn(message_id: int, over: float) -> None:
    """A question takes along the answers to it that were deleted before it: they have no place without it."""
    with db.session() as session:
        turn = stored_deleted.row_of(session, Message, message_id, over)
        if turn is not None:
            if turn.side == "user":
                chats.drop_hidden_answers(session, turn)
            session.delete(turn)


def _remove(chat_id: str, over: float) -> None:
    with db.session() as session:
        row = stored_deleted.row_of(session, Chat, chat_id, over)
        if row is not None:
            chats.clear(session, chat_id)
            session.delete(row)
