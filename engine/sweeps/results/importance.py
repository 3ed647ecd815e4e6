"""Which fields mattered. The shares come from a worker (PED-ANOVA); here: whether there is enough to ask, the answer.

The worker gets a copy of the trials: asking, or looking at what was answered, touches neither study nor sampler.
"""

from typing import Any

from engine.process import work
from engine.sweeps import asking
from engine.sweeps.life import studies
from engine.sweeps.picture import Picture
from engine.sweeps.study import Study, Trial
from storage.statuses import WORK_MOVING, WorkStatus
from storage.tables import Work

FEWEST = 40  # finished trials; with fewer the shares change with every trial
OFTEN = 10  # while it moves the shares are worked out anew with every tenth part more trials


def look(picture: Picture, may_ask: bool = True) -> dict[str, Any]:
    """What is known, {state, said, shares}; what is not is asked for, and is there some seconds later.

    While the newest shares are worked out, those before them are told.
    """
    if few := too_few(picture):
        return few
    if may_ask:
        piece = asking.ask_importance(picture.id, studies.study(picture.spec, counted(picture)))
        if piece.status == WorkStatus.FAILED:
            return said("failed", f"It could not be computed. {piece.error or ''}".strip())
    pieces = work.about(picture.id, asking.IMPORTANCE)
    if done := next((piece for piece in pieces if piece.status == WorkStatus.SUCCEEDED), None):
        return shares(done.result, _trials_of(done))
    moving = any(piece.status in WORK_MOVING for piece in pieces)
    return said("computing", "Being computed.") if moving else said("unknown", "Not computed yet.")


def _trials_of(piece: Work) -> int:
    return len(Study.model_validate_json(piece.spec["study"]).trials)


def counted(picture: Picture) -> tuple[Trial, ...]:
    """The trials of the search that have ended by themselves: those that were pruned are told as the worst.

    While it moves, so many of them that not each new one has it worked out anew.
    """
    done = [trial for trial in picture.trials if trial.phase == "search" and _says_something(trial)]
    every = max(1, len(done) // OFTEN) if picture.is_moving else 1
    return tuple(done[: len(done) - len(done) % every])


def _says_something(trial: Trial) -> bool:
    """By taste a trial is complete and has no value until somebody has compared it."""
    return trial.state == "pruned" or (trial.state == "complete" and trial.values is not None)


def too_few(picture: Picture) -> dict[str, Any] | None:
    """What is said instead of shares while there are too few finished trials, or only one field; else None."""
    done = sum(trial.phase == "search" and trial.state == "complete" and bool(trial.values) for trial in picture.trials)
    if len(picture.spec.space) < 2:
        return said("none", "There is only one field, so there is nothing to compare it with.")
    if done < FEWEST:
        kind = "compared" if picture.by_taste else "finished"
        return said("few", f"Too few trials to say: {done} of the {FEWEST} {kind} ones that it takes.")
    return None


def said(state: str, words: str) -> dict[str, Any]:
    return {"state": state, "said": words, "shares": {}}


def shares(by_field: dict[str, float], trials: int) -> dict[str, Any]:
    """The answer of the worker: what share each field has, from how many trials."""
    words = f"From {trials} trials, pruned ones as the worst, by PED-ANOVA: what sets the best tenth apart from all."
    ordered = dict(sorted(by_field.items(), key=lambda pair: -pair[1]))
    return {"state": "done", "said": words, "shares": ordered}
