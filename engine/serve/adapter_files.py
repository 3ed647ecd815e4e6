"""The folder of an adapter, checked before a server sees it, and copied so that what was checked is what is loaded.

A server may read an adapter's files again at any time: vLLM keeps some adapters in memory and reads the others anew.
So each load gets a copy of its own in the backend's folder, which nobody else writes to.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import ConflictError, NotFoundError, RefusedError
from engine.recipes.choices.tunings import MOVED_STARTS
from engine.serve.vllm import files as vllm_files
from engine.subjects import subject as subjects
from engine.subjects.subject import Subject
from engine.weights import checkpoints, files
from engine.weights.files import BITS, Tensor

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
COPIED = (CONFIG, WEIGHTS, "generation_config.json", "chat_template.jinja")
BEFORE_EACH_ROW = ("PROMPT_TUNING", "PREFIX_TUNING", "P_TUNING", "MULTITASK_PROMPT_TUNING", "CARTRIDGE")
# Starts that PEFT takes out of the base's weights when it loads an adapter: every other answer would change.
HARMLESS_STARTS = (True, False, None, "gaussian", "eva", "orthogonal", "mica", "lora_ga")
PACKED = ("U8", "I32", "F4")  # of quantised bases, several weights in each number: the shape is another
CHUNK = 1 << 20
AGAIN = "Train it again, or choose another run or checkpoint."


@dataclass(frozen=True)
class Adapter:
    """What is known of an adapter from its small file and the header of its weights."""

    kind: str  # PEFT's word: LORA, IA3 ...
    rank: int | None  # the largest of its layers; None for what has none
    parameters: int
    config: Mapping[str, Any]

    def size_bytes(self, dtype: str | None) -> int:
        """In the memory of a server that holds weights as `dtype` (as safetensors spells it)."""
        return self.parameters * BITS.get(dtype or "BF16", 16) // 8


def look_up(text: str) -> Subject:
    """The trained weights that RUN or RUN@STEP names. Raises NotFoundError, ConflictError, RefusedError."""
    subject = subjects.look_up(f"run:{text}")
    if subject.run.recipe.get("method") == "reward":
        hint = "Start an endpoint of its own for it, with the backend transformers, which answers /v1/score."
        message = f"Run `{subject.run.name}` trained a reward model: it scores answers and does not write any."
        raise RefusedError(message, hint)
    _refuse_moved(subject)
    return subject


def _refuse_moved(subject: Subject) -> None:
    if subject.step is not None and subject.run.recipe.get("init_lora_weights") in MOVED_STARTS:
        raise RefusedError(
            f"The checkpoints of run `{subject.run.name}` were trained from other starting weights "
            f"({subject.run.recipe['init_lora_weights']}) and cannot be served.",
            "Serve the run's result.",
        )


def to_serve(text: str, kind: str = "transformers") -> Subject:
    """The same for a backend of that kind which does not run yet: one error for all that cannot be served.

    A reward model is loaded when its server starts, so it may be among these.
    """
    try:
        subject = subjects.look_up(f"run:{text}")
    except (NotFoundError, ConflictError) as error:
        raise RefusedError(error.message, error.hint) from error
    if subject.run.recipe.get("method") == "reward" and kind != "transformers":
        hint = "Serve it with the backend transformers, which answers /v1/score, or choose another run."
        message = f"Run `{subject.run.name}` trained a reward model: it scores answers and does not write any."
        raise RefusedError(message, hint)
    _refuse_moved(subject)
    return subject


def inspect(folder: Path, name: str) -> Adapter:
    """Reads what an adapter's files say. Raises RefusedError, with `name`, for a folder that is damaged."""
    try:
        config = files.read_json(folder, CONFIG)
        tensors = files.tensors(folder, [WEIGHTS])
    except (RefusedError, OSError) as error:
        reason = error.message if isinstance(error, RefusedError) else f"It cannot be read: {error.strerror}."
        raise RefusedError(f"The adapter of `{name}` is damaged. {reason}", AGAIN) from error
    if config is None or not isinstance(config.get("peft_type"), str) or not tensors:
        problem = f"Its {CONFIG} does not say what it is." if tensors else f"Its {WEIGHTS} holds no weights."
        raise RefusedError(f"The adapter of `{name}` is damaged. {problem}", AGAIN)
    try:
        rank = vllm_files.largest_rank(config, tensors)
    except ValueError as error:
        raise RefusedError(f"The adapter of `{name}` is damaged: {error}.", AGAIN) from error
    return Adapter(config["peft_type"].upper(), rank, sum(tensor.parameters for tensor in tensors), config)


def refuse_unservable(adapter: Adapter, name: str) -> None:
    """Raises RefusedError for what no server of the studio can hold beside other adapters."""
    if adapter.kind in BEFORE_EACH_ROW:
        message = f"`{name}` was trained as tokens before every row ({adapter.kind.lower()})."
        raise RefusedError(message, "No server here can serve them. Train it with `tuning` lora to serve it.")
    start = adapter.config.get("init_lora_weights")
    if start not in HARMLESS_STARTS:
        raise RefusedError(f"`{name}` begins with {start}, which would change its base while others use it.", AGAIN)


def refuse_misfit(folder: Path, name: str, base: Path, base_name: str) -> None:
    """Raises RefusedError when a layer of the adapter has another size in the base, or none there."""
    weights = files.tensors(base, files.weight_files(base))
    shapes = {tensor.name: tensor.shape for tensor in weights if tensor.dtype not in PACKED}
    for tensor in files.tensors(folder, [WEIGHTS]):
        if (problem := _misfit(tensor, shapes)) is not None:
            hint = f"It was made for another base than `{base_name}`. Serve it with its own."
            raise RefusedError(f"The adapter of `{name}` does not fit: {problem}.", hint)


def _misfit(tensor: Tensor, shapes: Mapping[str, tuple[int, ...]]) -> str | None:
    """What is wrong with one matrix of a LoRA, as far as the base's files name its layer."""
    layer, is_lora, _ = tensor.name.removeprefix("base_model.model.").partition(".lora_")
    if not is_lora or len(tensor.shape) != 2 or "embedding" in tensor.name:
        return None
    base = shapes.get(f"{layer}.weight")
    if base is None or len(base) != 2:
        return None  # fused in the base's files, such as experts: the server finds out
    is_a = ".lora_A." in tensor.name
    own = tensor.shape[1] if is_a else tensor.shape[0]
    if own in base:  # GPT-2 stores its matrices the other way round
        return None
    side, other = ("inputs", base[1]) if is_a else ("outputs", base[0])
    return f"{layer} has {other:,} {side} in the base and {own:,} in the adapter"


def refuse_for_vllm(adapter: Adapter, name: str, started: Sequence[str] | None = None) -> None:
    """Raises RefusedError for what vLLM cannot load; `started` is the command of the server that runs."""
    if what := vllm_files.unservable(adapter.config):
        raise RefusedError(f"The adapter of `{name}` {what}, which vLLM cannot load.", vllm_files.ELSEWHERE)
    if started is None:
        return
    most = most_rank(started)
    deploy = "Deploy the endpoint with this adapter among the others: it then starts with room for it."
    if most is None:
        raise RefusedError("This endpoint was started without room for adapters (vLLM's LoRA is off).", deploy)
    if (adapter.rank or 0) > most:
        raise RefusedError(f"`{name}` has rank {adapter.rank}; this endpoint takes up to {most}.", deploy)


def most_rank(argv: Sequence[str]) -> int | None:
    """The largest LoRA rank that a vLLM was started for; None when it was started without LoRA."""
    if "--enable-lora" not in argv:
        return None
    given = argv[argv.index("--max-lora-rank") + 1] if "--max-lora-rank" in argv else "16"  # vLLM's own default
    return int(given)


def copy(source: Path, target: Path) -> str:
    """Copies what a server reads of an adapter; returns the digest of its configuration and weights.

    Raises RefusedError for a file that leads out of the folder, OSError as the disk does.
    """
    target.mkdir(parents=True, mode=0o700)
    digests = {name: _copy_file(source, target, name) for name in COPIED}
    _compare_with_manifest(source, digests)
    return _joined(digests[CONFIG], digests[WEIGHTS])


def digest(folder: Path) -> str:
    """The same of a folder as it is now."""
    return _joined(*(_sha256(path) if (path := folder / name).is_file() else "" for name in (CONFIG, WEIGHTS)))


def _joined(config: str, weights: str) -> str:
    return hashlib.sha256(f"{config} {weights}".encode()).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _copy_file(source: Path, target: Path, name: str) -> str:
    """The sha256 of what was copied; empty when there is no such file."""
    path = files.plain_file(source, name)
    if path is None:
        return ""
    digest = hashlib.sha256()
    with path.open("rb") as reader, (target / name).open("wb") as writer:
        while chunk := reader.read(CHUNK):
            digest.update(chunk)
            writer.write(chunk)
    return digest.hexdigest()


def _compare_with_manifest(source: Path, digests: Mapping[str, str]) -> None:
    """A checkpoint says what its files are; what was damaged since is not served."""
    try:
        entries = json.loads((source / checkpoints.MANIFEST).read_text(encoding="utf-8"))["files"]
        expected = {name: entries[name]["sha256"] for name in (CONFIG, WEIGHTS)}
    except (OSError, ValueError, KeyError, TypeError):
        return  # a run's result has none
    changed = [name for name, digest in expected.items() if digests[name] != digest]
    if changed:
        raise RefusedError(f"{changed[0]} of {source.name} is not what was saved there.", "Choose another checkpoint.")


def is_adapter(folder: Path) -> bool:
    """Whether it is loaded beside a base while the server runs: not a whole model, and not one that scores."""
    return (folder / CONFIG).exists() and (files.read_json(folder, CONFIG) or {}).get("task_type") != "SEQ_CLS"
