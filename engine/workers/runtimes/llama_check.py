"""The proof that llama.cpp works here: a tiny model is converted to GGUF, quantised, and read again.

`python -m engine.workers.runtimes.llama_check RUNTIME SCRATCH`, with the studio's Python, which is what the converter
runs with. The last line it prints says what it did.
"""

import importlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from engine.workers.runtimes import library

WIDTH = 256  # what K-quants divide rows by
TEXT = "the quick brown fox jumps over the lazy dog and then it sleeps in the warm sun all day long"


def main() -> None:
    """Converts, quantises, reads, and says so; a failure is a traceback, whose last line is the reason."""
    runtime, scratch = Path(sys.argv[1]), Path(sys.argv[2]) / "tiny"
    scratch.mkdir(parents=True, exist_ok=True)
    make_model(scratch, runtime / "packages")
    full = scratch / "full.gguf"
    convert(runtime, scratch, full)
    done = "converts a model to GGUF"
    if (runtime / "lib").is_dir():
        small = scratch / "small.gguf"
        library.quantise(library.load(runtime / "lib"), full, small, "Q4_K_M")
        done += f", quantises it ({', '.join(sorted(kinds(runtime, small)))})"
    sys.stdout.write(f"{done}\n")


def make_model(folder: Path, packages: Path) -> None:
    """A random Llama of one layer, with a vocabulary of its own."""
    sys.path.insert(0, str(packages))
    sentencepiece, torch = importlib.import_module("sentencepiece"), importlib.import_module("torch")
    save_file: Any = importlib.import_module("safetensors.torch").save_file
    words = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([TEXT] * 20), model_writer=words, vocab_size=32, hard_vocab_limit=False
    )
    (folder / "tokenizer.model").write_bytes(words.getvalue())
    pieces = sentencepiece.SentencePieceProcessor(model_proto=words.getvalue()).get_piece_size()
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": pieces, "hidden_size": WIDTH,
        "intermediate_size": WIDTH, "num_hidden_layers": 1, "num_attention_heads": 4, "num_key_value_heads": 4,
        "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "tie_word_embeddings": False,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    layer = "model.layers.0."
    square = [f"{layer}self_attn.{name}_proj.weight" for name in "qkvo"]
    square += [f"{layer}mlp.{name}_proj.weight" for name in ("gate", "up", "down")]
    norms = [f"{layer}input_layernorm.weight", f"{layer}post_attention_layernorm.weight", "model.norm.weight"]
    tensors = {name: torch.randn(WIDTH, WIDTH, dtype=torch.float16) for name in square}
    tensors |= {name: torch.ones(WIDTH, dtype=torch.float16) for name in norms}
    ends = ("model.embed_tokens.weight", "lm_head.weight")
    tensors |= {name: torch.randn(pieces, WIDTH, dtype=torch.float16) for name in ends}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def convert(runtime: Path, model: Path, target: Path) -> None:
    """Runs the converter as an export would."""
    command = [sys.executable, str(runtime / "converter" / "convert_hf_to_gguf.py"), str(model)]
    env = os.environ | {"PYTHONPATH": str(runtime / "packages")}
    subprocess.run([*command, "--outtype", "f16", "--outfile", str(target)], env=env, check=True)


def kinds(runtime: Path, file: Path) -> set[str]:
    """The quantisations of the tensors in a file."""
    sys.path.insert(0, str(runtime / "converter" / "gguf-py"))
    gguf: Any = importlib.import_module("gguf")
    return {tensor.tensor_type.name for tensor in gguf.GGUFReader(str(file)).tensors}


if __name__ == "__main__":
    main()
