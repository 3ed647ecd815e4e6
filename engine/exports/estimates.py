"""What an export takes, said before it begins: bytes, disk while it is made, memory, minutes."""

from dataclasses import dataclass
from typing import Any

import psutil

from engine import sizes
from engine.errors import ConflictError, DiskFullError
from engine.exports import gguf, merging
from engine.exports.gguf import GgufOptions
from engine.runtimes import room
from engine.runtimes.room import Room
from engine.subjects.subject import Subject
from storage import db, home
from storage import work as stored_work

SPARE_BYTES = 1 << 30  # that stays free beside it, of disk and of memory
BESIDES_BYTES = 50_000_000  # tokenizer and card
INSTALL_SECONDS = 40
# Until this machine has made one: as measured with 135 million weights on two cores, starting Python included.
FIXED_SECONDS = {merging.KIND: 20.0, gguf.KIND: 45.0}
SECONDS_A_BILLION = {merging.KIND: 300.0, gguf.KIND: 500.0}
OFF = 0.25  # a size that is off by more than this share is told


@dataclass(frozen=True)
class Estimate:
    """In bytes and seconds. `disk_bytes` is the most that is taken while it is made."""

    size_bytes: int
    disk_bytes: int
    memory_bytes: int
    seconds: float
    download_bytes: int = 0
    notes: tuple[str, ...] = ()


def merged(subject: Subject, dtype: str) -> Estimate:
    """Of a merge. In memory: all of it in float32, and at the end what was saved beside what was opened again."""
    parameters = merging.parameters(subject)
    size = parameters * merging.BYTES[dtype] + BESIDES_BYTES
    memory = parameters * max(4, 2 * merging.BYTES[dtype], merging.BYTES[dtype] + 4)
    return Estimate(size, size, memory, _seconds(merging.KIND, parameters))


def of_gguf(subject: Subject, options: GgufOptions) -> Estimate:
    """Of a GGUF. On the disk at once: the merge in float32, the file made of it, and the one in fewer bits."""
    parameters, size = merging.parameters(subject), gguf.size_bytes(subject, options)
    first, merge = gguf.installation(), 4 * parameters if subject.weights == "adapter" else 0
    full = 0 if options.type in gguf.BY_CONVERTER else 4 * parameters
    base = gguf.size_bytes(subject, GgufOptions(type="f32")) if options.of == "adapter" else merge
    fallen_back, tensors = gguf.fallbacks(subject, options)
    notes = []
    if fallen_back:
        notes.append(
            f"{fallen_back} of {tensors} tensors are kept in more bits: {gguf.BLOCK} does not divide their rows."
        )
    seconds, disk = _seconds(gguf.KIND, parameters), size + base + full + BESIDES_BYTES
    if first:
        notes.append(_installed_first(first))
        seconds += INSTALL_SECONDS + 60 * (first.build_minutes or 0)
        disk += first.disk_bytes - room.SPARE_BYTES
    download = first.download_bytes if first else 0
    return Estimate(size, disk, 4 * parameters + BESIDES_BYTES, seconds, download, tuple(notes))


def _installed_first(first: Room) -> str:
    fetched = f"llama.cpp is fetched first ({sizes.in_words(first.download_bytes)})"
    if first.build_minutes is None:
        return f"{fetched}."
    return f"{fetched} and built here, which takes about {first.build_minutes} min."


def _seconds(kind: str, parameters: int) -> float:
    """As long as the last of its kind took for each weight here, else as measured elsewhere."""
    with db.reading() as session:
        last = stored_work.last_succeeded(session, kind)
    took: dict[str, Any] = last.result if last else {}
    if took.get("seconds") and took.get("parameters"):
        beyond = max(0.0, took["seconds"] - FIXED_SECONDS[kind]) / took["parameters"]
        return float(min(took["seconds"], FIXED_SECONDS[kind]) + beyond * parameters)
    return FIXED_SECONDS[kind] + SECONDS_A_BILLION[kind] * parameters / 1e9


def check(estimate: Estimate, what: str) -> None:
    """Raises DiskFullError, or ConflictError for too little memory, before anything is begun."""
    needed, free = estimate.disk_bytes + SPARE_BYTES, home.free_bytes()
    if free < needed:
        message = f"{what} needs {sizes.in_words(needed)} of disk, {sizes.in_words(free)} are free."
        raise DiskFullError(message, "Delete runs, exports or models that are no longer needed, or take the adapter.")
    needed, free = estimate.memory_bytes + SPARE_BYTES, psutil.virtual_memory().available
    if free < needed:
        message = f"{what} in float32 needs {sizes.in_words(needed)} of memory, {sizes.in_words(free)} are free."
        raise ConflictError(message, "Stop what else uses memory, or do this on a larger machine.")


def off(said: dict[str, Any] | None, size_bytes: int | None) -> list[str]:
    """A note when the files became much larger or smaller than was said."""
    if not said or not size_bytes or abs(size_bytes - said["size_bytes"]) <= OFF * said["size_bytes"]:
        return []
    return [f"It was to be {sizes.in_words(said['size_bytes'])}, and is {sizes.in_words(size_bytes)}."]
