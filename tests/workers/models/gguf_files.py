"""GGUF files made of tiny models, as llama.cpp's converter lays them out; and spoilt ones."""

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from tokenizers import Regex, Tokenizer, pre_tokenizers
from transformers import AutoModelForCausalLM, PreTrainedModel
from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

from tests import tiny

LAYER = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
}  # fmt: skip
ENDS = {"model.embed_tokens.": "token_embd.", "model.norm.": "output_norm.", "lm_head.": "output."}
NORMAL, CONTROL = 1, 3


def make(folder: Path, config: Any = None, cut: str = "gpt-2") -> tuple[Path, Path]:
    """A tiny model with its tokenizer, of another family by `config`: its folder, and its weights in a GGUF as F32."""
    tiny.make(folder / "model")
    if cut == "qwen2":
        recut(folder / "model" / "tokenizer.json")
    if config is not None:
        torch.manual_seed(1)
        AutoModelForCausalLM.from_config(config, dtype=torch.float32).save_pretrained(folder / "model")
    return folder / "model", write(folder / "tiny.gguf", folder / "model", cut=cut)


def recut(file: Path) -> None:
    """A tokenizer that cuts text as Qwen's do: digits one by one, among other things."""
    words = Tokenizer.from_file(str(file))
    split = pre_tokenizers.Split(Regex(PRETOKENIZE_REGEX), behavior="isolated")
    words.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(False, use_regex=False)])
    words.save(str(file))


def write(
    file: Path, model_folder: Path, quantised: str = "", more: Mapping[str, Any] | None = None, cut: str = "gpt-2"
) -> Path:
    """The model in a GGUF; matrices as `quantised` (Q8_0, ...) where a block divides their rows."""
    model = AutoModelForCausalLM.from_pretrained(model_folder, dtype=torch.float32)
    architecture = model.config.model_type
    writer = gguf.GGUFWriter(file, architecture)
    settings(writer, model, model_folder)
    writer.add_tokenizer_pre(cut)
    for key, value in (more or {}).items():
        writer.add_string(key, value) if isinstance(value, str) else writer.add_uint32(key, value)
    for name, weight in tensors(model).items():
        kind = gguf.GGMLQuantizationType[quantised] if quantised and weight.ndim > 1 else None
        data = gguf.quants.quantize(weight, kind) if kind else weight
        writer.add_tensor(name, data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


def settings(writer: Any, model: PreTrainedModel, folder: Path) -> None:
    config: Any = model.config
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    writer.add_rope_dimension_count(head)
    writer.add_key_length(head)
    writer.add_license("mit")
    words = json.loads((folder / "tokenizer.json").read_text())
    special = {token["content"] for token in words["added_tokens"]}
    tokens = sorted(words["model"]["vocab"], key=words["model"]["vocab"].get)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types([CONTROL if token in special else NORMAL for token in tokens])
    writer.add_token_merges([" ".join(merge) for merge in words["model"]["merges"]])
    writer.add_bos_token_id(tokens.index("<|im_start|>"))
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_pad_token_id(tokens.index("<|endoftext|>"))
    writer.add_chat_template((folder / "chat_template.jinja").read_text())


def tensors(model: PreTrainedModel) -> dict[str, np.ndarray[Any, Any]]:
    """Weights by the names of GGUF; Llama's queries and keys in llama.cpp's order of rows."""
    config: Any = model.config
    named = {}
    for name, weight in model.named_parameters():
        values = weight.detach().numpy()
        if config.model_type == "llama" and ("q_proj" in name or "k_proj" in name):
            values = interleaved(values, config.num_attention_heads if "q_proj" in name else config.num_key_value_heads)
        named[called(name)] = values
    if frequencies := stretched(config):
        named["rope_freqs.weight"] = np.array(frequencies, dtype=np.float32)
    return named


def interleaved(values: np.ndarray[Any, Any], heads: int) -> np.ndarray[Any, Any]:
    """As `LlamaModel.permute` of llama.cpp's converter does it."""
    halves = values.reshape(heads, 2, values.shape[0] // heads // 2, *values.shape[1:])
    return np.ascontiguousarray(halves.swapaxes(1, 2).reshape(values.shape))


def stretched(config: Any) -> list[float]:
    """The factors of Llama 3's long context, as llama.cpp's converter computes them; none without it."""
    rope = config.rope_parameters
    if rope.get("rope_type") != "llama3":
        return []
    size = config.head_dim
    low, high = (rope["original_max_position_embeddings"] / rope[f"{end}_freq_factor"] for end in ("low", "high"))
    factors = []
    for frequency in 1.0 / rope["rope_theta"] ** (np.arange(0, size, 2) / size):
        length = 2 * np.pi / frequency
        smooth = (rope["original_max_position_embeddings"] / length - rope["low_freq_factor"]) / (
            rope["high_freq_factor"] - rope["low_freq_factor"]
        )
        between = 1 / ((1 - smooth) / rope["factor"] + smooth)
        factors.append(1.0 if length < high else rope["factor"] if length > low else between)
    return factors


def called(name: str) -> str:
    for ours, theirs in ENDS.items():
        if name.startswith(ours):
            return name.replace(ours, theirs)
    _, _, number, rest = name.split(".", 3)
    part, _, kind = rest.rpartition(".")
    return f"blk.{number}.{LAYER[part]}.{kind}"


def spoilt(file: Path, key: str, value: int) -> Path:
    """A copy in which a number of its settings is another one."""
    data = bytearray(file.read_bytes())
    at = data.index(struct.pack("<Q", len(key)) + key.encode()) + 8 + len(key)
    kind = struct.unpack_from("<I", data, at)[0]
    struct.pack_into("<Q" if kind == 10 else "<I", data, at + 4, value)
    copy = file.with_name("spoilt.gguf")
    copy.write_bytes(data)
    return copy
