"""Questions of a sweep and their answers, as files in the folder of its worker.

    questions/NAME.json    a Question; there until it is answered
    answers/NAME.json      its Advice; there for an hour

A file is written whole or not at all, and named by the question's id, so that asking twice changes nothing. A question
holds the whole study: kept as lines of one file, the questions of a thousand trials would fill gigabytes.
"""

import contextlib
import hashlib
import os
import threading
import time
from pathlib import Path

from pydantic import ValidationError

from engine.sweeps.study import Advice, Question

QUESTIONS, ANSWERS = "questions", "answers"
KEPT_SECONDS = 3600


def ask(folder: Path, question: Question) -> None:
    """Puts a question to the worker of this folder. One that was put before, or is answered, is left as it is."""
    if not is_asked(folder, question.id) and answer(folder, question.id) is None:
        _write(_path(folder, QUESTIONS, question.id), question)


def is_asked(folder: Path, question_id: str) -> bool:
    """Whether a question waits for its answer."""
    return _path(folder, QUESTIONS, question_id).exists()


def waiting(folder: Path) -> list[Question]:
    """The questions without an answer, the oldest first. One that cannot be read is dropped: it is asked again."""
    questions = []
    for path in sorted((folder / QUESTIONS).glob("*.json"), key=lambda path: path.stat().st_mtime_ns):
        try:
            questions.append(Question.model_validate_json(path.read_bytes()))
        except ValidationError:
            path.unlink(missing_ok=True)
    return questions


def reply(folder: Path, advice: Advice) -> None:
    """Answers a question: the answer is there before the question goes."""
    _write(_path(folder, ANSWERS, advice.id), advice)
    _path(folder, QUESTIONS, advice.id).unlink(missing_ok=True)


def answer(folder: Path, question_id: str) -> Advice | None:
    """The answer to a question, if there is one yet."""
    with contextlib.suppress(FileNotFoundError, ValidationError):
        return Advice.model_validate_json(_path(folder, ANSWERS, question_id).read_bytes())
    return None


def has_answered(folder: Path) -> bool:
    """Whether the worker of this folder has ever answered anything."""
    return (folder / ANSWERS).exists()


def drop_old(folder: Path) -> None:
    """Removes answers that were given long ago: whoever still wants one asks again and is told the same."""
    for path in (folder / ANSWERS).glob("*.json"):
        if path.stat().st_mtime < time.time() - KEPT_SECONDS:
            path.unlink(missing_ok=True)


def _path(folder: Path, room: str, question_id: str) -> Path:
    return folder / room / f"{hashlib.sha256(question_id.encode()).hexdigest()[:32]}.json"


def _write(path: Path, data: Question | Advice) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_native_id()}.draft")
    draft.write_text(data.model_dump_json(), encoding="utf-8")
    draft.replace(path)
