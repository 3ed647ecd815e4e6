"""One checkpoint of a run, deleted alone: refused in words while something uses it, and what goes with it said before.

It is out of sight by one rename, in the transaction that has found nothing using it; the disk is freed after that.
"""

from collections.abc import Iterator, Sequence
from secrets import token_hex
from typing import Any

from sqlmodel import Session

from engine.errors import ConflictError, NotFoundError
from engine.existing import existing
from engine.process import trash
from engine.runs import runs
from engine.serve import adapter_names
from engine.weights import checkpoints
from storage import db, endpoints, evaluations, exports, home, served_adapters
from storage.statuses import RUN_MOVING, RUN_RESUMABLE, SERVING_KEPT, AdapterStatus
from storage.tables import Run

LEAVING = "deleted-"  # the name of a folder that is on its way out; no checkpoint is called so


def delete(run_id: str, step: int) -> dict[str, Any]:
    """Deletes one checkpoint for good; returns what was listed of it.

    Raises NotFoundError; ConflictError while the run moves, or an endpoint, an export or an evaluation uses it.
    """
    entry = _listed(runs.checkpoints(run_id), runs.look_up(run_id), step)
    folder = checkpoints.folder_of(home.run_folder(run_id))
    with db.session() as session:
        run = existing(session, Run, run_id)
        refuse(session, run, step)
        try:
            (folder / f"checkpoint-{step}").rename(folder / f"{LEAVING}{step}-{token_hex(4)}")
        except FileNotFoundError:  # somebody else was faster
            raise _missing(run, step, ()) from None
    for path in folder.glob(f"{LEAVING}*"):  # what a kill has left here before goes along
        trash.discard(path)
    return entry


def refuse(session: Session, run: Run, step: int) -> None:
    """Raises ConflictError while the run moves, or something uses the checkpoint or has its files from there."""
    if run.status in RUN_MOVING:
        message = f"The run `{run.name}` is {run.status.value}: its checkpoints come and go."
        raise ConflictError(message, "Wait until it has ended, or stop it.")
    subject = adapter_names.subject(run.id, step)
    if name := next(_serving(session, subject), None):
        message = f"The endpoint `{name}` serves step {step:,} of `{run.name}`."
        raise ConflictError(message, "Stop that endpoint first, or remove the adapter from it.")
    if kinds := exports.kinds_of(session, f"run:{subject}"):
        message = f"There is an export of step {step:,} of `{run.name}`: {', '.join(kinds)}."
        raise ConflictError(message, "Delete that export first: it needs the files of this checkpoint.")
    if compared := evaluations.moving_with(session, f"run:{subject}"):
        message = f"The evaluation `{compared[0].name}` asks step {step:,} of `{run.name}`."
        raise ConflictError(message, "Wait until it has ended, or stop it.")


def _serving(session: Session, subject: str) -> Iterator[str]:
    """Names of the endpoints that serve it, will at the next request, or are loading it."""
    kept = endpoints.kept(session, SERVING_KEPT)
    loads = served_adapters.of(session, [backend.id for _, backend in kept])
    loading = {row.backend_id for row in loads if (row.subject, row.status) == (subject, AdapterStatus.LOADING)}
    for endpoint, backend in kept:
        if backend.id in loading or subject in adapter_names.subjects(backend.adapters):
            yield endpoint.name


def what_goes(run: Run, listed: Sequence[dict[str, Any]], step: int) -> str:
    """What a person should know before this one is deleted: that it is the best, and what a resume would go on from."""
    entry = _listed(listed, run, step)
    others = [other["step"] for other in listed if other["good"] and other["step"] != step]
    words = []
    if entry["best"]:
        words.append("It is the best one by the recipe's measure.")
    if entry["newest"] and run.status in RUN_RESUMABLE:
        then = f"continue from step {max(others):,}" if others else "start from the beginning"
        words.append(f"Resume needs it: without it the training would {then}.")
    if entry["newest"] and not others and not run.artifact:
        words.append("Nothing else of what this run has learned is kept.")
    return " ".join(words)


def _listed(listed: Sequence[dict[str, Any]], run: Run, step: int) -> dict[str, Any]:
    entry = next((entry for entry in listed if entry["step"] == step), None)
    if entry is None:
        raise _missing(run, step, [entry["step"] for entry in listed])
    return entry


def _missing(run: Run, step: int, steps: Sequence[int]) -> NotFoundError:
    hint = f"There is: step {', '.join(f'{step:,}' for step in steps)}." if steps else "It may have been deleted."
    return NotFoundError(f"The run `{run.name}` has no checkpoint at step {step:,}.", hint)
