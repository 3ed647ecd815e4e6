"""What may be set for a vLLM backend, each with its meaning and its bounds, in vLLM's names.

Two are the studio's own: `kv_cache_gib` and `extra_args`. What is left open is settled at each start, by model and
machine (engine.serve.vllm.proposals).
"""

import json
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from engine.serve.vllm import extra_options
from engine.serve.vllm.values import (
    GPU_QUANTIZATION,
    LORA_RANKS,
    OFF,
    PLUGIN_QUANTIZATION,
    REASONING_PARSERS,
    TOOL_PARSERS,
    Dtype,
    KvDtype,
    SpeculativeMethod,
    allowed_rank,
)

QUANTIZATIONS = tuple(sorted({*GPU_QUANTIZATION, *PLUGIN_QUANTIZATION}))
PROPOSED = "Empty: chosen for this model and machine."


class SpeculativeConfig(BaseModel):
    """A quick guess of the next tokens, checked by the model in one step. The answers stay the same."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: SpeculativeMethod = Field(description="Who guesses: ngram looks into the text so far and needs no model.")
    num_speculative_tokens: int = Field(ge=1, le=16, description="How many tokens are guessed at once.")
    prompt_lookup_min: int | None = Field(default=None, ge=1, le=16, description="ngram: the shortest match.")
    prompt_lookup_max: int | None = Field(default=None, ge=1, le=16, description="ngram: the longest match.")
    model_id: str | None = Field(default=None, max_length=64, description="The studio's model that guesses.")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.method in ("draft_model", "eagle", "eagle3") and not self.model_id:
            raise ValueError(f"method {self.method} needs model_id, a smaller model of the Models page")
        if self.method in ("ngram", "mtp") and self.model_id:
            raise ValueError(f"method {self.method} takes no model_id")
        if (self.prompt_lookup_min or 1) > (self.prompt_lookup_max or 16):
            raise ValueError("prompt_lookup_min is larger than prompt_lookup_max")
        return self


class VllmOptions(BaseModel):
    """The options of a vLLM backend. None means: settled at the start."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dtype: Dtype | None = Field(default=None, title="Data type", description=f"Of weights and computation. {PROPOSED}")
    quantization: str | None = Field(
        default=None,
        title="Quantization",
        description="Empty: as the model is stored. Names with _per_ quantise it while it loads. "
        "Which ones work depends on the device.",
    )
    max_model_len: int | None = Field(
        default=None,
        ge=16,
        le=10_000_000,
        title="Context length",
        description="Most tokens of a prompt with its answer. Empty: as many as the model and the KV cache allow.",
    )
    gpu_memory_utilization: float | None = Field(
        default=None,
        gt=0.05,
        le=1,
        title="Share of GPU memory",
        description="GPU only: how much of its memory vLLM may use; 0.9 is 90 %. Lower it if others use the GPU too.",
    )
    kv_cache_gib: float | None = Field(
        default=None,
        ge=0.05,
        le=1024,
        title="KV cache (GiB)",
        description="Memory for the tokens of all running answers. Empty on a CPU: 1 to 4, as memory allows. "
        "On a GPU it replaces the share of GPU memory.",
    )
    max_num_seqs: int | None = Field(
        default=None,
        ge=1,
        le=4096,
        title="Answers at once",
        description="Further requests wait. With fewer at once each answer is faster, and all together are slower.",
    )
    max_num_batched_tokens: int | None = Field(
        default=None,
        ge=16,
        le=1_000_000,
        title="Tokens per step",
        description="Of all prompts and answers together. More: long prompts are faster. Less: answers stay steady.",
    )
    enable_prefix_caching: bool = Field(
        default=True, title="Prefix caching", description="The beginning that prompts share is read only once."
    )
    enable_chunked_prefill: bool = Field(
        default=True,
        title="Chunked prefill",
        description="Long prompts are read in parts, so that other answers do not wait.",
    )
    tensor_parallel_size: int = Field(
        default=1, ge=1, le=64, title="Tensor parallel", description="Number of GPUs that each layer is split across."
    )
    pipeline_parallel_size: int = Field(
        default=1,
        ge=1,
        le=64,
        title="Pipeline parallel",
        description="Number of GPUs that share the layers.",
    )
    kv_cache_dtype: KvDtype = Field(
        default="auto",
        title="KV cache type",
        description="fp8 keeps twice as many tokens in the same memory, slightly less accurately.",
    )
    enforce_eager: bool | None = Field(
        default=None,
        title="Skip compiling",
        description="Starts much faster, answers a little slower. Empty: skipped on a CPU, compiled on a GPU.",
    )
    speculative_config: SpeculativeConfig | None = Field(
        default=None,
        title="Speculative decoding",
        description="Several tokens are guessed at once and checked: faster, with the same answers. As JSON, such as "
        '{"method": "ngram", "num_speculative_tokens": 4}.',
    )
    tool_call_parser: str | None = Field(
        default=None,
        title="Tool calls",
        description=f"The parser for the model's tool calls; {OFF}: requests with tools are refused. {PROPOSED}",
    )
    reasoning_parser: str | None = Field(
        default=None,
        title="Reasoning",
        description=f"The parser that separates reasoning from the answer; {OFF}: it stays in the answer. {PROPOSED}",
    )
    enable_lora: bool | None = Field(
        default=None,
        title="Adapters",
        description="Whether LoRA adapters can be loaded. Empty: on if it starts with adapters, or if their rank "
        "or number is set below. Slower on a CPU.",
    )
    max_lora_rank: int | None = Field(
        default=None,
        ge=1,
        le=LORA_RANKS[-1],
        title="Largest LoRA rank",
        description="Rounded up to a rank that vLLM supports. Empty: the largest of the endpoint's adapters.",
    )
    max_loras: int | None = Field(
        default=None,
        ge=1,
        le=64,
        title="Adapters at once",
        description="How many adapters can answer at the same time; others wait. More than that can be loaded.",
    )
    enable_sleep_mode: bool = Field(
        default=False,
        title="Sleep mode",
        description="NVIDIA GPU only: while it sleeps, an idle endpoint frees its GPU memory, and it wakes up quickly.",
    )
    extra_args: str = Field(
        default="",
        max_length=2000,
        title="Further options",
        description="More options of vLLM, as --name value. Allowed: " + ", ".join(extra_options.ALLOWED) + ".",
    )

    @field_validator("speculative_config", mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        """A form sends JSON as text."""
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value.strip() else None
        except (ValueError, RecursionError) as error:
            raise ValueError("must be a JSON object") from error

    @field_validator("max_lora_rank")
    @classmethod
    def _rounded_up(cls, rank: int | None) -> int | None:
        return None if rank is None else allowed_rank(rank)

    @field_validator("quantization")
    @classmethod
    def _is_quantization(cls, name: str | None) -> str | None:
        return _one_of(name or None, QUANTIZATIONS)

    @field_validator("tool_call_parser")
    @classmethod
    def _is_tool_parser(cls, name: str | None) -> str | None:
        return _one_of(name or None, (*TOOL_PARSERS, OFF))

    @field_validator("reasoning_parser")
    @classmethod
    def _is_reasoning_parser(cls, name: str | None) -> str | None:
        return _one_of(name or None, (*REASONING_PARSERS, OFF))

    @field_validator("extra_args")
    @classmethod
    def _are_allowed(cls, text: str) -> str:
        extra_options.parsed(text)
        return text.strip()


def _one_of(name: str | None, choices: tuple[str, ...]) -> str | None:
    if name is not None and name not in choices:
        raise ValueError(f"{name[:40]!r} is not one of {', '.join(choices)}")
    return name
