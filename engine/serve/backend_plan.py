"""From a backend's row to the command that serves it: which folders, which names, which socket."""

import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from engine.errors import RefusedError
from engine.process import devices
from engine.process.plan import Plan, plan_worker
from engine.recipes import recipe
from engine.serve import adapter_files, adapter_folders, adapter_names, gguf
from engine.serve.vllm import cause, command, files, start
from engine.weights import token_facts
from storage import db, home, models
from storage.statuses import ModelStatus
from storage.tables import Backend, Endpoint, Model

# Nothing is fetched while serving. OpenMP's threads sleep instead of spinning while they wait: with a training on the
# same two cores, spinning left 0.2 to 0.7 tokens/s of what sleeping gives (2.3 to 3.1), measured on the starter model.
WORKER_ENV = {"HF_HUB_OFFLINE": "1", "OMP_WAIT_POLICY": "PASSIVE"}
SOCKET_BYTES = 100  # Linux allows 107 for a Unix socket's path
TEMPORARY_BYTES = 65  # below it vLLM and multiprocessing make sockets with names of up to 40


def plan_backend(endpoint: Endpoint, backend: Backend, device: str) -> Plan:
    """The command for one backend on `device` (cpu, gpu:N). Raises RefusedError when something it needs is gone.

    A whole model is loaded when the server starts, adapters over its socket before it counts as ready
    (engine.serve.adapters).
    """
    if backend.kind == gguf.KIND:
        return gguf.plan(endpoint, backend, socket_path(backend.id), devices.environment(device) | WORKER_ENV)
    with db.reading() as session:
        model = ready_model(models.get(session, backend.model_id or ""), backend.model_id)
    folders = adapter_folders.sources(backend)
    static_names = started_names(endpoint, backend, folders)
    env = devices.environment(device)
    if backend.kind == "vllm":
        options = start.settled(model, list(folders.values()), backend.options, device)
        plan = _vllm(Path(str(model.path)), static_names, folders, _place(backend.id), options)
        plan = _with_files(plan, model, list(folders.values()), home.backend_folder(backend.id))
        log_from = {home.backend_folder(backend.id) / cause.LOG_FROM: _log_size(backend.id)}
        return Plan(plan.argv, plan.env | env, plan.files | log_from)
    loras = [str(folder) for folder in folders.values() if adapter_files.is_adapter(folder)]
    spec: dict[str, Any] = {
        "model_path": model.path,
        "adapters": {key: str(folder) for key, folder in folders.items() if not adapter_files.is_adapter(folder)},
        "expected": loras,
        "names": static_names,
        "socket": socket_path(backend.id),
        "device": devices.worker_device(device),
    }
    return plan_worker("serve", spec, home.backend_folder(backend.id), env | WORKER_ENV)


def refuse_start(backend: Backend, memory_too: bool = True) -> None:
    """Raises RefusedError where the process of a new vLLM backend could not start on this machine as it is now."""
    if backend.kind != "vllm":
        return
    with db.reading() as session:
        model = ready_model(models.get(session, backend.model_id or ""), backend.model_id)
    start.refuse(model, list(adapter_folders.sources(backend).values()), backend.options, memory_too)


def devices_wanted(backend: Backend) -> int:
    """How many devices it computes on. Raises RefusedError for options that are wrong."""
    return start.devices_wanted(backend.options) if backend.kind == "vllm" else 1


def names(endpoint: Endpoint, backend: Backend) -> list[str]:
    """Each public name, the endpoint's own first. vLLM loads one model: beside a fully tuned one there is no base."""
    if backend.kind == gguf.KIND:  # the base is not in the file
        return [endpoint.name]
    public = adapter_names.public(endpoint.name, backend.adapters)
    if backend.kind == "vllm" and _whole(adapter_folders.sources(backend)):
        return [name for name, subject in public.items() if subject != adapter_names.BASE]
    return list(public)


def started_names(endpoint: Endpoint, backend: Backend, folders: dict[str, Path]) -> dict[str, str]:
    """The names a server has from its start, each with the whole model behind it, or "" for the base.

    The endpoint's own name is always there, for the moments in which no adapter has it.
    """
    if backend.kind == gguf.KIND:
        return {endpoint.name: ""}
    whole = _whole(folders)
    public = adapter_names.public(endpoint.name, backend.adapters)
    static = {name: subject if subject in whole else "" for name, subject in public.items()}
    kept = {name for name, subject in public.items() if subject == adapter_names.BASE or subject in whole}
    return {name: key for name, key in static.items() if name in {*kept, endpoint.name}}


def _whole(folders: dict[str, Path]) -> list[str]:
    """Those that trained every weight."""
    return [subject for subject, folder in folders.items() if not adapter_files.is_adapter(folder)]


def ready_model(model: Model | None, model_id: str | None) -> Model:
    """The model, when it can be loaded. Raises RefusedError."""
    if model is None:
        raise RefusedError(f"There is no model `{model_id}`.", "Add a model on the Models page.")
    if model.status != ModelStatus.READY or model.path is None:
        raise RefusedError(f"Model `{model.name}` is {model.status}.", "Wait until it is ready, or retry it.")
    return model


def options_of(kind: str, options: dict[str, Any]) -> dict[str, Any]:
    """The options of a backend of ours, checked. Raises RefusedError, a line for each wrong one."""
    model = OPTIONS[kind]
    try:
        return model.model_validate(options).model_dump(exclude_defaults=True)
    except ValidationError as error:
        hint = "\n".join(recipe.problems(error, "option", model.model_fields))
        raise RefusedError(f"The options of this {kind} endpoint are wrong.", hint) from error


class NoOptions(BaseModel, extra="forbid", frozen=True):
    """The transformers backend has nothing to set."""


OPTIONS: dict[str, type[BaseModel]] = {
    "transformers": NoOptions,
    "vllm": command.VllmOptions,
    "llama": gguf.LlamaOptions,
}


def socket_path(backend_id: str) -> str:
    """Where a backend listens: in its folder, or, where that path is too long for a socket, in a private one."""
    path = home.backend_folder(backend_id) / "serve.sock"
    if len(os.fsencode(path)) <= SOCKET_BYTES:
        return str(path)
    return str(_private_folder() / f"{backend_id}.sock")


def temporary_folder(backend_id: str) -> Path:
    """Where a backend's temporary files are: in its folder, or, where that path is too long for pipes, a private one.

    vLLM leaves pipes and rendezvous files there whenever it is killed; what has a folder of its own can be removed.
    """
    path = home.backend_folder(backend_id) / "tmp"
    return path if len(os.fsencode(path)) <= TEMPORARY_BYTES else _private_folder() / f"{backend_id}.tmp"


def clear(backend_id: str) -> None:
    """Removes what a backend that has ended leaves outside its log: the socket, and temporary files."""
    Path(socket_path(backend_id)).unlink(missing_ok=True)
    shutil.rmtree(temporary_folder(backend_id), ignore_errors=True)


def _place(backend_id: str) -> command.Place:
    """The temporary folder is made here: a program that is told of one that is missing takes /tmp."""
    folder = temporary_folder(backend_id)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return command.Place(socket_path(backend_id), folder)


def _log_size(backend_id: str) -> str:
    return str(cause.log_size(home.backend_folder(backend_id)))


def _private_folder() -> Path:
    """A short folder that only this user can enter. Somebody else's folder of that name is refused."""
    folder = Path(tempfile.gettempdir()) / f"tunesmith-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    facts = folder.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid() or facts.st_mode & 0o077:
        raise RefusedError(f"{folder} is not a private folder of this user.", "Remove it, or use a shorter home.")
    return folder


def _vllm(
    base: Path, static_names: dict[str, str], folders: dict[str, Path], place: command.Place, options: dict[str, Any]
) -> Plan:
    """vLLM loads one model: with a run that trained every weight, its model takes the base's place."""
    if whole := _whole(folders):
        served = [name for name, key in static_names.items() if key == whole[0]]
        return command.plan_vllm(folders[whole[0]], served, place, options)
    return command.plan_vllm(base, list(static_names), place, options)


def _with_files(plan: Plan, model: Model, folders: list[Path], backend_folder: Path) -> Plan:
    """vLLM is also told where answers end and how chats are written, as far as the folder it loads does not say it."""
    adapters = [folder for folder in folders if adapter_files.is_adapter(folder)]
    if len(adapters) < len(folders):
        return plan  # a fully tuned model has it all in its own folder
    base, argv, texts = Path(str(model.path)), list(plan.argv), dict(plan.files)
    if config := files.generation_config(base, token_facts.of(model.token_facts), adapters):
        texts[backend_folder / "generation" / files.GENERATION] = config
        argv += ["--generation-config", str(backend_folder / "generation")]
    if template := files.chat_template(base, adapters):
        argv += ["--chat-template", str(template)]
    return Plan(argv, plan.env, texts)
