"""Tiny models whose tokenizer, template and sizes do not fit each other, as people find and make them."""

from pathlib import Path

import torch
from transformers import AutoConfig, AutoTokenizer, LlamaForCausalLM

from tests import tiny


def make(
    folder: Path,
    eos: str = "<|endoftext|>",
    added: tuple[str, ...] = (),
    pad: str | None = "<|endoftext|>",
    unk: str | None = None,
    tied: bool = False,
    spare_rows: int = 0,
) -> Path:
    """A tiny chat model. `added` tokens have no embedding; `spare_rows` are embeddings of no token.

    By default as base models of Qwen are: the template ends turns with <|im_end|>, and eos is <|endoftext|>.
    """
    tiny.make(folder)
    tokenizer, config = AutoTokenizer.from_pretrained(folder), AutoConfig.from_pretrained(folder)
    tokenizer.eos_token, tokenizer.unk_token = eos, unk
    config.vocab_size = len(tokenizer) + spare_rows
    config.eos_token_id, config.bos_token_id, config.tie_word_embeddings = tokenizer.eos_token_id, None, tied
    if added:
        tokenizer.add_special_tokens({"additional_special_tokens": list(added)})
    tokenizer.pad_token = pad
    torch.manual_seed(0)
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
