"""Parity: whether what an endpoint serves answers as what was trained, token by token.

A worker (engine.workers.serve.parity) loads the trained form, asks both the same prompts and compares: tokens of the
prompt, and greedy answers. The newest comparison of an endpoint is kept, with the backend that it was made with.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from engine import sizes
from engine.errors import ConflictError, NotFoundError, RefusedError
from engine.existing import existing
from engine.process import work
from engine.serve import abilities, adapter_files, adapter_names, backend_plan, routing
from storage import db, home, models
from storage import endpoints as stored
from storage import work as stored_work
from storage.statuses import WORK_MOVING, EndpointStatus, WorkStatus
from storage.tables import Backend, Endpoint, Work

KIND = "parity"
MOST_ROWS, MOST_TOKENS = 64, 512
ROWS, TOKENS = 8, 32
SPARE_BYTES = 1 << 30


def start(endpoint_id: str, rows: int = ROWS, max_tokens: int = TOKENS) -> Work:
    """Begins a comparison of every name of an endpoint, and returns at once; one that is under way is returned.

    `rows` are held-out rows of each run, asked beside eight fixed prompts. Raises NotFoundError; RefusedError for an
    outside server and numbers out of bounds; ConflictError while nothing answers, or memory is short.
    """
    if not (0 <= rows <= MOST_ROWS and 1 <= max_tokens <= MOST_TOKENS):
        message = f"A comparison takes 0 to {MOST_ROWS} rows and 1 to {MOST_TOKENS} tokens."
        raise RefusedError(message, f"{rows} rows and {max_tokens} tokens were asked for.")
    with db.reading() as session:
        endpoint = existing(session, Endpoint, endpoint_id)
        backend = stored.backend(session, endpoint.active_backend_id)
    if backend is None or backend.status != EndpointStatus.READY or backend.address is None:
        raise ConflictError(f"Endpoint `{endpoint.name}` does not answer now.", "Compare when it is ready.")
    return begin(endpoint, backend, backend.address, rows, max_tokens)


def begin(endpoint: Endpoint, backend: Backend, address: str, rows: int = ROWS, max_tokens: int = TOKENS) -> Work:
    """The same for one backend of an endpoint, which need not be the one that answers for it."""
    if backend.kind == "external":
        message = "An outside server is not compared: what it serves was not trained here."
        raise RefusedError(message, "Serve the run with the backend transformers or vllm.")
    if backend.kind == "llama":
        message = "A GGUF file was compared with what was trained when it was made."
        raise RefusedError(message, "Its badge stands beside the export on the run's page.")
    if backend.kind == "vllm":  # our own server may have a base beside a reward model
        abilities.refuse_other(backend, "A comparison")
    earlier = work.about(endpoint.id, KIND)
    moving = next((older for older in earlier if older.status in WORK_MOVING), None)
    if moving is not None and moving.spec.get("backend_id") == backend.id:
        return moving
    spec = _spec(endpoint, backend, address) | {"rows": rows, "max_tokens": max_tokens, "begun_at": time.time()}
    _check_memory(spec)
    begun = work.start(KIND, endpoint.id, spec)
    for older in earlier:
        work.forget(older)
    return begun


def _spec(endpoint: Endpoint, backend: Backend, address: str) -> dict[str, Any]:
    with db.reading() as session:
        model = backend_plan.ready_model(models.get(session, backend.model_id or ""), backend.model_id)
    voices = [_voice(endpoint, backend, name, subject) for name, subject in _names(endpoint, backend).items()]
    spoken = [voice for voice in voices if voice is not None]
    if not spoken:
        raise RefusedError(f"Endpoint `{endpoint.name}` serves reward models only, which write no answers.", "")
    return {
        "address": address,
        "backend_id": backend.id,
        "model_path": str(model.path),
        "dtype": None,
        "device": "cpu",
        "voices": spoken,
    }


def _names(endpoint: Endpoint, backend: Backend) -> dict[str, str]:
    """Each name that stands for something else than the names before it, with its subject."""
    names: dict[str, str] = {}
    for name, subject in adapter_names.public(endpoint.name, backend.adapters).items():
        if name in backend.served_names and subject not in names.values():
            names[name] = subject
    return names


def _voice(endpoint: Endpoint, backend: Backend, name: str, subject: str) -> dict[str, Any] | None:
    """What a name is called by its server, and where its trained form lies; None for a reward model."""
    voice: dict[str, Any] = {"name": name, "model": routing.called(endpoint, backend, name)}
    if subject == adapter_names.BASE:
        return voice | {"adapter_path": None, "model_path": None, "run_folder": None}
    trained = adapter_files.to_serve(subject)
    if trained.run.recipe.get("method") == "reward":
        return None
    is_whole = trained.weights == "model"
    return voice | {
        "adapter_path": None if is_whole else str(trained.folder),
        "model_path": str(trained.folder) if is_whole else None,
        "run_folder": str(home.run_folder(trained.run.id)),
    }


def _check_memory(spec: dict[str, Any]) -> None:
    """The trained form is loaded beside the server, one model at a time."""
    paths = {voice["model_path"] or spec["model_path"] for voice in spec["voices"]}
    largest = max(sum(file.stat().st_size for file in Path(path).glob("*.safetensors")) for path in paths)
    needed, free = 2 * largest + SPARE_BYTES, psutil.virtual_memory().available
    if free < needed:
        message = f"The comparison needs {sizes.in_words(needed)} of memory, {sizes.in_words(free)} are free."
        raise ConflictError(message, "Stop what else uses memory, then try again.")


def look_up(endpoint_id: str) -> dict[str, Any]:
    """The newest comparison of an endpoint (see `describe`). Raises NotFoundError where nobody has asked for one."""
    with db.reading() as session:
        endpoint = existing(session, Endpoint, endpoint_id)
    newest = of(endpoint_id)
    if newest is None:
        raise NotFoundError(f"Endpoint `{endpoint.name}` was not compared yet.", "POST the same address to begin.")
    return newest


def of(endpoint_id: str) -> dict[str, Any] | None:
    """The same; None where nobody has asked for one."""
    with db.reading() as session:
        endpoint = stored.get(session, endpoint_id)
    return of_all({endpoint_id: endpoint.active_backend_id if endpoint else None}).get(endpoint_id)


def of_all(backends: Mapping[str, str | None]) -> dict[str, dict[str, Any]]:
    """The newest comparison of several endpoints, by one query. `backends`: endpoint -> what answers for it now."""
    with db.reading() as session:
        newest = stored_work.latest_of(session, backends, KIND)
    return {endpoint_id: describe(made_by, backends[endpoint_id]) for endpoint_id, made_by in newest.items()}


def describe(made_by: Work, backend_id: str | None) -> dict[str, Any]:
    """status, progress, error; when done: identical, rows (prompts asked), differs, and the same of each name.

    `current` says whether it was made with the backend that answers now.
    """
    result = made_by.result if made_by.status == WorkStatus.SUCCEEDED else {}
    fields = ("identical", "rows", "differs", "dtype", "max_tokens")
    return {
        "work_id": made_by.id,
        "status": made_by.status,
        **{name: getattr(made_by, name) for name in ("progress", "stage", "error", "hint", "ended_at")},
        **{name: result.get(name) for name in fields},
        "names": result.get("names", []),
        "current": made_by.spec.get("backend_id") == backend_id,
    }


def asked(name: Mapping[str, Any]) -> str:
    """Which prompts a name was asked, in words."""
    held_out = name.get("held_out")  # a comparison of an earlier version does not say
    if held_out is None:
        return f"{name['rows']} prompts"
    return f"{name['rows'] - held_out} fixed, {held_out} held-out"


def problem(result: dict[str, Any]) -> str | None:
    """What of a comparison is more than rounding explains, in a sentence; None where nothing is."""
    for name in result["names"]:
        if name["other_prompts"]:
            return f"`{name['name']}` reads {name['other_prompts']} of {name['rows']} prompts as other tokens."
        beyond = name["differs"] - name["near_ties"]
        if beyond:
            return f"`{name['name']}` answers {beyond} of {name['rows']} prompts differently from the trained form."
    return None
