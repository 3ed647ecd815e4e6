"""The trained form of a model: base and adapter as the training computed them, and its greedy answers."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM

from engine.workers import networks
from engine.workers.contract import WorkFailedError
from engine.workers.serve.parity.prompts import Prompt
from engine.workers.tokens import turn_end
from engine.workers.tuning.model import load_tokenizer


@dataclass(frozen=True)
class Answer:
    """What the trained form says to one prompt. `logprobs` is (tokens, vocabulary), of each token it was to say."""

    prompt: list[int]
    tokens: list[int]
    logprobs: torch.Tensor


class Trained:
    """A model in memory, and one after the other the adapters that were trained on it.

    `base_path` has the tokenizer of a tuned model that came without its own.
    """

    def __init__(self, model_path: Path, base_path: Path, dtype: torch.dtype, device: str) -> None:
        self.tokenizer = load_tokenizer(model_path if _has_tokenizer(model_path) else base_path)
        self.network = _opened(model_path, dtype)
        turn_end.settle(self.network, self.tokenizer)
        self.network.to(device).eval()

    @contextmanager
    def tuned(self, adapter: Path | None) -> Iterator["Voice"]:
        """The base alone, or with an adapter on it while the block lasts."""
        if adapter is None:
            yield Voice(self.network, self.tokenizer)
            return
        rows = networks.rows(self.network)
        try:
            networks.enlarge(self.network, networks.adapter_rows(self.network, adapter))
            tuned = PeftModel.from_pretrained(self.network, str(adapter), is_trainable=False).eval()
        except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
            message = f"The adapter in {adapter.name} does not fit the model: {error}"[:1000]
            raise WorkFailedError("config", message, "Serve it with the base model it was trained on.") from error
        try:
            yield Voice(tuned, load_tokenizer(adapter) if _has_tokenizer(adapter) else self.tokenizer)
        finally:
            self.network = tuned.unload()
            if networks.rows(self.network) > rows:
                self.network.resize_token_embeddings(rows, mean_resizing=False)


class Voice:
    """One network with its tokenizer."""

    def __init__(self, network: Any, tokenizer: Any) -> None:
        self._network, self._tokenizer = network, tokenizer
        self.end_ids = frozenset(turn_end.as_ids(network.generation_config.eos_token_id))

    def prompt_tokens(self, prompt: Prompt) -> list[int]:
        """The prompt as a chat in the model's template; as plain text where it has none."""
        if self._tokenizer.chat_template is None:
            tokens: list[int] = self._tokenizer(prompt[-1]["content"])["input_ids"]
            return tokens
        text = self._tokenizer.apply_chat_template(prompt, add_generation_prompt=True, tokenize=False)
        tokens = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return tokens

    @property
    def is_chat(self) -> bool:
        return self._tokenizer.chat_template is not None

    @torch.inference_mode()
    def answer(self, prompt: Sequence[int], most_tokens: int) -> Answer:
        """Greedy, one prompt by itself, until an end or `most_tokens`."""
        ids = torch.tensor([list(prompt)], device=self._network.device)
        said = self._network.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            max_new_tokens=most_tokens,
            eos_token_id=sorted(self.end_ids) or None,
            pad_token_id=self._tokenizer.pad_token_id,
            return_dict_in_generate=True,
            output_logits=True,
        )
        logprobs = torch.log_softmax(torch.cat(said.logits).float(), dim=-1).cpu()
        return Answer(list(prompt), said.sequences[0, len(prompt) :].tolist(), logprobs)

    @torch.inference_mode()
    def scores(self, tokens: Sequence[int]) -> list[float]:
        """The log-probability of each token but the first, given those before it."""
        ids = torch.tensor([list(tokens)], device=self._network.device)
        logprobs = torch.log_softmax(self._network(input_ids=ids, use_cache=False).logits[0, :-1].float(), dim=-1)
        values: list[float] = logprobs.gather(1, ids[0, 1:, None])[:, 0].tolist()
        return values

    def text(self, tokens: Sequence[int]) -> str:
        return str(self._tokenizer.decode(list(tokens)))


def _opened(path: Path, dtype: torch.dtype) -> Any:
    try:
        return networks.load(AutoModelForCausalLM, path, dtype=dtype)
    except (OSError, ValueError, SafetensorError) as error:
        hint = "Fetch or add the model again on the Models page."
        raise WorkFailedError("data", f"The model cannot be loaded: {error}"[:1000], hint) from error


def _has_tokenizer(folder: Path) -> bool:
    return (folder / "tokenizer_config.json").is_file()
