"""One load of an adapter into a running server: copied, checked, loaded under a fresh name, and one day let go.

    loading -> loaded -> draining -> (forgotten)        loaded -> failed, when it cannot be loaded after a restart

What answers before an adapter is loaded goes on answering: a name leads to new weights only once these have answered.
"""

import contextlib
import json
import time
from pathlib import Path
from secrets import token_hex

from engine.errors import TunesmithError
from engine.process import rounds, trash
from engine.process.answers import Answers
from engine.serve import adapter_files, adapter_names, adapter_socket
from engine.serve.adapter_folders import copy_of
from storage import db, endpoints, home, models, served_adapters
from storage.statuses import SERVING_MOVING, AdapterStatus
from storage.tables import Backend, ServedAdapter

NOUN = "adapters"
SETTLE_SECONDS = 10  # after a name has moved on: a request by the old route may wait for its chat template, up to 8 s
SILENT_SECONDS = 120  # a vLLM that does not say who is answering is asked to let go after this
STUCK_SECONDS = adapter_socket.LOAD_SECONDS + adapter_socket.ASK_SECONDS + 60  # its process was killed meanwhile

_unloads: Answers[bool] = Answers("unload")  # by load: whether the server has let go


def fresh_name() -> str:
    """What a server calls one load. It is never used twice: vLLM keeps computed prefixes by this name."""
    return f"adapter-{token_hex(6)}"


def begin(backend: Backend, subject: str, source: Path) -> ServedAdapter:
    """Copies and checks an adapter, and loads it. Raises TunesmithError; then nothing of it is left.

    When the very same weights are loaded already, that load is returned.
    """
    row = ServedAdapter(backend_id=backend.id, subject=subject, internal_name=fresh_name(), attempt=backend.attempt)
    with db.session() as session:
        session.add(row)
    try:
        row.digest = adapter_files.copy(source, copy_of(row))
        if (same := _same(row)) is not None:
            forget(row)
            return same
        return _load(backend, row)
    except (TunesmithError, OSError):
        let_go(backend, row)
        raise


def _same(row: ServedAdapter) -> ServedAdapter | None:
    with db.reading() as session:
        current = served_adapters.current(session, row.backend_id).get(row.subject)
    is_same = current is not None and (current.digest, current.attempt) == (row.digest, row.attempt)
    return current if is_same and current is not None and current.status == AdapterStatus.LOADED else None


def load_again(backend: Backend, row: ServedAdapter) -> ServedAdapter:
    """Loads the copy of a load into a server that was started again. Raises TunesmithError."""
    if adapter_files.digest(copy_of(row)) != row.digest:
        raise TunesmithError(f"The copy of `{row.subject}` in the endpoint's folder was changed.", "Add it again.")
    row.internal_name, row.attempt = fresh_name(), backend.attempt
    return _load(backend, row)


def _load(backend: Backend, row: ServedAdapter) -> ServedAdapter:
    """Checks the copy and loads it; what was found out is in the row. Its status stays what it was."""
    folder = copy_of(row)
    with db.reading() as session:
        model = models.get(session, backend.model_id or "")
    adapter = adapter_files.inspect(folder, row.subject)
    adapter_files.refuse_unservable(adapter, row.subject)
    if backend.kind == "vllm":
        adapter_files.refuse_for_vllm(adapter, row.subject, _command(backend))
    if model is not None and model.path is not None:
        adapter_files.refuse_misfit(folder, row.subject, Path(model.path), model.name)
    loaded = adapter_socket.load(str(backend.address), row.internal_name, folder)
    row.rank, row.load_seconds = adapter.rank, loaded.seconds
    row.size_bytes = loaded.size_bytes or adapter.size_bytes(None)
    row.error, row.moved_at = None, time.time()
    with db.session() as session:
        return session.merge(row)


def _command(backend: Backend) -> list[str]:
    """The command by which the server was started: it says how large an adapter may be."""
    plan = home.backend_folder(backend.id) / f"plan.{backend.attempt}.json"
    argv: list[str] = json.loads(plan.read_text(encoding="utf-8"))["argv"]
    return argv


def let_go(backend: Backend, row: ServedAdapter) -> None:
    """Undoes a load that no name leads to, whatever has come of it."""
    with contextlib.suppress(TunesmithError):  # the server is gone, and the adapter with it
        adapter_socket.unload(str(backend.address), row.internal_name)
    forget(row)


def forget(row: ServedAdapter) -> None:
    """Removes the row and the copy."""
    with db.session() as session:
        if (stored := served_adapters.get(session, row.id)) is not None:
            session.delete(stored)
    trash.discard(copy_of(row))


def tick() -> None:
    """One look at every load that is on its way in or out, or whose process is gone."""
    rounds.each(NOUN, ServedAdapter, served_adapters.unsettled, _act)


def _act(row: ServedAdapter) -> None:
    with db.reading() as session:
        backend = endpoints.backend(session, row.backend_id)
    if backend is None or backend.status not in SERVING_MOVING or row.attempt != backend.attempt:
        forget(row)
        return
    waited = time.time() - row.moved_at
    if waited < (STUCK_SECONDS if row.status == AdapterStatus.LOADING else SETTLE_SECONDS):
        return
    address, is_silent = str(backend.address), waited > SILENT_SECONDS
    try:
        answer = _unloads.to(row.id, lambda: _unloaded(address, backend.kind, row.internal_name, is_silent))
    except adapter_socket.ServerGoneError:
        return  # found dead, it is started again without this one
    if answer is not None and answer.value:
        forget(row)


def _unloaded(address: str, kind: str, internal: str, is_silent: bool) -> bool:
    """Our own server refuses while it answers with it; vLLM would not, so it is asked who is answering."""
    if kind == "vllm":
        busy = adapter_socket.busy(address)
        if (busy is None and not is_silent) or (busy is not None and internal in busy):
            return False
    return adapter_socket.unload(address, internal)


def retire_unnamed(backend: Backend, rows: list[ServedAdapter], answering: ServedAdapter | None = None) -> None:
    """Sends every load to its end that no name leads to any more. In the caller's transaction."""
    named = set(adapter_names.subjects(backend.adapters))
    for row in rows:
        is_replaced = answering is not None and row.subject == answering.subject and row.id != answering.id
        if row.status in (AdapterStatus.LOADED, AdapterStatus.FAILED) and (is_replaced or row.subject not in named):
            row.status, row.moved_at = AdapterStatus.DRAINING, time.time()
