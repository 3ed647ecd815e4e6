"""Model folders made by hand, good and hostile, without torch."""

import json
from pathlib import Path
from typing import Any

LLAMA: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 8,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "vocab_size": 32,
    "max_position_embeddings": 128,
}
SHAPES = {
    "model.embed_tokens.weight": (32, 8),
    "model.layers.0.self_attn.q_proj.weight": (8, 8),
    "model.layers.0.mlp.up_proj.weight": (16, 8),
    "model.norm.weight": (8,),
    "lm_head.weight": (32, 8),
}
PARAMETERS = 256 + 64 + 128 + 8 + 256


def safetensors(shapes: dict[str, tuple[int, ...]], dtype: str = "F32", width: int = 4) -> bytes:
    """A whole safetensors file of zeros."""
    entries, offset = {}, 0
    for name, shape in shapes.items():
        size = width
        for length in shape:
            size *= length
        entries[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, offset + size]}
        offset += size
    header = json.dumps({"__metadata__": {"format": "pt"}, **entries}).encode()
    return len(header).to_bytes(8, "little") + header + bytes(offset)


def make(folder: Path, weights: bytes | None = None, **config: Any) -> Path:
    """A model that can be trained, unless `config` changes that. A field set to None is left out."""
    folder.mkdir(parents=True, exist_ok=True)
    fields = {name: value for name, value in {**LLAMA, **config}.items() if value is not None}
    (folder / "config.json").write_text(json.dumps(fields))
    (folder / "model.safetensors").write_bytes(safetensors(SHAPES) if weights is None else weights)
    (folder / "tokenizer.json").write_text("{}")
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": "{{ messages }}"}))
    (folder / "README.md").write_text("---\nlanguage: en\nlicense: mit\n---\n# A model\n")
    return folder
