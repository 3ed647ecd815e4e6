"""Versions: kept under a model's name with a number of their own, described, changed, checked, deleted.

A version holds a run's result, an export or a model; the weights stay where they are, and nothing that a version holds
can be deleted. Its files are hashed when it is kept: at once, or by a worker where there are more than a few megabytes.
"""

import time
from collections.abc import Sequence
from typing import Literal, get_args

from sqlmodel import Session, SQLModel

from engine.errors import ConflictError, NotFoundError, RefusedError
from engine.existing import existing
from engine.exports import exports
from engine.process import work
from engine.registry import files, in_use, kept, manifests, registered
from storage import db, registry
from storage.statuses import WORK_MOVING, WorkStatus
from storage.tables import Export, Model, ModelVersion, RegisteredModel, RegistryMove, Run, Work

Stage = Literal["new", "tested", "released", "retired"]
KIND = "hash_files"
AT_ONCE_BYTES = 8 << 20  # read in the call itself: some hundredths of a second


def add(  # noqa: PLR0913  (one argument for each field)
    name: str,
    *,
    run_id: str | None = None,
    export_id: str | None = None,
    model_id: str | None = None,
    note: str = "",
    tags: Sequence[str] = (),
    who: str = "",
) -> ModelVersion:
    """Keeps what a run, an export or a model is as the next version under a name, which is made where it is new.

    Raises RefusedError for a name that cannot be, NotFoundError, ConflictError for what is not finished.
    """
    checked_note, checked_tags = registered.checked_note(note), registered.checked_tags(tags)
    held = kept.of(run_id, export_id, model_id)
    hashes = files.hashed(held.folders) if files.size_of(held.folders) <= AT_ONCE_BYTES else None
    version = ModelVersion(
        registered_id="",
        number=0,
        kind=held.kind,
        note=checked_note,
        tags=checked_tags,
        lineage=held.lineage,
        files=hashes,
        size_bytes=files.size_of({"": held.folders[""]}),
        checked_at=None if hashes is None else time.time(),
        run_id=held.run_id,
        export_id=held.export_id,
        model_id=held.model_id,
    )
    _number(version, name, held.project_id, who)
    if hashes is None:
        version = _begin_to_read(version, held.folders)
    manifests.write_version(version.id)
    return version


def _number(version: ModelVersion, name: str, project_id: str, who: str) -> None:
    """Saves a version under the next number of its model. Raises NotFoundError for what was deleted in this instant."""
    held: dict[type[SQLModel], str | None] = {Run: version.run_id, Export: version.export_id, Model: version.model_id}
    with db.session() as session:
        for table, row_id in held.items():
            if row_id is not None:
                existing(session, table, row_id)
        model = registered.made(session, name, project_id)
        version.registered_id, version.number = model.id, registry.next_number(session, model.id)
        session.add(version)
        model.updated_at = time.time()
        entry = {"action": "kept", "after": version.number, "who": who, "why": version.note}
        session.add(RegistryMove.model_validate({"registered_id": model.id, **entry}))


def look_up(name: str, number: int) -> ModelVersion:
    """Raises NotFoundError, which says the numbers there are."""
    with db.reading() as session:
        return found(session, registered.found(session, name), number)


def found(session: Session, model: RegisteredModel, number: int) -> ModelVersion:
    """The version of that number. Raises NotFoundError, which says what there is."""
    if number < 2**31 and (version := registry.version(session, model.id, number)) is not None:
        return version
    numbers = [str(row.number) for row in registry.versions(session, model.id, 20)]
    hint = f"There is: {', '.join(reversed(numbers))}." if numbers else "It has no version yet."
    raise NotFoundError(f"The model `{model.name}` has no version {number}.", hint)


def change(
    name: str,
    number: int,
    *,
    note: str | None = None,
    tags: Sequence[str] | None = None,
    stage: str | None = None,
    who: str = "",
) -> ModelVersion:
    """Another note, other tags, another stage. Raises NotFoundError, RefusedError."""
    if stage is not None and stage not in get_args(Stage):
        raise RefusedError(f"`{stage:.40}` is not a stage.", f"Use one of: {', '.join(get_args(Stage))}.")
    new_note = None if note is None else registered.checked_note(note)
    new_tags = None if tags is None else registered.checked_tags(tags)
    with db.session() as session:
        model = registered.found(session, name)
        version = found(session, model, number)
        if stage is not None and stage != version.stage:
            why = f"stage {version.stage} -> {stage}"
            session.add(RegistryMove(registered_id=model.id, action="changed", after=number, who=who, why=why))
        version.note = version.note if new_note is None else new_note
        version.tags = version.tags if new_tags is None else new_tags
        version.stage = version.stage if stage is None else stage
        model.updated_at = time.time()
    manifests.write_version(version.id)
    return version


def delete(name: str, number: int, who: str = "") -> None:
    """Forgets a version; what it held stays. Raises NotFoundError; ConflictError while it is in use."""
    with db.session() as session:
        model = registered.found(session, name)
        version = found(session, model, number)
        if users := in_use.of(session, version):
            message = f"Version {number} of `{name}` is in use: {'; '.join(users)}."
            raise ConflictError(message, "Move the alias, or stop the endpoint or deploy something else to it, first.")
        session.delete(version)
        why = f"{version.kind} of {subject_of(version)}"
        session.add(RegistryMove(registered_id=model.id, action="deleted", before=number, who=who, why=why))
    work.forget_subject(version.id)
    manifests.forget_version(version)


def subject_of(version: ModelVersion) -> str:
    """What it holds, as it is named elsewhere."""
    if version.export_id:
        return f"export:{version.export_id}"
    return f"run:{version.run_id}" if version.run_id else f"model:{version.model_id}"


def card_of(name: str, number: int) -> str:
    """The model card as Markdown. Raises NotFoundError, RefusedError for a kind that has none."""
    version = look_up(name, number)
    if version.run_id is None:
        hint = "Its own card came with it: see its folder."
        raise RefusedError(f"Version {number} of `{name}` is an imported model.", hint)
    return exports.card_of(version.run_id, version.export_id)


def check(name: str, number: int) -> ModelVersion:
    """Begins to read all files of a version again, to compare them with their hashes. Raises NotFoundError."""
    with db.reading() as session:
        version = found(session, registered.found(session, name), number)
        if version.work_id is not None:
            return version
        folders = kept.folders(session, version)
    return _begin_to_read(version, folders)


def _begin_to_read(version: ModelVersion, folders: files.Folders) -> ModelVersion:
    spec = {"folders": {prefix: str(folder) for prefix, folder in folders.items()}, "asked_at": time.time()}
    reading = work.start(KIND, version.id, spec)
    with db.session() as session:
        row = session.get(ModelVersion, version.id)
        if row is not None:
            row.work_id = reading.id
    return row or version


def tick() -> None:
    """Takes in what workers have read of versions' files. Called once a second by the reconciler."""
    with db.reading() as session:
        reading = registry.being_read(session)
        works = [session.get(Work, version.work_id) for version in reading]
    for version, read in zip(reading, works, strict=True):
        if read is None or read.status not in WORK_MOVING:
            _take_in(version, read)


def _take_in(version: ModelVersion, read: Work | None) -> None:
    with db.session() as session:
        row = session.get(ModelVersion, version.id)
        if row is None or row.work_id != version.work_id:
            return
        row.work_id, row.checked_at = None, time.time()
        if read is None or read.status != WorkStatus.SUCCEEDED:
            error = "it was stopped" if read is None else read.error or read.status.value
            row.changed = [f"Its files could not be read: {error}"]
        elif row.files is None:
            row.files, row.changed = read.result["files"], []
        else:
            row.changed = files.changes(row.files, read.result["files"])
    manifests.write_version(row.id)
    if read is not None:
        work.forget(read)
