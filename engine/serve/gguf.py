"""Endpoints of GGUF files: what the backend `llama` is started with, and whether it can be.

An export of the kind gguf is served by llama.cpp's library behind the studio's own server. The backend's row names the
export (`options.export_id`) and the base model it was made of; it takes no adapters.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from engine.errors import ConflictError, RefusedError
from engine.existing import existing
from engine.process.plan import Plan, plan_worker
from engine.runtimes import folders, runtimes
from storage import db, home
from storage.statuses import WorkStatus
from storage.tables import Backend, Endpoint, Export, Run, Work

KIND, RUNTIME = "llama", "llama"
PARALLEL = 4
INSTALL_HINT = "Install it on the Serve page under Runtimes, or with `tunesmith runtime install llama`."
ANOTHER = "Keep the run or its merged model as a version too, and serve that."


class LlamaOptions(BaseModel):
    """The options of a llama backend, by the names of llama.cpp's own server."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    export_id: str = Field(min_length=1, max_length=64, description="The export of the kind gguf that is served.")
    ctx_size: int = Field(
        default=0, ge=0, le=1_000_000, description="Tokens of a prompt with its answer; 0: as trained, at most 4,096."
    )
    parallel: int = Field(default=PARALLEL, ge=1, le=32, description="Answers that are written at once.")
    threads: int = Field(default=0, ge=0, le=256, description="Processor cores; 0: half of them.")


def backend(checked: dict[str, Any], adapters: Sequence[str]) -> Backend:
    """A row for it, not saved yet. `checked` are options that were checked.

    Raises NotFoundError or ConflictError where its file is not there, RefusedError for an adapter alone and where
    llama.cpp is not installed.
    """
    if adapters:
        raise RefusedError("A GGUF file is served without adapters.", "Leave them out.")
    options = LlamaOptions.model_validate(checked)
    with db.reading() as session:
        export = existing(session, Export, options.export_id)
        run = existing(session, Run, export.run_id)
    if export.kind != "gguf":
        message = f"The export `{export.id}` is of the kind {export.kind}, and llama.cpp reads GGUF."
        raise RefusedError(message, "Export the model as gguf, or serve the run with the backend transformers.")
    if export.options.get("of") == "adapter":
        raise RefusedError(f"The export `{export.id}` is an adapter alone, and no model.", "Export the whole model.")
    file_of(export.id)
    libraries()
    return Backend(endpoint_id="", kind=KIND, model_id=run.model_id, options=options.model_dump(exclude_defaults=True))


def file_of(export_id: str) -> Path:
    """The GGUF itself. Raises NotFoundError or ConflictError where it is not there."""
    with db.reading() as session:
        export = existing(session, Export, export_id)
        made_by = session.get(Work, export.work_id) if export.work_id else None
    if made_by is None or made_by.status != WorkStatus.SUCCEEDED:
        raise ConflictError(f"The export `{export_id}` is not made.", "Wait until it has succeeded, or make it again.")
    file = home.work_folder(made_by.id) / str(made_by.result.get("folder")) / str(made_by.result.get("file"))
    if not file.is_file() or not home.contains(file):
        raise ConflictError(f"The file of the export `{export_id}` is gone.", "Make the export again.")
    return file


def libraries() -> Path:
    """The folder of llama.cpp's libraries, of the version in use now. Raises RefusedError where there is none."""
    folder = folders.current(runtimes.root(), RUNTIME)
    if folder is None:
        raise RefusedError("llama.cpp is not installed, and a GGUF file is served by it.", INSTALL_HINT)
    if not (folder / "lib").is_dir():
        message = "llama.cpp is installed here without its library, so a GGUF file cannot be served."
        raise RefusedError(message, ANOTHER)
    return folder / "lib"


def plan(endpoint: Endpoint, row: Backend, socket: str, env: dict[str, str]) -> Plan:
    """The command that serves it. Raises as `backend` does."""
    options = LlamaOptions.model_validate(row.options)
    spec: dict[str, Any] = {
        "model_path": str(file_of(options.export_id)),
        "libraries": str(libraries()),
        "names": {endpoint.name: ""},
        "ctx_size": options.ctx_size,
        "parallel": options.parallel,
        "threads": options.threads,
        "socket": socket,
    }
    return plan_worker("serve_gguf", spec, home.backend_folder(row.id), env)


def file_bytes(options: dict[str, Any]) -> int | None:
    """How large the served file is; None where it is gone."""
    try:
        return file_of(str(options.get("export_id"))).stat().st_size
    except (ConflictError, OSError):
        return None
