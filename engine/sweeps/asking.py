"""The app's side of a sweep's worker: a question is put to it, its advice is read. Nothing here waits.

The worker is a piece of work about the sweep. It is started by the first question, started again when it is killed, and
ends by itself when nobody asks. It knows nothing but what each question says, so whoever asks the same again is told
the same: while a question has no answer, ask it again each time you look.
"""

from engine.process import process, work
from engine.sweeps import exchange
from engine.sweeps.study import Advice, Question
from storage.statuses import WORK_MOVING, WorkStatus
from storage.tables import Work

KIND = "sweep_advice"


def ask(sweep_id: str, question: Question) -> None:
    """Puts a question to the sweep's worker, which is started if there is none. Asking twice changes nothing.

    A worker that failed over this very question, without having answered any, is not started again for it.
    """
    worker = work.latest(sweep_id, KIND)
    if worker is not None and _failed_at(worker, question.id):
        return
    if worker is None or worker.status not in WORK_MOVING:
        worker = work.start(KIND, sweep_id, {"sweep": sweep_id})
    exchange.ask(work.folder(worker), question)


def answer(sweep_id: str, question_id: str) -> Advice | None:
    """The advice on a question; None while there is none. `problem` says why there never will be."""
    worker = work.latest(sweep_id, KIND)
    if worker is None:
        return None
    advice = exchange.answer(work.folder(worker), question_id)
    if advice is None and _failed_at(worker, question_id):
        return Advice(id=question_id, problem=f"{worker.error or ''} {worker.hint or ''}".strip())
    return advice


def end(sweep_id: str) -> None:
    """Lets the sweep's worker go: there is nothing more to ask."""
    for worker in work.about(sweep_id, KIND):
        if worker.status in WORK_MOVING:
            process.request_stop(work.folder(worker))


def _failed_at(worker: Work, question_id: str) -> bool:
    out = work.folder(worker)
    return worker.status == WorkStatus.FAILED and exchange.is_asked(out, question_id) and not exchange.has_answered(out)
