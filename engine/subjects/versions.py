"""Versions by name: `version:NAME/3` and `version:NAME@ALIAS`, from the database alone."""

import re
from dataclasses import dataclass
from pathlib import Path

from sqlmodel import Session

from engine.errors import NotFoundError, RefusedError
from storage import db, home, registry
from storage.tables import Export, ModelVersion, RegisteredModel, Work

PREFIX = "version:"
HOW = "Write version:NAME/3 for a version, or version:NAME@ALIAS for the one that an alias leads to."
_VERSION = re.compile(
    r"version:(?P<name>[a-z0-9][a-z0-9-]{0,47})(?:/(?P<number>[0-9]{1,9})|@(?P<alias>[a-z0-9][a-z0-9-]{0,47}))",
    re.ASCII,
)


@dataclass(frozen=True)
class Pinned:
    """A version that a text names now: an alias may lead elsewhere later."""

    name: str  # version:NAME/3
    version: ModelVersion
    holds: str  # run:ID or model:ID
    folder: Path | None  # of an export's files; None where what it holds has its own


def is_one(text: str) -> bool:
    return text.strip().startswith(PREFIX)


def pinned(text: str, takes_gguf: bool = False) -> Pinned:
    """The version of that name. `takes_gguf`: whoever asks can do with a GGUF file.

    Raises RefusedError for a text that is none, NotFoundError with what there is.
    """
    named = _VERSION.fullmatch(text.strip())
    if named is None:
        raise RefusedError(f"`{text.strip():.80}` is not a version.", HOW)
    with db.reading() as session:
        model = registry.by_name(session, named["name"])
        if model is None:
            hint = "The Registry page lists the names."
            raise NotFoundError(f"There is no model `{named['name']}` in the registry.", hint)
        version = _found(session, model, named["number"], named["alias"])
        folder = _export_folder(session, version)
    if version.kind == "gguf" and not takes_gguf:
        message = f"Version {version.number} of `{model.name}` is a GGUF file for llama.cpp and Ollama."
        raise RefusedError(message, "Serve or download it, or keep the run or its merged model as a version too.")
    holds = f"run:{version.run_id}" if version.run_id else f"model:{version.model_id}"
    return Pinned(f"{PREFIX}{model.name}/{version.number}", version, holds, folder)


def _found(session: Session, model: RegisteredModel, number: str | None, alias: str | None) -> ModelVersion:
    if number is not None:
        if (version := registry.version(session, model.id, int(number))) is not None:
            return version
        numbers = ", ".join(f"{PREFIX}{model.name}/{row.number}" for row in registry.versions(session, model.id, 10))
        hint = f"There is: {numbers}." if numbers else "It has none yet."
        raise NotFoundError(f"The model `{model.name}` has no version {number}.", hint)
    led = registry.alias(session, model.id, str(alias))
    if led is None:
        named = ", ".join(f"`{row.alias}`" for row in registry.aliases(session, [model.id]))
        raise NotFoundError(f"The model `{model.name}` has no alias `{alias}`.", f"There is: {named}." if named else "")
    return session.get_one(ModelVersion, led.version_id)


def _export_folder(session: Session, version: ModelVersion) -> Path | None:
    export = session.get(Export, version.export_id) if version.export_id else None
    made_by = session.get(Work, export.work_id) if export and export.work_id else None
    return home.work_folder(made_by.id) / str(made_by.result.get("folder", "model")) if made_by else None
