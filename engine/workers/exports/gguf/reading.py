"""An exported GGUF, asked as its users will ask it: by llama.cpp's library, and by transformers where that reads it."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForCausalLM

from engine.exports import parity
from engine.workers.contract import WorkFailedError
from engine.workers.exports import comparing
from engine.workers.exports.comparing import Trained
from engine.workers.runtimes import library
from engine.workers.serve.parity.prompts import Prompt

BY_TRANSFORMERS = ("f32", "f16", "bf16", "q8_0")
SPARE_TOKENS = 64


class LlamaCpp:
    """A form that llama.cpp runs. Chats are laid out by the template in the file, as its server and Ollama do it."""

    def __init__(self, model: library.Opened, tokenizer: Any, template: str | None) -> None:
        self._model, self._tokenizer, self._template = model, tokenizer, template

    def prompt_tokens(self, prompt: Prompt) -> list[int]:
        if self._template is None:
            return self._model.tokens(prompt[-1]["content"])
        text: str = self._tokenizer.apply_chat_template(
            prompt, chat_template=self._template, add_generation_prompt=True, tokenize=False
        )
        # llama.cpp adds the first token itself, and takes away the one that a template writes.
        return self._model.tokens(text.removeprefix(self._model.bos.decode()) if self._model.adds_bos else text)

    def says(self, prompt: Sequence[int], most_tokens: int) -> list[int]:
        self._model.forget()
        answer, new, place = list[int](), list(prompt), 0
        while len(answer) < most_tokens:
            token = int(self._model.logits(new, place, every=False)[0].argmax())
            if self._model.ends(token):
                break
            place += len(new)
            answer.append(token)
            new = [token]
        return answer

    def scores(self, tokens: Sequence[int]) -> list[float]:
        self._model.forget()
        logits = self._model.logits(tokens, 0, every=True)[:-1].astype(np.float64)
        highest = logits.max(axis=1, keepdims=True)
        totals = highest[:, 0] + np.log(np.exp(logits - highest).sum(axis=1))
        token_logits = logits[np.arange(len(logits)), np.asarray(tokens[1:])]
        return [float(value) for value in token_logits - totals]


@dataclass(frozen=True)
class Read:
    """What llama.cpp makes of a file."""

    parity: dict[str, Any]
    unknown_ends: list[int]  # tokens that end an answer for the training but not for llama.cpp
    adds_bos: bool  # whether it puts the first token before every text by itself


def by_llama_cpp(runtime: Path, file: Path, trained: Trained, kind: str, adapter: Path | None = None) -> Read:
    """The file as llama.cpp's library reads and runs it.

    With an adapter, `file` is its base, and chats are laid out as the adapter was trained. Raises OSError where the
    library cannot be loaded, RuntimeError when it cannot open what was made.
    """
    longest = max(len(said.tokens) for said in trained.said) + parity.TOKENS + SPARE_TOKENS
    threads = max(1, (os.cpu_count() or 2) // 2)
    with library.opened(
        library.load(runtime / "lib"), file, adapter, room=library.Room(longest), threads=threads
    ) as model:
        template = trained.tokenizer.chat_template if adapter else model.template
        form = LlamaCpp(model, trained.tokenizer, template)
        unknown = [token for token in trained.ends if not model.ends(token)]
        compared = comparing.compared(form, trained, parity.LIMITS[kind], "llama.cpp")
        return Read(compared, unknown, model.adds_bos)


def by_transformers(file: Path, trained: Trained, kind: str) -> dict[str, Any] | None:
    """The same, read by transformers; None where it does not read such a file."""
    if kind not in BY_TRANSFORMERS or find_spec("gguf") is None:
        return None
    with _opened(file) as network:
        if network is None:
            return None
        voice, _ = comparing.voice(network, file.parent, gguf_file=file.name)
        limit = parity.LIMITS["float32" if kind == "f32" else kind]
        return comparing.compared(comparing.Transformers(voice), trained, limit, "transformers")


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[Any]:
    try:
        network: Any = AutoModelForCausalLM.from_pretrained(
            file.parent, gguf_file=file.name, dtype=torch.float32, local_files_only=True, trust_remote_code=False
        )
    except (ValueError, KeyError, NotImplementedError):  # an architecture that it reads from safetensors alone
        network = None
    except OSError as error:
        raise WorkFailedError("code", f"transformers cannot open the GGUF: {error}"[:600]) from error
    yield network


def worst(checks: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The first comparison that is not good, or else the first; with all of them in short as `checks`."""
    shown = ("checked_by", "identical", "differing", "largest", "perplexity_change", "good", "limit")
    chosen = next((check for check in checks if not check["good"]), checks[0])
    return chosen | {"checks": [{name: check[name] for name in shown} for check in checks]}
