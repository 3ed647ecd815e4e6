"""How to use a model: in Python, with vLLM, with Ollama and llama.cpp. A test runs the Python and reads the rest."""

from collections.abc import Mapping
from typing import Any

from engine.exports.card.told import Facts, fence
from engine.recipes.choices import tunings

LORA_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)  # what vLLM takes as --max-lora-rank
ASK = """
messages = [{"role": "user", "content": "What is 17 plus 6?"}]
inputs = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)
answer = model.generate(**inputs, max_new_tokens=64, do_sample=False)
print(tokenizer.decode(answer[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True))
"""


def text(facts: Facts) -> str:
    """The section of a card."""
    if facts.kind == "gguf":
        return _gguf(facts)
    return "\n\n".join(
        (fence("python", loading(facts) + ("" if facts.scores else f"\n{ASK.rstrip()}")), _serving(facts))
    )


def loading(facts: Facts) -> str:
    """Python that loads it."""
    model_class = "AutoModelForSequenceClassification" if facts.scores else "AutoModelForCausalLM"
    labels = ", num_labels=1" if facts.scores else ""
    lines = [f"from transformers import {model_class}, AutoTokenizer", ""]
    if facts.kind == "gguf":
        source = f'"{facts.folder_name}", gguf_file="{facts.file}"'
        return "\n".join(
            [
                *lines,
                f"model = {model_class}.from_pretrained({source})",
                f"tokenizer = AutoTokenizer.from_pretrained({source})",
            ]
        )
    if facts.kind == "adapter":
        base = f'base = {model_class}.from_pretrained("{facts.base}"{labels})'
        lines = ["from peft import PeftModel", *lines, base]
        lines.append(f'model = PeftModel.from_pretrained(base, "{facts.folder_name}")')
    else:
        lines.append(f'model = {model_class}.from_pretrained("{facts.folder_name}")')
    return "\n".join([*lines, f'tokenizer = AutoTokenizer.from_pretrained("{facts.folder_name}")'])


def _serving(facts: Facts) -> str:
    if facts.scores:
        return "It gives a score for a text, and writes none."
    if facts.kind == "merged":
        return "With vLLM:\n\n" + fence("sh", f"vllm serve {facts.folder_name}")
    if reason := not_in_vllm(facts.recipe):
        return f"vLLM does not load this adapter ({reason}): take the merged model for it."
    rank = next((rank for rank in LORA_RANKS if rank >= (facts.rank or 1)), LORA_RANKS[-1])
    command = f"vllm serve {facts.base} --enable-lora --max-lora-rank {rank} --lora-modules tuned={facts.folder_name}"
    return "With vLLM, where the model is then called `tuned`:\n\n" + fence("sh", command)


def not_in_vllm(recipe: Mapping[str, Any]) -> str:
    """Why vLLM does not load such an adapter; empty when it does."""
    tuning = tunings.TUNINGS.get(str(recipe.get("tuning", "lora")))
    if tuning is None or not tuning.vllm:
        return f"its tuning is {recipe.get('tuning')}"
    if recipe.get("use_dora"):
        return "it uses DoRA"
    return "it holds whole modules" if recipe.get("modules_to_save") else ""


def _gguf(facts: Facts) -> str:
    called = facts.folder_name.lower()
    ollama = f"cd {facts.folder_name}\nollama create {called} -f Modelfile\nollama run {called}"
    if facts.base_file:
        return "\n\n".join((
            f"It is an adapter: put {facts.base_name} as GGUF beside it, by the name `{facts.base_file}`.",
            "With Ollama:", fence("sh", ollama),
            "With llama.cpp:", fence("sh", f"llama-cli -m {facts.base_file} --lora {facts.file}"),
        ))  # fmt: skip
    return "\n\n".join((
        "With Ollama:", fence("sh", ollama),
        "With llama.cpp, whose server answers as OpenAI's API does:", fence("sh", f"llama-server -m {facts.file}"),
        "With transformers, which turns it back into whole numbers (it needs the package gguf):",
        fence("python", f"{loading(facts)}\n{ASK.rstrip()}"),
    ))  # fmt: skip
