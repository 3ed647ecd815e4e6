"""Which of vLLM's parsers reads the tool calls and the thoughts of a model: by its family and its chat template.

A parser only reads what the template taught the model to write. So a template that writes no tools gets no parser,
whatever the family: with one, vLLM would take `tools` and the model would never see them.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Parsers:
    """Names for `--tool-call-parser` and `--reasoning-parser`; None without one."""

    tools: str | None = None
    reasoning: str | None = None


# By `model_type` of config.json. Llama, Qwen 2 to 3 and Mistral are bases of many models with templates of their own:
# for them the calls' own markers count first (MARKERS).
FAMILIES: dict[str, Parsers] = {
    "apertus": Parsers("apertus"),
    "cohere2": Parsers("cohere_command3", "cohere_command3"),
    "deepseek_v3": Parsers("deepseek_v3", "deepseek_r1"),
    "deepseek_v32": Parsers("deepseek_v32", "deepseek_v3"),
    "deepseek_v4": Parsers("deepseek_v4", "deepseek_v4"),
    "ernie4_5": Parsers("ernie45", "ernie45"),
    "ernie4_5_moe": Parsers("ernie45", "ernie45"),
    "gemma4": Parsers("gemma4", "gemma4"),
    "gemma4_text": Parsers("gemma4", "gemma4"),
    "glm4_moe": Parsers("glm45", "glm45"),
    "gpt_oss": Parsers("openai", "openai_gptoss"),
    "granite": Parsers("granite", "granite"),
    "granitemoe": Parsers("granite", "granite"),
    "granitemoehybrid": Parsers("granite4"),
    "hunyuan_v1_moe": Parsers("hunyuan_a13b", "hunyuan_a13b"),
    "internlm2": Parsers("internlm"),
    "jamba": Parsers("jamba"),
    "kimi_k2": Parsers("kimi_k2", "kimi_k2"),
    "lfm2": Parsers("lfm2"),
    "lfm2_moe": Parsers("lfm2"),
    "llama": Parsers("llama3_json", "deepseek_r1"),
    "llama4": Parsers("llama4_pythonic"),
    "llama4_text": Parsers("llama4_pythonic"),
    "mimo": Parsers("mimo", "mimo"),
    "minimax_m2": Parsers("minimax_m2", "minimax_m2"),
    "mistral": Parsers("mistral", "mistral"),
    "mistral3": Parsers("mistral", "mistral"),
    "ministral3": Parsers("mistral", "mistral"),
    "mixtral": Parsers("mistral"),
    "nemotron_h": Parsers("qwen3_coder", "nemotron_v3"),
    "olmo3": Parsers("olmo3", "olmo3"),
    "phi3": Parsers("phi4_mini_json"),
    "qwen2": Parsers("hermes", "deepseek_r1"),
    "qwen2_moe": Parsers("hermes"),
    "qwen3": Parsers("hermes", "qwen3"),
    "qwen3_moe": Parsers("hermes", "qwen3"),
    "qwen3_next": Parsers("hermes", "qwen3"),
    "qwen3_5": Parsers("qwen3_coder", "qwen3"),
    "qwen3_5_text": Parsers("qwen3_coder", "qwen3"),
    "qwen3_5_moe": Parsers("qwen3_coder", "qwen3"),
    "seed_oss": Parsers("seed_oss", "seed_oss"),
    "step3": Parsers("step3", "step3"),
}
# What a template writes around a call, the most particular first: it says more than the family.
MARKERS = (
    ("<function=", "qwen3_coder"),
    ("[TOOL_CALLS]", "mistral"),
    ("<|python_tag|>", "llama3_json"),
    ("<|tool_call|>", "phi4_mini_json"),
    ("<tool_call>", "hermes"),
)
SHARED = ("llama", "qwen2", "qwen2_moe", "qwen3", "qwen3_moe", "qwen3_next", "mistral", "phi3")
THOUGHTS = ("</think>", "[THINK]", "<|channel", "<seed:think>", "reasoning_content", "thinking")
DISTILLED = ("llama", "qwen2")  # only some of them think, and theirs say so by these words


def parsers(model_type: str | None, template: str) -> Parsers:
    """The parsers for a model of that family with that chat template. Pure."""
    family = FAMILIES.get(model_type or "", Parsers())
    tools = _tools(model_type or "", family, template) if "tools" in template else None
    thinks = any(mark in template for mark in (THOUGHTS[:1] if model_type in DISTILLED else THOUGHTS))
    return Parsers(tools, family.reasoning if thinks else None)


def _tools(model_type: str, family: Parsers, template: str) -> str | None:
    marked = next((name for mark, name in MARKERS if mark in template), None)
    if model_type in SHARED or family.tools is None:
        return marked or (family.tools if model_type == "llama" and "ipython" in template else None)
    return family.tools
