"""Exports: trained weights taken away. queued -> running -> succeeded | failed, as the work that makes them.

`adapter` is what a run left, sent as it lies there, so nothing has to be made. `merged` is one model of the base and
the adapter: a worker makes it (engine.workers.exports.merge), and it stays until the export or its run is deleted.
A run that trained every weight has left such a model already. `gguf` is one file for llama.cpp and its like, of the
whole model or of the adapter alone. A kind `quantized`, for vLLM, will be another entry of OPTIONS.
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlmodel import Session

from engine.errors import ConflictError, NotFoundError, RefusedError, TunesmithError
from engine.existing import existing, missing, refuse_held
from engine.exports import contents, estimates, facts, gguf, merging, parity
from engine.exports.archive import Archive
from engine.exports.card.card import text
from engine.exports.card.told import Kind
from engine.exports.estimates import Estimate
from engine.exports.gguf import GgufOptions
from engine.process import work
from engine.recipes import recipe
from engine.recipes.choices.tunings import MOVED_STARTS
from engine.subjects import subject as subjects
from engine.subjects.subject import Subject
from storage import db, exports, uses
from storage.statuses import WORK_MOVING, WorkStatus
from storage.tables import Export, Run, Work

Dtype = Literal["base", "float32", "bfloat16", "float16"]
Row = exports.Row


class NoOptions(BaseModel):
    """An adapter is taken as it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class MergeOptions(BaseModel):
    """How the two become one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dtype: Dtype = Field(default="base", description="Precision of the merged weights; base: as the base model's.")


OPTIONS: dict[str, type[BaseModel]] = {"adapter": NoOptions, "merged": MergeOptions, "gguf": GgufOptions}


def create(subject_name: str, kind: str, options: dict[str, Any] | None = None) -> Row:
    """An export of a subject (see engine.subjects), begun if there is something to make; the same one is made once.

    Raises RefusedError for what cannot be taken away so, with the way that does work; NotFoundError; ConflictError for
    a run that has nothing yet, or too little memory; DiskFullError for too little disk.
    """
    subject, checked_options = _checked(subject_name, kind, options or {})
    with db.reading() as session:
        for export, made_by in exports.with_same_options(session, subject.name, kind, checked_options):
            if made_by is None or made_by.status in (*WORK_MOVING, WorkStatus.SUCCEEDED):
                return export, made_by
    export = Export(run_id=subject.run.id, subject=subject.name, kind=kind, options=checked_options)
    if not _is_made(subject, kind, checked_options):
        export.size_bytes = _archive(subject, subject.folder, export).content_bytes
        return _saved(export), None
    making = _begin(subject, export)
    export.work_id = making.id
    return _saved(export), making


def estimate(subject_name: str, kind: str, options: dict[str, Any] | None = None) -> Estimate:
    """What such an export takes, before it is begun; nothing is. Raises as `create`, but not for want of room."""
    subject, checked_options = _checked(subject_name, kind, options or {})
    if not _is_made(subject, kind, checked_options):
        return Estimate(size_of(subject), 0, 0, 0.0)
    return _estimate(subject, kind, checked_options)


def _checked(subject_name: str, kind: str, options: dict[str, Any]) -> tuple[Subject, dict[str, Any]]:
    if kind not in OPTIONS:
        raise RefusedError(f"There is no export of the kind `{kind:.40}`.", f"Choose one of: {', '.join(OPTIONS)}.")
    checked_options = _options(kind, options)
    subject = subjects.look_up(subject_name)
    refuse(subject, kind, checked_options)
    return subject, checked_options


def _is_made(subject: Subject, kind: str, options: dict[str, Any]) -> bool:
    return kind == "gguf" or merging.is_needed(subject, kind, options)


def _estimate(subject: Subject, kind: str, options: dict[str, Any]) -> Estimate:
    if kind == "gguf":
        return estimates.of_gguf(subject, GgufOptions.model_validate(options))
    return estimates.merged(subject, merging.dtype_of(subject, options["dtype"]))


def _begin(subject: Subject, export: Export) -> Work:
    """The work that makes it, begun or in the queue. Raises DiskFullError, ConflictError, RefusedError."""
    expected = _estimate(subject, export.kind, export.options)
    card = text(facts.of(subject, _kind(export.kind), export.options))
    if export.kind == "gguf":
        estimates.check(expected, "The GGUF")
        kind, spec = gguf.KIND, gguf.spec(subject, GgufOptions.model_validate(export.options), card)
    else:
        estimates.check(expected, "The merged model")
        kind, spec = merging.KIND, merging.spec(subject, export.options["dtype"], card)
    return work.start(kind, subject.run.id, spec | {"estimate": asdict(expected)})


def _options(kind: str, options: dict[str, Any]) -> dict[str, Any]:
    try:
        return OPTIONS[kind].model_validate(options).model_dump()
    except ValidationError as error:
        hint = "\n".join(recipe.problems(error, "option", OPTIONS[kind].model_fields))
        raise RefusedError(f"The options of this export ({kind}) are wrong.", hint) from error


def refuse(subject: Subject, kind: str, options: dict[str, Any] | None = None) -> None:
    """Raises RefusedError when such weights cannot be taken away in this way."""
    run = subject.run
    if subject.step is not None and run.recipe.get("init_lora_weights") in MOVED_STARTS:
        message = f"Checkpoints of `{run.name}` count from its start ({run.recipe['init_lora_weights']})."
        raise RefusedError(message, "They do not fit the plain base. Let the run end, and take its result.")
    if kind == "adapter" and subject.weights == "model":
        message = f"The run `{run.name}` trained the weights themselves, so it has no adapter."
        raise RefusedError(message, "Take it as `merged`: that is the whole model, and it is ready at once.")
    if kind == "merged":
        merging.refuse(subject)
    if kind == "gguf":
        gguf.refuse(subject, GgufOptions.model_validate(options or {}))


def _saved(export: Export) -> Export:
    try:
        with db.session() as session:
            existing(session, Run, export.run_id)
            session.add(export)
    except NotFoundError:  # deleted in this instant
        work.forget_subject(export.run_id)
        raise
    return export


def look_up(export_id: str) -> Row:
    """The export and the work that makes it, if any does. Raises NotFoundError."""
    with db.reading() as session:
        export = existing(session, Export, export_id)
        made_by = session.get(Work, export.work_id) if export.work_id else None
    if export.work_id and made_by is None:
        raise missing(Export, export_id)
    return export, made_by


def of_run(run_id: str, limit: int = 50) -> Sequence[Row]:
    """All of a run, the newest first."""
    with db.reading() as session:
        return exports.recent(session, run_id, limit)


def describe(export: Export, made_by: Work | None) -> dict[str, Any]:
    """What there is to say about an export. What is made says how far it is, and at its end how large and how exact."""
    done = made_by is None or made_by.status == WorkStatus.SUCCEEDED
    result, said = (made_by.result, made_by.spec.get("estimate")) if made_by else ({}, None)
    size = result.get("size_bytes") if made_by else export.size_bytes
    return {
        **{name: getattr(export, name) for name in ("id", "run_id", "subject", "kind", "options", "created_at")},
        "status": made_by.status if made_by else WorkStatus.SUCCEEDED,
        **{name: getattr(made_by, name, None) for name in ("progress", "stage", "error", "hint")},
        "size_bytes": size,
        "file": result.get("file"),
        "estimate": said,
        "seconds": result.get("seconds"),
        "parity": parity.describe(made_by),
        "notes": [*result.get("notes", []), *(estimates.off(said, size) if done else [])],
        "folder": _place(export, made_by) if done else None,
    }


def _place(export: Export, made_by: Work | None) -> str | None:
    """Where its files lie; None when they are gone, such as a checkpoint of a run that was resumed."""
    try:
        return str(folder(export, made_by))
    except TunesmithError:
        return None


def folder(export: Export, made_by: Work | None) -> Path:
    """Where its files lie on this machine. Raises NotFoundError or ConflictError when its subject is gone."""
    if made_by is not None:
        return work.folder(made_by) / str(made_by.result.get("folder", merging.FOLDER))
    return subjects.look_up(export.subject).folder


def download(export_id: str) -> Archive:
    """The files of a finished export as one archive. Raises NotFoundError, or ConflictError while there are none."""
    export, made_by = look_up(export_id)
    if made_by is not None and made_by.status != WorkStatus.SUCCEEDED:
        raise ConflictError(f"The export is {made_by.status.value}.", made_by.error or "Wait until it has succeeded.")
    parity_found = parity.describe(made_by)
    return _archive(subjects.look_up(export.subject), folder(export, made_by), export, parity_found)


def result_of(run_id: str) -> Archive:
    """What a run has left, adapter or whole model, as one archive. Raises NotFoundError, ConflictError."""
    subject = subjects.look_up(f"run:{run_id}")
    kind = "adapter" if subject.weights == "adapter" else "merged"
    return _archive(subject, subject.folder, Export(run_id=run_id, subject=subject.name, kind=kind, options={}))


def card_of(run_id: str, export_id: str | None = None) -> str:
    """The model card of an export, or of what a run has left. Raises NotFoundError, ConflictError."""
    if export_id:
        export, made_by = look_up(export_id)
        subject = subjects.look_up(export.subject)
        return text(facts.of(subject, _kind(export.kind), export.options, parity=parity.describe(made_by)))
    subject = subjects.look_up(f"run:{run_id}")
    return text(facts.of(subject, "adapter" if subject.weights == "adapter" else "merged"))


def size_of(subject: Subject) -> int:
    """Bytes of the files of a subject that are taken away."""
    return sum(path.stat().st_size for path in contents.files(subject.folder))


def _archive(subject: Subject, files: Path, export: Export, compared: dict[str, Any] | None = None) -> Archive:
    export_facts = facts.of(subject, _kind(export.kind), export.options, parity=compared)
    entries = contents.of_folder(files, export_facts.base_name, text(export_facts))
    entries += contents.licence(Path(subject.base.path or ""), {entry.name for entry in entries})
    return Archive(export_facts.folder_name, entries, subject.run.ended_at or subject.run.created_at)


def _kind(kind: str) -> Kind:
    return next(name for name in get_args(Kind) if name == kind)


def delete(export_id: str) -> None:
    """Ends the making if it is under way, and removes what was made; the run keeps what it left itself.

    A push of it that is under way ends too. Raises NotFoundError; ConflictError while a version holds it, or an
    endpoint serves it.
    """
    with db.session() as session:
        export = existing(session, Export, export_id)
        refuse_held(session, export, f"The export `{export.id}`")
        _refuse_served(session, export)
        making = session.get(Work, export.work_id) if export.work_id else None
        session.delete(export)
        session.flush()
        is_shared = making is not None and bool(exports.made_by(session, making.id))
    work.forget_subject(export_id)
    if making is not None and not is_shared:
        work.forget(making)


def _refuse_served(session: Session, export: Export) -> None:
    for endpoint, _ in uses.serving_exports(session).get(export.id, ()):
        raise ConflictError(f"The endpoint `{endpoint.name}` serves this export.", "Stop that endpoint first.")
