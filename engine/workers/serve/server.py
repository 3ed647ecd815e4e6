"""The server of a base model and its adapters: loads, answers one token to itself, listens, says `Ready`."""

import asyncio
import os
import queue
import signal
import socket
from pathlib import Path
from typing import Any, NoReturn

import uvicorn
from fastapi import FastAPI

from engine.process import events
from engine.workers import contract
from engine.workers.serve.api import create_app
from engine.workers.serve.batch import Asks, Batch
from engine.workers.serve.load import Loaded, Voice
from engine.workers.serve.pooled import voices
from engine.workers.serve.pooled.reader import Text, TextLane, pooling_of
from engine.workers.serve.pooled.scorer import Scorer
from engine.workers.serve.questions import Ending, Piece, Question
from engine.workers.serve.sample import Sampling
from engine.workers.serve.template_process import TemplateProcess

DRAIN_SECONDS = 8  # the shim kills after ten
TEMPLATE_SECONDS = 0.5  # an honest one needs a thousandth of it
WARM_SECONDS = 300
KEEP_ALIVE_SECONDS = 75  # longer than the gateway keeps an idle connection


def serve(spec: dict[str, Any], out: Path) -> NoReturn:
    """Serves until SIGTERM; the spec is that of engine.workers.serve.serve."""
    signal.signal(signal.SIGTERM, end_early)
    loaded = voices.loaded(spec)
    batch, templates = Batch(loaded.tokenizer), templates_of(loaded)
    _warm(loaded, batch)
    app = create_app(loaded, batch, templates, pooling_of(Path(spec["model_path"])))
    answer(app, templates, spec, out)
    raise contract.Stopped


def answer(app: FastAPI, templates: TemplateProcess | None, spec: dict[str, Any], out: Path) -> None:
    """Listens on the spec's socket, says so, and answers until SIGTERM."""
    listener = listen(Path(spec["socket"]))
    config = uvicorn.Config(
        app, log_level="warning", timeout_graceful_shutdown=DRAIN_SECONDS, timeout_keep_alive=KEEP_ALIVE_SECONDS
    )
    events.append(out, events.Ready(address=f"unix:{spec['socket']}", models=list(spec["names"])))
    _Server(config, templates).run(sockets=[listener])


class _Server(uvicorn.Server):
    """Ends soon after SIGTERM, whatever a chat template is doing; answers that are being written have longer."""

    def __init__(self, config: uvicorn.Config, templates: TemplateProcess | None) -> None:
        super().__init__(config)
        self._templates = templates

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._templates:
            asyncio.get_running_loop().call_later(TEMPLATE_SECONDS, self._templates.close)
        await super().shutdown(sockets)


def templates_of(loaded: Loaded) -> TemplateProcess | None:
    """The process that writes chats; None for a model without a chat template."""
    if not loaded.tokenizer.chat_template:
        return None
    return TemplateProcess(loaded.tokenizer.chat_template, loaded.tokenizer.special_tokens_map)


def end_early(_signal: int, _frame: Any) -> None:
    """SIGTERM while loading. Once uvicorn runs it has a handler of its own, and calls this one when it is done."""
    raise contract.Stopped


def _warm(loaded: Loaded, batch: Batch) -> None:
    """Asks every voice for a token, or a score: proves that they work, and takes the slow first pass off others."""
    token = loaded.tokenizer("a", add_special_tokens=False)["input_ids"][:1] or [0]
    for name, voice in loaded.voices.items():
        if isinstance(voice, Scorer):
            scored: queue.SimpleQueue[list[float] | str] = queue.SimpleQueue()
            batch.read([TextLane(voice, [Text(token, scored.put)], "last")])
            if isinstance(problem := scored.get(timeout=WARM_SECONDS), str):
                raise contract.WorkFailedError("code", f"`{name}` cannot score: {problem}")
            continue
        ask_a_token(voice, token, batch, name)


def ask_a_token(voice: Voice, token: list[int], batch: Asks, name: str) -> None:
    """Has a voice write one token. Raises WorkFailedError where it cannot."""
    ends: queue.SimpleQueue[Piece] = queue.SimpleQueue()
    batch.ask(Question(voice, token, Sampling(temperature=0), Ending(max_tokens=1), ends.put))
    while not (end := ends.get(timeout=WARM_SECONDS)).finish:
        pass
    if end.finish == "error":
        raise contract.WorkFailedError("code", f"`{name}` cannot answer: {end.text}")


def listen(path: Path) -> socket.socket:
    """A listening Unix socket that only its owner may connect to. What a dead server left there is removed."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    os.chmod(path, 0o600)
    listener.listen(128)
    return listener
