"""Answers that are being written: each in a thread of its own, so that it goes on when the page that asked is left.

begin -> follow, by as many pages as like -> over: then it is in the database, and no longer here. `stop` ends it
early, and a page that is closed does not. They end with the process; `stop_all` stores what had come until then.
"""

import threading
from collections.abc import Generator
from dataclasses import dataclass, field

from engine.chat import chat
from engine.chat.sampling import Sampling
from engine.errors import ConflictError, TunesmithError

MOST_FAILED = 100  # whose errors are kept, until their chats are asked again
STOP_SECONDS = 3.0  # until what had come is stored; a model that computes its first word may take longer


@dataclass(frozen=True)
class Question:
    """What a side is asked to answer: the chat's last turn, by a model, with the settings of the page."""

    chat_id: str
    side: chat.Side
    model: str
    system: str = ""
    sampling: Sampling = chat.USUAL


@dataclass
class _Answer:
    text: str = ""
    error: TunesmithError | None = None
    stopped: bool = False
    over: bool = False
    changed: threading.Condition = field(default_factory=threading.Condition)
    thread: threading.Thread | None = None


_answers: dict[tuple[str, chat.Side], _Answer] = {}
_lock = threading.Lock()


def begin(question: Question) -> None:
    """Starts to write the answer. Raises ConflictError while the chat's side still answers."""
    key, answer = (question.chat_id, question.side), _Answer()
    answer.thread = threading.Thread(target=_write, args=(question, answer), name="answer", daemon=True)
    with _lock:
        if key in _answers and not _answers[key].over:
            raise ConflictError("The last question is still being answered.", "Wait for the answer, or press Stop.")
        _answers[key] = answer
    answer.thread.start()


def is_writing(chat_id: str, side: chat.Side | None = None) -> bool:
    """Whether a side of the chat, or any of them, is being answered."""
    with _lock:
        return any(chat_id == key[0] and side in (None, key[1]) and not answer.over for key, answer in _answers.items())


def so_far(chat_id: str, side: chat.Side) -> tuple[str, str]:
    """What has come of an answer that is being written, and the error of one that ended with one."""
    with _lock:
        answer = _answers.get((chat_id, side))
    if answer is None:
        return "", ""
    return "" if answer.over else answer.text, str(answer.error or "")


def follow(chat_id: str, side: chat.Side) -> Generator[str]:
    """What has come of an answer, then each further piece as it comes; nothing where none is being written.

    Raises what the answer ended with, now or before: NotFoundError, NotReadyError, RefusedError, ChatError.
    """
    with _lock:
        answer = _answers.get((chat_id, side))
    if answer is None:
        return
    seen = len(answer.text) if answer.over else 0  # what had come of it is stored
    while True:
        with answer.changed:
            while len(answer.text) == seen and not (answer.over or answer.stopped):
                answer.changed.wait()
            piece, is_over = answer.text[seen:], answer.over or answer.stopped
        seen += len(piece)
        if piece:
            yield piece
        if is_over:
            with answer.changed:  # who has followed reads what was stored
                answer.changed.wait_for(lambda: answer.over, STOP_SECONDS)
            if answer.error:
                raise answer.error
            return


def stop(chat_id: str) -> None:
    """Stops both sides of a chat, and waits up to STOP_SECONDS until what had come is stored."""
    with _lock:
        stopped = [answer for key, answer in _answers.items() if key[0] == chat_id]
    _end(stopped)


def stop_all() -> None:
    """Stops every answer, and stores what had come: the process is about to end."""
    with _lock:
        stopped = list(_answers.values())
    _end(stopped)


def _end(answers: list[_Answer]) -> None:
    for answer in answers:
        with answer.changed:
            answer.stopped = True
            answer.changed.notify_all()
    for answer in answers:
        if answer.thread is not None:
            answer.thread.join(STOP_SECONDS)


def _write(question: Question, answer: _Answer) -> None:
    pieces = chat.answer(question.chat_id, question.side, question.model, question.system, question.sampling)
    try:
        for piece in pieces:
            with answer.changed:
                answer.text += piece
                answer.changed.notify_all()
            if answer.stopped:
                break
    except TunesmithError as error:
        answer.error = error
    finally:
        pieces.close()  # stores what had come, before anybody is told that it is over
        with answer.changed:
            answer.over = True
            answer.changed.notify_all()
        _tidy()


def _tidy() -> None:
    """Forgets the answers that are over, but for the last errors."""
    with _lock:
        failed = [key for key, answer in _answers.items() if answer.over and answer.error]
        for key in [key for key, answer in _answers.items() if answer.over and key not in failed[-MOST_FAILED:]]:
            del _answers[key]
