"""GGUF files made by hand, whole and lying, without the library that reads them."""

import struct
from collections.abc import Sequence
from pathlib import Path


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def setting(key: str, value: str | int | Sequence[str]) -> bytes:
    if isinstance(value, str):
        return text(key) + struct.pack("<I", 8) + text(value)
    if isinstance(value, int):
        return text(key) + struct.pack("<II", 4, value)
    return text(key) + struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(text, value))


def tensor(name: str, *lengths: int, kind: int = 0, offset: int = 0) -> bytes:
    numbers = struct.pack(f"<I{len(lengths)}QIQ", len(lengths), *lengths, kind, offset)
    return text(name) + numbers


def file(
    folder: Path, settings: Sequence[bytes] = (), tensors: Sequence[bytes] = (), data: int = 0, **claimed: int
) -> Path:
    counts = (claimed.get("tensor_count", len(tensors)), claimed.get("setting_count", len(settings)))
    header = b"GGUF" + struct.pack("<IQQ", 3, *counts) + b"".join([*settings, *tensors])
    path = folder / "model.gguf"
    path.write_bytes(header + bytes(-len(header) % 32) + bytes(data))
    return path


def whole(path: Path, architecture: str = "llama") -> Path:
    """A file whose header holds in every way; its weights are zeros, and too few for a model."""
    settings = [
        setting("general.architecture", architecture), setting("tokenizer.ggml.model", "gpt2"),
        setting("tokenizer.ggml.pre", "llama-bpe"), setting("tokenizer.ggml.tokens", ["a", "b", "ab"]),
        setting("tokenizer.ggml.merges", ["a b"]), setting(f"{architecture}.embedding_length", 8),
        setting(f"{architecture}.block_count", 0), setting(f"{architecture}.attention.head_count", 1),
        setting(f"{architecture}.feed_forward_length", 16), setting(f"{architecture}.context_length", 64),
    ]  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    return file(path.parent, settings, [tensor("token_embd.weight", 8, 3)], data=96).rename(path)
