"""The app's side of Optuna: what it is asked, and where its answers are. Nothing here waits.

What to try next is asked of a worker that lives as long as the sweep: a piece of work, started by the first question
and again when it is killed; it ends by itself when nobody asks. It knows nothing but what each question says, so who
asks the same again is told the same: while a question has no answer, ask it again each time you look.

Which fields mattered, and the study as a file of Optuna, are asked of workers of their own.
"""

from pathlib import Path

from engine.process import process, work
from engine.sweeps import exchange
from engine.sweeps.study import Advice, Question, Study, Trial
from storage.statuses import WORK_MOVING, WorkStatus
from storage.tables import Work

KIND, IMPORTANCE, STUDY_FILE = "sweep_advice", "sweep_importance", "sweep_study_file"
FILE = "sweep.db"  # what the worker of STUDY_FILE leaves
JUDGED, DONE = ("search", "warm"), ("complete", "pruned")  # phases and states that say something of the space


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


def ask_importance(sweep_id: str, study: Study, objective: int = 0) -> Work:
    """Begins to find out which fields mattered for one objective, or returns what there is.

    Its result is {field: share}, together 1. The same finished trials are judged once; where that failed, not again.
    """
    trials = tuple(_judged(trial) for trial in study.trials if trial.state in DONE and trial.phase in JUDGED)
    spec = {"study": study.model_copy(update={"trials": trials}).model_dump_json(), "objective": objective}
    before = work.find(IMPORTANCE, sweep_id, spec)
    if before is not None and before.status == WorkStatus.FAILED:
        return before
    return work.start(IMPORTANCE, sweep_id, spec)


def _judged(trial: Trial) -> Trial:
    """What its settings led to; nothing else decides, so nothing else makes it another question."""
    return Trial(number=trial.number, state=trial.state, phase=trial.phase, params=trial.params, values=trial.values)


def ask_study_file(sweep_id: str, name: str, study: Study) -> Work:
    """Begins to write the sweep as a study of Optuna, or returns what there is. `study_file` says where.

    It is a file of its own, made anew from our rows: Optuna's tables and the studio's have one of the same name.
    """
    return work.start(STUDY_FILE, sweep_id, {"name": name, "study": study.model_dump_json()})


def study_file(piece: Work) -> Path | None:
    """The file for `optuna.load_study(study_name=None, storage="sqlite:///sweep.db")`; None until it is there."""
    path = work.folder(piece) / FILE
    return path if piece.status == WorkStatus.SUCCEEDED and path.is_file() else None


def _failed_at(worker: Work, question_id: str) -> bool:
    out = work.folder(worker)
    return worker.status == WorkStatus.FAILED and exchange.is_asked(out, question_id) and not exchange.has_answered(out)
