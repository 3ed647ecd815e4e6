"""What has happened to a job, the newest first, in OpenAI's words: nothing is kept for it.

Told from the job's own row, the log of its run's states, and what its worker reported. An event's id says how much of
both was left when it was told: `ftevent-BYTES-STATES`. So a page begins where the last one ended, however long it is.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Literal

from engine.finetuning import files, names
from engine.finetuning.jobs import Known
from engine.finetuning.wrong import ParameterError
from engine.process import events
from storage import datasets as stored_datasets
from storage import db, home, transitions
from storage.statuses import RunStatus
from storage.tables import TuningJob

_ID = re.compile(r"ftevent-(?P<bytes>[0-9a-f]{1,12})-(?P<states>[0-9a-f]{1,6})")
NEVER = 2**40  # bytes: more than any log has
_LOSSES = {"loss": "train_loss", "eval_loss": "valid_loss"}
_ACCURACIES = {
    "mean_token_accuracy": "train_mean_token_accuracy",
    "eval_mean_token_accuracy": "valid_mean_token_accuracy",
}
_RUN_WORDS = {
    RunStatus.RUNNING: "Fine-tuning job started",
    RunStatus.QUEUED: "Job moved to queued state",
    RunStatus.STOPPING: "The job saves a checkpoint and stops",
    RunStatus.STOPPED: "The training has stopped",
    RunStatus.SUCCEEDED: "The job has successfully completed",
}


@dataclass(frozen=True)
class Told:
    """One event. `data` are the numbers of a step."""

    at: float
    message: str
    level: Literal["info", "warn", "error"] = "info"
    data: dict[str, Any] | None = None
    id: str = ""


Reported = tuple[int, int, Told]  # where its line begins and ends


def newest_first(known: Known, limit: int, after: str | None) -> list[Told]:
    """At most `limit` events, from the one after `after` on. Raises ParameterError for an `after` that is none."""
    end, states = _place(after)
    told = _states(known)[:states]
    return list(islice(_merged(told, _reported(known, end)), limit))


def _place(after: str | None) -> tuple[int, int | None]:
    if after is None:
        return NEVER, None
    if (match := _ID.fullmatch(after)) is None:
        raise ParameterError(f"`after` is `{after:.80}`, and there is no such event.", "after")
    return int(match["bytes"], 16), int(match["states"], 16)


def _merged(told: Sequence[Told], reported: Iterator[Reported]) -> Iterator[Told]:
    """Both by time, the newest first, each with its id.

    Of the log, everything before the id's byte is still to be told; so an id stays the same while the log grows.
    """
    left, upcoming = len(told), next(reported, None)
    while left or upcoming is not None:
        if upcoming is not None and (not left or upcoming[2].at > told[left - 1].at):
            (place, _, event), upcoming = upcoming, next(reported, None)
        else:
            left -= 1
            event, place = told[left], upcoming[1] if upcoming is not None else 0
        yield replace(event, id=f"ftevent-{place:x}-{left:x}")


def _states(known: Known) -> list[Told]:
    """What the job and its run went through, the oldest first."""
    job, run = known.job, known.run
    named = f"training file: {job.training_file}"
    if job.validation_file is not None:
        named = f"files: {job.training_file} and {job.validation_file}"
    told = [
        Told(job.created_at, f"Created fine-tuning job: {job.id}"),
        Told(job.created_at, f"Validating {named}"),
    ]
    if run is not None:
        told += [Told(run.created_at, text, "warn") for text in _left_out(job)]
        told.append(Told(run.created_at, "Files validated, moving job to queued state"))
        with db.reading() as session:
            log = transitions.log(session, run.id)
        for move in log:
            told += _moved(known, RunStatus(move.after), move.at, move.reason)
    if job.ended_at is not None:
        told.append(_ended(known, job.ended_at))
    return sorted(told, key=lambda event: event.at)


def _left_out(job: TuningJob) -> Iterator[str]:
    """Of each file with rows that are not learned, which they are."""
    named = ((job.training_file, job.dataset_id), (job.validation_file, job.validation_dataset_id))
    for file_id, dataset_id in named:
        with db.reading() as session:
            dataset = stored_datasets.get(session, dataset_id) if dataset_id is not None else None
        if dataset is not None and (words := files.left_out(dataset)):
            yield f"{file_id}: {words}"


def _moved(known: Known, after: RunStatus, at: float, reason: str) -> list[Told]:
    match after:
        case RunStatus.FAILED:
            message = known.run.error if known.run is not None and known.run.error else reason
            return [Told(at, message or "The training failed", "error")]
        case RunStatus.INTERRUPTED:
            return [Told(at, "The training was interrupted", "warn")]
        case RunStatus.SUCCEEDED:
            return [Told(at, f"New fine-tuned model created: {known.job.model_name}"), Told(at, _RUN_WORDS[after])]
        case RunStatus.STARTING:
            return []
    return [Told(at, _RUN_WORDS[after])]


def _ended(known: Known, at: float) -> Told:
    if known.job.error is not None:
        return Told(at, str(known.job.error["message"]), "error")
    return Told(at, "The job was cancelled")


def _reported(known: Known, end: int) -> Iterator[Reported]:
    """What the worker wrote before byte `end`, the newest first."""
    if known.run is None:
        return
    for begin, line_end, event in events.newest_first(home.run_folder(known.run.id), end):
        if (told := _of_event(known, event)) is not None:
            yield begin, line_end, told


def _of_event(known: Known, event: events.Event) -> Told | None:
    match event:
        case events.Step(step=step, metrics=metrics) if any(name in metrics for name in _LOSSES):
            return _of_step(known, event.at, step, metrics)
        case events.Saved(step=step):
            name = names.checkpoint(known.job.model_name, step)
            return Told(event.at, f"Checkpoint created at step {step}: {name}")
        case events.Note(message=message, level=level):
            return Told(event.at, message, "warn" if level == "warning" else "info")
    return None


def _of_step(known: Known, at: float, step: int, metrics: dict[str, float]) -> Told:
    total = known.run.max_steps if known.run is not None else None
    losses = ", ".join(
        f"{word} loss={metrics[name]:.2f}"
        for name, word in (("loss", "training"), ("eval_loss", "validation"))
        if name in metrics
    )
    place = f"{step}/{total}" if total else str(step)
    known_names = _LOSSES | _ACCURACIES
    numbers = {known_names[name]: value for name, value in metrics.items() if name in known_names}
    return Told(at, f"Step {place}: {losses}", data={"step": step, "total_steps": total, **numbers})
