"""Serves one GGUF file on a Unix socket: `python -m engine.workers.serve.gguf.serve SPEC.json OUT/`.

Loads, answers one token to itself, listens, says `Ready`. SIGTERM ends it after the answers in flight. Spec:
    model_path, libraries   the GGUF, and the folder of llama.cpp's libraries
    names             {served name: ""}
    ctx_size          tokens of a prompt with its answer; 0 for what the model was trained with, at most 4,096
    parallel          answers that are written at once
    threads           processor cores; 0 for half of them
    socket
"""

import os
import signal
from pathlib import Path
from typing import Any

import torch

from engine.workers import contract
from engine.workers.contract import WorkFailedError
from engine.workers.runtimes import library
from engine.workers.serve import server
from engine.workers.serve.api import writing_app
from engine.workers.serve.gguf.batch import LlamaBatch, LlamaNetwork
from engine.workers.serve.llama_tokenizer import LlamaTokenizer
from engine.workers.serve.load import Loaded, Voice

READ_TOKENS = 512  # at once
AGAIN = "Install llama.cpp again on the Serve page."


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """Serves until SIGTERM. Raises WorkFailedError where the library or the file cannot be opened."""
    signal.signal(signal.SIGTERM, server.end_early)
    torch.set_num_threads(1)  # only rows of scores are left to it
    try:
        llama = library.load(Path(spec["libraries"]))
    except OSError as error:
        raise WorkFailedError("config", f"llama.cpp's library cannot be loaded: {error}"[:500], AGAIN) from error
    model = _opened(llama, spec)
    tokenizer = LlamaTokenizer(model)
    ends = frozenset(token for token in range(model.vocabulary_size) if model.ends(token))
    voice = Voice(LlamaNetwork(model), None, ends, rows=model.vocabulary_size)
    loaded = Loaded(tokenizer, dict.fromkeys(spec["names"], voice), model.room.tokens, voice)
    batch, templates = LlamaBatch(voice, tokenizer), server.templates_of(loaded)
    token = tokenizer("a", add_special_tokens=False)["input_ids"][:1] or [0]
    server.ask_a_token(voice, token, batch, next(iter(spec["names"])))
    app, _ = writing_app(loaded, batch, templates)
    server.answer(app, templates, spec, out)
    raise contract.Stopped


def _opened(llama: Any, spec: dict[str, Any]) -> library.Opened:
    threads = spec["threads"] or max(1, (os.cpu_count() or 2) // 2)
    file, room = Path(spec["model_path"]), library.Room(int(spec["ctx_size"]), int(spec["parallel"]), READ_TOKENS)
    try:
        return library.Opened(llama, file, None, room, threads)
    except RuntimeError as error:
        hint = "Make the export again, or lower ctx_size and parallel if memory is short."
        raise WorkFailedError("config", f"{file.name} cannot be served: {error}."[:500], hint) from error


if __name__ == "__main__":
    contract.run(work)
