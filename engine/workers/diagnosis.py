"""What an exception means for a person: one of six categories, what happened, and what to do about it. Pure.

Exceptions of torch, bitsandbytes and safetensors are known by name and text: this module must not import them, because
a worker that only fetches files would pay seconds for it.
"""

import errno
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from engine import sizes
from engine.errors import FULL_CODES, TunesmithError

Category = Literal["memory", "data", "config", "disk", "network", "code"]

MEMORY_HINT = (
    "Use a smaller per_device_train_batch_size with more gradient_accumulation_steps, a smaller max_length, "
    "gradient_checkpointing, or tuning qlora."
)
NEARLY_NOTHING = 64 << 20  # bytes; a write that failed with less than this free failed for want of space
FULL_TEXTS = ("no space left on device", "disk quota exceeded", "file too large", "os error 28", "os error 122")
WRITE_TEXTS = ("pytorchstreamwriter failed", "file write failed", "unexpected pos")  # of torch.save, without a reason
MEMORY_TEXTS = (
    "out of memory",
    "can't allocate memory",
    "cannot allocate memory",
    "cublas_status_alloc_failed",
    "cudnn_status_alloc_failed",
    "hip_status_alloc_failed",
)
DEVICE_TEXTS = (
    "no kernel image is available",
    "found no nvidia driver",
    "torch not compiled with cuda enabled",
    "nvidia driver on your system is too old",
    "no cuda gpus are available",
    "invalid device ordinal",
)
NETWORK_NAMES = ("ConnectError", "ConnectTimeout", "ReadTimeout", "HfHubHTTPError", "LocalEntryNotFoundError")
BROKEN_FILES = ("SafetensorError", "UnpicklingError", "ArrowInvalid")


@dataclass(frozen=True)
class Diagnosis:
    """A failure as its run's page shows it."""

    category: Category
    message: str
    hint: str
    cause: str = ""  # by name, where the worker found it itself


def diagnose(error: BaseException, free_bytes: int | None = None) -> Diagnosis:
    """What `error`, or what it was raised from, means. `free_bytes`: of the disk that is written to, where known."""
    for cause in chain(error):
        for rule in RULES:
            if diagnosis := rule(cause, free_bytes):
                return diagnosis
    return Diagnosis("code", words(error), "The log has the full traceback.")


def chain(error: BaseException) -> list[BaseException]:
    """The error and what it was raised from, outermost first."""
    causes: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in causes:
        causes.append(current)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return causes


def words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:2000].strip().rstrip(":")


def disk_full(free_bytes: int | None, context: str = "") -> Diagnosis:
    """The same words wherever the disk is full. `context` was being written."""
    free_space = "" if free_bytes is None else f": {sizes.in_words(free_bytes)} is free"
    hint = (
        "Delete runs, models or quarantined checkpoints that are no longer needed, or use a smaller save_total_limit; "
        "then resume the run."
    )
    return Diagnosis("disk", f"The disk is full{free_space}{context and f', and {context}'}.", hint)


def _known(error: BaseException, free_bytes: int | None) -> Diagnosis | None:
    if not isinstance(error, TunesmithError):
        return None
    cause = str(getattr(error, "cause", ""))
    return Diagnosis(getattr(error, "category", "config"), error.message, error.hint, cause)


def _memory(error: BaseException, free_bytes: int | None) -> Diagnosis | None:
    text = str(error).lower()
    by_text = isinstance(error, RuntimeError) and any(phrase in text for phrase in MEMORY_TEXTS)
    by_code = isinstance(error, OSError) and error.errno == errno.ENOMEM
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or by_text or by_code:
        return Diagnosis("memory", "There was not enough memory.", MEMORY_HINT)
    return None


def _disk(error: BaseException, free_bytes: int | None) -> Diagnosis | None:
    text = str(error).lower()
    is_full = isinstance(error, OSError) and error.errno in FULL_CODES
    is_full = is_full or any(phrase in text for phrase in FULL_TEXTS)
    starved = free_bytes is not None and free_bytes < NEARLY_NOTHING and any(phrase in text for phrase in WRITE_TEXTS)
    if is_full or starved:
        return disk_full(free_bytes)
    if isinstance(error, OSError) and error.errno in (errno.EROFS, errno.EIO):
        hint = "Check the disk that holds the studio's home, and that it can be written to; then resume the run."
        return Diagnosis("disk", f"The disk cannot be written to or read ({error.strerror}).", hint)
    return None


def _network(error: BaseException, free_bytes: int | None) -> Diagnosis | None:
    if isinstance(error, ConnectionError | TimeoutError) or type(error).__name__ in NETWORK_NAMES:
        return Diagnosis("network", words(error), "Check that this machine reaches the internet, then try again.")
    return None


def _libraries(error: BaseException, free_bytes: int | None) -> Diagnosis | None:
    """A library that is missing or broken, bitsandbytes before all."""
    text = str(error).lower()
    if "bitsandbytes" in text and isinstance(error, ImportError | RuntimeError | AttributeError):
        hint = "Install it with `pip install bitsandbytes` where it is available, or use tuning lora and adamw_torch."
        return Diagnosis("config", f"bitsandbytes is missing or cannot be used here. {words(error)}", hint)
    if isinstance(error, ModuleNotFoundError):
        hint = f"Install it with `pip install {error.name}`, or change the setting that needs it."
        return Diagnosis("config", f"The library {error.name} is not installed here.", hint)
    if isinstance(error, ImportError):
        return Diagnosis("config", words(error), "Install what is named there, or change the setting that needs it.")
    return None


def _device(error: BaseException, free_bytes: int | None) -> Diagnosis | None:
    text = str(error).lower()
    if isinstance(error, RuntimeError | AssertionError | ValueError) and any(phrase in text for phrase in DEVICE_TEXTS):
        hint = "Check `nvidia-smi` and that torch was installed for this GPU (`tunesmith doctor` says more)."
        return Diagnosis("config", f"The GPU cannot be used. {words(error)}", hint)
    return None


def _data(error: BaseException, free_bytes: int | None) -> Diagnosis | None:
    if type(error).__name__ in BROKEN_FILES:
        hint = "Fetch the model again on the Models page, or import the dataset again; then resume the run."
        return Diagnosis("data", f"A file is damaged. {words(error)}", hint)
    return None


Rule = Callable[[BaseException, int | None], Diagnosis | None]
RULES: tuple[Rule, ...] = (_known, _memory, _disk, _network, _device, _libraries, _data)
