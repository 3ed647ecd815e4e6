"""Whether a GGUF file can become a model that is trained here: decided from its header, before anything is converted.

transformers turns such a file back into ordinary weights. Where it would lose something without a word (a stretched
context, a way of cutting text that it does not know) or make up what is missing, the file is refused instead.
"""

import re
from typing import NoReturn

from engine.errors import RefusedError
from engine.weights.gguf_header import Header

# What tests turn back and compare with where it came from. Architecture of the file -> families that use it.
TAKEN = {"llama": "Llama, SmolLM, Mistral", "qwen2": "Qwen2, Qwen2.5", "qwen3": "Qwen3"}
TOKENIZER = "gpt2"  # byte-level BPE, as the file calls it
# How text is cut before BPE, by the name in the file: GPT-2's way, and those that transformers knows by name.
CUTS = (
    "gpt-2", "smollm", "llama3", "llama-v3", "llama-bpe", "falcon3", "pixtral", "dbrx", "smaug-bpe", "tekken", "qwen2",
    "deepseek-r1-qwen", "megrez",
)  # fmt: skip
EXACT = ("F32", "F16", "BF16")
ROPE_FREQUENCIES = "rope_freqs.weight"  # Llama 3.1 and later: how its context was stretched
BLOCK = re.compile(r"blk\.(\d+)\.")
ORIGINAL = "Use the original model with safetensors, from the hub or a folder."
WORDS = "Its weights were {}, so they are a little worse than the original's; exact ones are in the original model."


def check(header: Header) -> None:
    """Raises RefusedError, which says what is in the way and what to do."""
    architecture = _text(header, "general.architecture")
    if (kind := _text(header, "general.type") or "model") != "model":
        refuse(header, f"holds no model but {kind!r:.40}", "Choose the file with the whole model.")
    if _number(header, "split.count", 1) > 1:
        count = _number(header, "split.count", 1)
        hint = "Join the parts with `llama-gguf-split --merge`, then add the one file."
        refuse(header, f"is one of {count:,} parts of a model", hint)
    if architecture not in TAKEN:
        known = "; ".join(f"{name} ({families})" for name, families in TAKEN.items())
        refuse(header, f"has the architecture {architecture!r:.40}; taken are {known}", ORIGINAL)
    _check_tokenizer(header)
    _check_shape(header, architecture)
    _check_context(header, architecture)


def _check_tokenizer(header: Header) -> None:
    tokenizer, cut = _text(header, "tokenizer.ggml.model"), _text(header, "tokenizer.ggml.pre")
    if tokenizer != TOKENIZER:
        refuse(
            header, f"has a tokenizer of the kind {tokenizer!r:.40}; taken is byte-level BPE ({TOKENIZER})", ORIGINAL
        )
    if cut not in CUTS:
        refuse(header, f"cuts text in the way {cut!r:.40}, which is not known here", ORIGINAL)
    tokens = header.lengths.get("tokenizer.ggml.tokens", 0)
    if not tokens or not header.lengths.get("tokenizer.ggml.merges"):
        refuse(header, "has no vocabulary, or no merges", ORIGINAL)
    for name in ("bos", "eos", "unknown", "padding"):
        key = f"tokenizer.ggml.{name}_token_id"
        if key in header.values and not 0 <= _number(header, key, -1) < tokens:
            refuse(header, f"says {key} {header.values[key]}, and has {tokens:,} tokens", "Download the file again.")


def _check_shape(header: Header, architecture: str) -> None:
    """Its settings say what its weights are: numbers that lie would have the memory of this machine filled."""
    embeddings = header.tensors.get("token_embd.weight")
    if embeddings is None or len(embeddings.shape) != 2:
        refuse(header, "has no token embeddings", "Download the whole model.")
    rows, width = embeddings.shape
    blocks = {int(match[1]) for name in header.tensors if (match := BLOCK.match(name))}
    stated = {
        f"{architecture}.embedding_length": (width, "values in a row of its embeddings"),
        f"{architecture}.block_count": (len(blocks), "layers with weights"),
        "tokenizer.ggml.tokens": (rows, "rows of embeddings"),
        f"{architecture}.vocab_size": (rows, "rows of embeddings"),
    }
    for key, (held, words) in stated.items():
        said = header.lengths.get(key, header.values.get(key, held if key.endswith("vocab_size") else None))
        if said != held:
            refuse(header, f"says {key} {said!r:.40}, and has {held:,} {words}", "Download the whole model again.")
    if blocks != set(range(len(blocks))):
        refuse(header, f"lacks some of its {len(blocks):,} layers", "Download the whole model.")
    for name, most in (("attention.head_count", 1024), ("feed_forward_length", 1 << 20), ("context_length", 1 << 30)):
        if not 0 < _number(header, f"{architecture}.{name}", 0) <= most:
            key = f"{architecture}.{name}"
            refuse(header, f"says {key} {header.values.get(key)!r:.40}", "Download the whole model again.")


def _check_context(header: Header, architecture: str) -> None:
    scaling = _text(header, f"{architecture}.rope.scaling.type")
    factors = [name for name in header.tensors if name.startswith("rope_factors")]
    if scaling not in ("", "none") or factors:
        how = scaling or factors[0]
        refuse(header, f"has a stretched context ({how:.40}), which is lost on the way back", ORIGINAL)


def in_words(kind: str) -> str:
    """What is true of weights that were stored as `kind` (Q4_K ...); nothing where they were not quantised."""
    if not kind or kind in EXACT:
        return ""
    return WORDS.format(f"quantised ({kind})")


def _text(header: Header, key: str) -> str:
    value = header.values.get(key)
    return value if isinstance(value, str) else ""


def _number(header: Header, key: str, otherwise: int) -> int:
    value = header.values.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else otherwise


def refuse(header: Header, reason: str, hint: str) -> NoReturn:
    """Raises RefusedError about this file."""
    raise RefusedError(f"`{header.name}` {reason}.", hint)
