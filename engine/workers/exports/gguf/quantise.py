"""A GGUF in fewer bits, by `llama-quantize` where this machine has it, else by llama.cpp's library."""

import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from engine.workers.contract import WorkFailedError
from engine.workers.runtimes import library, token_check

PROGRAM = "llama-quantize"
BLOCK = 256  # numbers that a K-quant puts together: rows that it does not divide are kept in more bits


def quantise(runtime: Path, source: Path, target: Path, kind: str) -> str:
    """Writes `target`; returns by what, in words. Raises WorkFailedError."""
    threads = max(1, (os.cpu_count() or 2) // 2)
    if program := shutil.which(PROGRAM):
        command = [program, str(source), str(target), kind, str(threads)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode:
            raise WorkFailedError("config", f"{program} failed: {token_check.cause(done.stderr + done.stdout)}")
        return f"{PROGRAM} of this machine"
    try:
        library.quantise(library.load(runtime / "lib"), source, target, kind, threads)
    except (OSError, RuntimeError) as error:
        hint = f"Install llama.cpp, so that `{PROGRAM}` is on PATH, or choose q8_0, which needs neither."
        raise WorkFailedError("config", f"llama.cpp could not quantise: {error}"[:600], hint) from error
    return "llama.cpp's library"


def reader(runtime: Path, file: Path) -> Any:
    """The tensors of a file, by ggml's own reader."""
    return _gguf(runtime).GGUFReader(str(file))


def _gguf(runtime: Path) -> Any:
    place = str(runtime / "converter" / "gguf-py")
    if place not in sys.path:
        sys.path.insert(0, place)
    return importlib.import_module("gguf")


def fallen_back(runtime: Path, file: Path) -> tuple[int, int]:
    """How many tensors have rows that a K-quant cannot take, and how many there are at all."""
    tensors = reader(runtime, file).tensors
    return sum(len(tensor.shape) > 1 and int(tensor.shape[0]) % BLOCK != 0 for tensor in tensors), len(tensors)


def weights_apart(runtime: Path, source: Path, target: Path) -> float:
    """The largest root mean square error of a tensor, as a share of its own size, between two files of one model."""
    gguf = _gguf(runtime)
    before = {tensor.name: tensor for tensor in reader(runtime, source).tensors}
    worst = 0.0
    for tensor in reader(runtime, target).tensors:
        before_values = gguf.dequantize(before[tensor.name].data, before[tensor.name].tensor_type).ravel()
        after_values = gguf.dequantize(tensor.data, tensor.tensor_type).ravel()
        size = float(np.sqrt(np.mean(np.square(before_values, dtype=np.float64))))
        apart = float(np.sqrt(np.mean(np.square(after_values.astype(np.float64) - before_values))))
        worst = max(worst, apart / size if size else apart)
    return worst
