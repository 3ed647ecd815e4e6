"""A GGUF file turned back into a model that can be trained: ordinary safetensors, tokenizer and chat template.

transformers does it. The header is read again here, with bounds, because the file may have changed since it was added;
the file is seen through a link in an empty folder, so nothing else that lies beside it counts.
"""

import contextlib
import functools
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from engine.errors import RefusedError
from engine.models import download_room
from engine.process import events, machine
from engine.sizes import in_words
from engine.weights import gguf_header, gguf_model
from engine.weights.gguf_header import Header
from engine.weights.starter import sha256_of
from engine.workers import lean_imports
from engine.workers.contract import WorkFailedError

LICENCE = re.compile(r"[A-Za-z0-9][\w.+-]{0,59}")
SHA_LETTERS = 12
LIBRARY_BYTES = 400_000_000  # of memory, for torch and transformers
README = """---
license: {licence}
---
Turned back from the GGUF file `{name}` (weights stored as {type}). {words}
"""
UNREADABLE = (ValueError, KeyError, IndexError, TypeError, NotImplementedError, ArithmeticError, RuntimeError, OSError)
SAMPLES = ("What is 17 plus 6?", " It's 3.14, naïve:\n\n\t안녕하세요  def f(x):  ")
ORIGINAL_FREQUENCIES = {"low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}


def fetch(file: Path, part: Path, out: Path) -> dict[str, Any]:
    """Converts the file into `part`. Raises WorkFailedError; then nothing is left there."""
    shutil.rmtree(part)
    part.mkdir(mode=0o700)
    try:
        header = _checked(file)
        exact = header.type == "F32"
        _refuse_without_room(header, 4 if exact else 2, out)
        events.append(out, events.Progress(done=0, stage="converting to safetensors"))
        with _alone(file, out / "staged") as staged:
            _convert(staged, part, header, "float32" if exact else "bfloat16")
        _write_card(part, header)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    events.append(out, events.Progress(done=0, stage="checking"))
    return {"revision": f"{header.type} sha256:{sha256_of(file)[:SHA_LETTERS]}", "from": f"gguf:{header.name}"}


def _checked(file: Path) -> Header:
    require_reader()
    try:
        header = gguf_header.read(file)
        gguf_model.check(header)
    except RefusedError as error:
        raise WorkFailedError("data", error.message, error.hint) from error
    return header


def require_reader() -> None:
    """Raises WorkFailedError without the library that reads the format."""
    if find_spec("gguf") is None:
        hint = 'Install it with `pip install "tunesmith[starter]"` (or `pip install gguf`), then retry.'
        raise WorkFailedError("config", "The model comes as GGUF, and `gguf` is not installed here.", hint)


def _refuse_without_room(header: Header, width: int, out: Path) -> None:
    """The model on the disk, and in memory twice (as it is unpacked, and as it is) beside the libraries.

    Measured with the starter (269 MB in bfloat16): 0.94 GB at most, 0.1 GB of it the file itself.
    """
    size = header.parameters * width
    if lacking := download_room.lacking(f"The model in {header.name}", size, 0, shutil.disk_usage(out).free):
        raise WorkFailedError("disk", *lacking)
    free = machine.free_memory_bytes()
    if (needed := 2 * size + LIBRARY_BYTES) > free:
        message = f"To turn {header.name} back takes about {in_words(needed)} of memory; {in_words(free)} is free."
        raise WorkFailedError("memory", message, "Free some memory, or use a smaller model.")


@contextlib.contextmanager
def _alone(file: Path, folder: Path) -> Iterator[Path]:
    """The file as the only one of a folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    staged = folder / "model.gguf"
    staged.symlink_to(file)
    try:
        yield staged
    finally:
        shutil.rmtree(folder)


def _convert(staged: Path, part: Path, header: Header, dtype: str) -> None:
    try:
        save(staged, part, dtype, lambda config: _restored(config, header, staged))
    except UNREADABLE as error:
        said = f"{type(error).__name__}: {error}"[:300]
        message = f"transformers cannot turn {header.name} back: {said}"
        raise WorkFailedError("data", message, gguf_model.ORIGINAL) from error


def save(gguf: Path, part: Path, dtype: str, restored: Callable[[Any], Any] | None = None, origin: str = "") -> None:
    """Loads tokenizer and weights out of a file, and saves them. `restored` completes and checks the configuration;
    `origin` is where the model is from, as it says itself.

    Raises WorkFailedError where a weight is missing, and whatever transformers raises.
    """
    sys.modules.setdefault("deepspeed", None)  # type: ignore[arg-type]  # saving a model imports it wherever it is there
    with lean_imports.importing():  # seconds, and only this way to a model needs it
        from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GgufConfig  # noqa: PLC0415

    options = {"gguf_file": gguf.name, "local_files_only": True, "trust_remote_code": False}
    with _read_once():
        tokenizer = AutoTokenizer.from_pretrained(gguf.parent, **options)
        config = AutoConfig.from_pretrained(gguf.parent, **options)
        config = restored(config) if restored else config
        quantization = GgufConfig(dequantize=True)
        model, loaded = AutoModelForCausalLM.from_pretrained(
            gguf.parent, config=config, dtype=dtype, quantization_config=quantization, output_loading_info=True,
            **options,
        )  # fmt: skip
    if missing := sorted(loaded["missing_keys"]):
        message = f"The file lacks {missing[0]} and {len(missing) - 1} other weights of its model."
        raise WorkFailedError("data", message, "Download the whole model again.")
    model.config._name_or_path = origin
    tokenizer.model_max_length = model.config.max_position_embeddings
    model.save_pretrained(part)
    tokenizer.save_pretrained(part)
    again = AutoTokenizer.from_pretrained(part, local_files_only=True, trust_remote_code=False)
    if any(again(text)["input_ids"] != tokenizer(text)["input_ids"] for text in SAMPLES):
        message = "The tokenizer of the file cuts text in another way once it is saved."
        raise WorkFailedError("data", message, gguf_model.ORIGINAL)


@contextlib.contextmanager
def _read_once() -> Iterator[None]:
    """transformers reads the whole file three times (tokenizer, config, weights) and makes the same table of names for
    each of 397 layers. That took more than half of the 20 seconds of a conversion.
    """
    gguf: Any = import_module("gguf")
    kept = gguf.GGUFReader, gguf.get_tensor_name_map
    gguf.GGUFReader, gguf.get_tensor_name_map = map(functools.cache, kept)
    try:
        yield
    finally:
        gguf.GGUFReader, gguf.get_tensor_name_map = kept


def _restored(config: Any, header: Header, staged: Path) -> Any:
    """The configuration with what transformers leaves in the file; refused where its model is not the file's.

    Raises WorkFailedError when the model that it describes has other weights than the file.
    """
    architecture = header.values["general.architecture"]
    head = header.values.get(f"{architecture}.attention.key_length")
    if isinstance(head, int) and head > 0 and hasattr(config, "head_dim"):
        config.head_dim = head
    extra = 0
    if gguf_model.ROPE_FREQUENCIES in header.tensors:
        extra = header.tensors[gguf_model.ROPE_FREQUENCIES].parameters
        _restore_frequencies(config, staged)
    described = _parameters(config)
    if described != header.parameters - extra:
        message = f"{header.name} has {header.parameters - extra:,} weights, and its settings describe {described:,}."
        raise WorkFailedError("data", message, gguf_model.ORIGINAL)
    return config


def _parameters(config: Any) -> int:
    """The weights of the model that a configuration describes; nothing is allocated."""
    import torch  # noqa: PLC0415
    from transformers import AutoModelForCausalLM  # noqa: PLC0415

    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    return sum(weight.numel() for weight in model.parameters())


def _restore_frequencies(config: Any, staged: Path) -> None:
    """Llama 3.1 stretches its context by factors that the file has as a tensor and transformers passes over.

    They follow from one number (`rope_type` llama3 of transformers); it is taken back, and has to give them again.
    """
    import numpy as np  # noqa: PLC0415
    import torch  # noqa: PLC0415
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS  # noqa: PLC0415

    gguf: Any = import_module("gguf")
    tensors = {tensor.name: tensor for tensor in gguf.GGUFReader(staged).tensors}
    factors = np.asarray(tensors[gguf_model.ROPE_FREQUENCIES].data, dtype=np.float64)
    theta = float(config.rope_parameters["rope_theta"])
    stretched = {"rope_type": "llama3", "rope_theta": theta, "factor": float(factors.max()), **ORIGINAL_FREQUENCIES}
    config.rope_parameters = stretched
    plain = 1.0 / theta ** (np.arange(0, 2 * len(factors), 2) / (2 * len(factors)))
    computed, _ = ROPE_INIT_FUNCTIONS["llama3"](config, torch.device("cpu"))
    if len(computed) != len(factors) or not np.allclose(plain / computed.double().numpy(), factors, rtol=1e-3):
        message = "The file has a stretched context of a kind that is not known here."
        raise WorkFailedError("data", message, gguf_model.ORIGINAL)


def _write_card(part: Path, header: Header) -> None:
    """Where the model comes from, with the licence that the file names."""
    licence = header.values.get("general.license")
    stated = licence if isinstance(licence, str) and LICENCE.fullmatch(licence) else "unknown"
    words = gguf_model.in_words(header.type)
    text = README.format(licence=stated, name=header.name, type=header.type, words=words)
    (part / "README.md").write_text(text.rstrip() + "\n", encoding="utf-8")
