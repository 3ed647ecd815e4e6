"""Tiny random models of several families, for tests that compare ways to compute the same."""

import copy
from typing import Any

import torch
import transformers
from transformers import AutoModelForCausalLM, PreTrainedModel

SHAPE: dict[str, Any] = {
    "vocab_size": 300,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
}
ALONE: dict[str, Any] = {  # of a trainer in float32 that leaves nothing behind
    "logging_steps": 1,
    "save_strategy": "no",
    "report_to": "none",
    "use_cpu": True,
    "bf16": False,
    "gradient_checkpointing": False,
    "disable_tqdm": True,
}
FAMILIES = {
    "llama": transformers.LlamaConfig(**SHAPE),
    "llama with tied embeddings": transformers.LlamaConfig(**SHAPE, tie_word_embeddings=True),
    "qwen2": transformers.Qwen2Config(**SHAPE),
    "qwen3": transformers.Qwen3Config(**SHAPE, head_dim=8),
    "mistral": transformers.MistralConfig(**SHAPE),
    "gemma": transformers.GemmaConfig(**SHAPE, head_dim=8),
    "phi3": transformers.Phi3Config(**SHAPE, pad_token_id=0),
    "gpt2": transformers.GPT2Config(vocab_size=300, n_embd=32, n_layer=2, n_head=4, n_positions=128),
}
LEFT_TO_TRL = {
    "gemma2, soft-capped": transformers.Gemma2Config(**SHAPE, head_dim=8),
    "granite, scaled": transformers.GraniteConfig(**SHAPE, logits_scaling=4.0),
    "mixtral, experts": transformers.MixtralConfig(**SHAPE, num_local_experts=2),
}


def random_model(config: transformers.PretrainedConfig) -> PreTrainedModel:
    """The same random model every time; of a copy, as a trainer writes token ids into the configuration."""
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(copy.deepcopy(config), dtype=torch.float32)
