"""A tiny Llama with a real vocabulary, which llama.cpp's converter knows: it tells vocabularies by their hash."""

import shutil
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json")


def make(folder: Path, starter: Path, width: int = 64) -> Path:
    """One layer with the starter's tokenizer. Its weights are large enough to be sure of an answer."""
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(starter)
    LlamaForCausalLM(
        LlamaConfig(
            vocab_size=49152,
            hidden_size=width,
            intermediate_size=2 * width,
            num_hidden_layers=1,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=1024,
            initializer_range=0.3,
            tie_word_embeddings=True,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    ).save_pretrained(folder)
    for name in TOKENIZER:
        shutil.copyfile(starter / name, folder / name)
    return folder


def tune(base: Path, folder: Path, **config: object) -> Path:
    """An adapter whose weights have moved, as a training moves them."""
    tuned = get_peft_model(
        LlamaForCausalLM.from_pretrained(base), LoraConfig(r=4, target_modules=["q_proj", "down_proj"], **config)
    )
    torch.manual_seed(1)
    for parameter in tuned.parameters():
        if parameter.requires_grad:
            parameter.data += 0.1 * torch.randn_like(parameter)
    tuned.save_pretrained(folder)
    return folder
