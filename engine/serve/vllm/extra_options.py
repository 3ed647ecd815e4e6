"""Further options of vLLM's that an endpoint may be given as `--name value`: an allow-list, each with its values.

What is not here is refused by name. Left out on purpose: whatever loads code (plugins, worker classes, JSON with import
paths), reads or writes other files, listens on a network, or is a field of VllmOptions or the studio's own affair.
"""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class Extra:
    """What may stand behind an option: a whole number or a number within bounds, one of some words, or nothing."""

    low: float = 0
    high: float = 0
    is_whole: bool = True
    choices: tuple[str, ...] = ()
    pattern: str = ""
    is_json: bool = False

    @property
    def is_flag(self) -> bool:
        return not self.high and not self.choices and not self.pattern and not self.is_json

    def in_words(self) -> str:
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        if self.is_json:
            return "a JSON object"
        if self.pattern:
            return "a name of letters, digits and _"
        return f"a {'whole ' if self.is_whole else ''}number from {self.low:,} to {self.high:,}"

    def accepts(self, text: str) -> bool:
        if self.choices:
            return text in self.choices
        if self.is_json:
            return _is_object(text)
        if self.pattern:
            return re.fullmatch(self.pattern, text) is not None
        return self._is_within(text)

    def _is_within(self, text: str) -> bool:
        form = r"-?\d{1,12}" if self.is_whole else r"-?\d{1,12}(\.\d{1,6})?"
        return re.fullmatch(form, text) is not None and self.low <= float(text) <= self.high


FLAG = Extra()
NAME = Extra(pattern=r"[A-Za-z][A-Za-z0-9_]{0,40}")
ALLOWED: Mapping[str, Extra] = MappingProxyType(
    {
        "--async-scheduling": FLAG,
        "--attention-backend": NAME,
        "--block-size": Extra(choices=("16", "32", "64", "128", "256")),
        "--chat-template-content-format": Extra(choices=("auto", "string", "openai")),
        "--convert": Extra(choices=("auto", "none", "embed", "classify")),
        "--cpu-offload-gb": Extra(0, 1024, is_whole=False),
        "--default-chat-template-kwargs": Extra(is_json=True),
        "--disable-cascade-attn": FLAG,
        "--disable-custom-all-reduce": FLAG,
        "--disable-hybrid-kv-cache-manager": FLAG,
        "--disable-sliding-window": FLAG,
        "--enable-expert-parallel": FLAG,
        "--enable-force-include-usage": FLAG,
        "--enable-prompt-tokens-details": FLAG,
        "--exclude-tools-when-tool-choice-none": FLAG,
        "--fully-sharded-loras": FLAG,
        "--long-prefill-token-threshold": Extra(0, 10_000_000),
        "--lora-dtype": Extra(choices=("auto", "bfloat16", "float16")),
        "--max-logprobs": Extra(0, 1000),
        "--max-num-queued-reqs": Extra(1, 1_000_000),
        "--max-num-queued-tokens": Extra(1, 1_000_000_000),
        "--model-impl": Extra(choices=("auto", "vllm", "transformers")),
        "--moe-backend": NAME,
        "--performance-mode": Extra(choices=("balanced", "interactivity", "throughput")),
        "--prefix-caching-hash-algo": Extra(choices=("sha256", "sha256_cbor", "xxhash", "xxhash_cbor")),
        "--return-tokens-as-token-ids": FLAG,
        "--runner": Extra(choices=("auto", "generate", "pooling")),
        "--scheduling-policy": Extra(choices=("fcfs", "priority")),
        "--seed": Extra(0, 2**31 - 1),
        "--stream-interval": Extra(1, 100),
        "--tokenizer-mode": Extra(choices=("auto", "mistral")),
    }
)


def parsed(text: str) -> list[str]:
    """The words of such a text, checked. Raises ValueError that names the first wrong one, and what is allowed."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ValueError("has a quotation mark that is not closed") from error
    return [word for pair in _pairs(words) for word in pair]


def _pairs(words: list[str]) -> Iterator[list[str]]:
    seen: set[str] = set()
    rest = [part for word in words for part in (word.split("=", 1) if word.startswith("--") else [word])]
    while rest:
        name = rest.pop(0)
        extra = ALLOWED.get(name)
        if extra is None:
            raise ValueError(f"does not allow {name[:60]}. Allowed: {', '.join(ALLOWED)}")
        if name in seen:
            raise ValueError(f"has {name} twice")
        seen.add(name)
        if extra.is_flag:
            yield [name]
            continue
        value = rest.pop(0) if rest else ""
        if not extra.accepts(value):
            raise ValueError(f"needs {extra.in_words()} after {name}, not {value[:60]!r}")
        yield [name, value]


def _is_object(text: str) -> bool:
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict)
