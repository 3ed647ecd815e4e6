"""How a run ended, from what its worker said last and what its shim wrote. Pure: facts in, a decision out."""

import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from storage.statuses import RunStatus

Again = Literal["never", "after progress", "always", "smaller"]

# By category of failure; what is not here, trying again cannot mend: data, config, and a disk that is full. A mistake
# in the code repeats itself too, unless the run got somewhere before. "smaller": with less memory, see
# engine.runs.healing.
AGAIN: dict[str, Again] = {"network": "always", "code": "after progress", "memory": "smaller"}
MOST_AUTO_RESUMES = 3
STUCK = "The training was stuck: it made no step any more, and was ended."
NO_SPACE = "no space left on device"
SIGNALLED = 128  # a program that a signal N ended may report 128 + N


@dataclass(frozen=True)
class Verdict:
    """Where the run goes, what its page says, and whether trying again by itself may help."""

    status: RunStatus
    error: str | None = None
    hint: str | None = None
    artifact: str | None = None
    again: Again = "never"


@dataclass(frozen=True)
class End:
    """What is known when no process lives any more."""

    folder: Path
    asked_to_stop: bool
    ending: dict[str, Any] | None  # the worker's Finished or Failed event
    record: dict[str, Any] | None  # the shim's exit record
    last_words: str
    was_stuck: bool = False  # it was ended by the studio, because it made no step any more


def judge(end: End) -> Verdict:
    """`succeeded` only when the worker said so and the result is there."""
    if end.ending and end.ending["kind"] == "finished":
        return _finished(end)
    if end.was_stuck and not end.asked_to_stop:  # whatever it said when it was ended
        hint = "The Machine tab shows what it did. Resume continues from the last checkpoint."
        return Verdict(RunStatus.INTERRUPTED, STUCK, hint, again="always")
    if end.ending:
        again = "never" if end.asked_to_stop else AGAIN.get(end.ending["category"], "never")
        return Verdict(RunStatus.FAILED, end.ending["message"], end.ending["hint"] or None, again=again)
    if end.asked_to_stop:
        return Verdict(RunStatus.STOPPED)
    return _died(end)


def _finished(end: End) -> Verdict:
    ending = end.ending or {}
    if ending["outcome"] == "stopped":
        return Verdict(RunStatus.STOPPED)
    artifact = str(ending["result"].get("artifact", ""))
    if artifact in ("adapter", "model") and _has_files(end.folder / artifact):
        return Verdict(RunStatus.SUCCEEDED, artifact=artifact)
    return Verdict(
        RunStatus.FAILED,
        "The training ended well, but its result is missing.",
        "See the log. Resume continues from the last checkpoint.",
    )


def _died(end: End) -> Verdict:
    if end.record is None:
        hint = "Something killed it from outside, or the machine went down. Resume continues from the last checkpoint."
        return Verdict(RunStatus.INTERRUPTED, "The training process disappeared.", hint, again="always")
    code = int(end.record["code"])
    if end.record.get("out_of_memory"):
        hint = "Use a smaller per_device_train_batch_size or max_length, gradient_checkpointing, or tuning qlora."
        message = "The machine ran out of memory, and the system ended the training."
        return Verdict(RunStatus.FAILED, message, hint, again=AGAIN["memory"])
    if code < 0 or code > SIGNALLED:
        number = -code if code < 0 else code - SIGNALLED
        if number == signal.SIGPROF:  # see engine.workers.limits
            hint = "Choose another model, or correct its chat template."
            return Verdict(RunStatus.FAILED, "The model's chat template ran too long on one row.", hint)
        hint = "Resume continues from the last checkpoint."
        return Verdict(RunStatus.INTERRUPTED, f"The training was ended by signal {number}.", hint, again="always")
    if NO_SPACE in end.last_words.lower():  # so full that not even the failure could be written
        hint = "Delete runs or models that are no longer needed, then resume the run."
        return Verdict(RunStatus.FAILED, "The disk is full.", hint)
    words = f"The training process ended without a result (exit code {code})."
    return Verdict(RunStatus.FAILED, f"{words}\n{end.last_words}".strip(), "See the log.", again="after progress")


def _has_files(folder: Path) -> bool:
    return folder.is_dir() and not folder.is_symlink() and any(folder.iterdir())


def signature(verdict: Verdict, step: int) -> str:
    """Names a failure and how far the run had come: `STEP MESSAGE`."""
    return f"{step} {(verdict.error or '')[:200]}"


def tries_again(verdict: Verdict, resumes: int, last_failure: str | None, step: int) -> bool:
    """Whether to go on without being asked. `step` is that of the newest checkpoint, -1 without one.

    Never more than three times, and never again after the same failure unless there is a newer checkpoint since.
    """
    if verdict.again in ("never", "smaller") or resumes >= MOST_AUTO_RESUMES:
        return False
    if verdict.again == "after progress" and step < 0:
        return False
    last_step, _, last_message = (last_failure or "").partition(" ")
    is_same_failure = last_message == (verdict.error or "")[:200]
    return not (is_same_failure and step <= int(last_step))
