"""Why a vLLM died, out of its log: the last words are seldom the reason.

Three processes write there one after the other, each with a traceback of its own; only the first names the cause, the
others say that something failed "above", and behind them nanobind complains of leaks at exit.
"""

import re
import textwrap
from pathlib import Path

from engine.process import process
from engine.process.events import Failed

LOG, LOG_FROM = "output.log", "log_from"
MOST_LOG_BYTES = 512 << 10  # of an attempt, from its end
MOST_LETTERS = 400
_PREFIX = re.compile(r"^\([\w-]+ pid=\d+\) ?(?:(?:ERROR|WARNING|INFO|DEBUG) [\d-]+ [\d:]+ \[[^]]*\] ?)?")
_ERROR = re.compile(r"^(?:[A-Za-z_]\w*\.)*(?:[A-Z]\w*(?:Error|Exception)|InvalidCxxCompiler)\b:? ?(.*)")
_USAGE = re.compile(r"^\S+\.py: error: (.+)")
_NANOBIND = re.compile(r"^nanobind: ")
# They only say that there was another one.
_MISLEADING = (
    "Engine core initialization failed",
    "EngineDeadError",
    "EngineCore encountered an issue",
    "WorkerProc initialization failed",
    "Cancelled",
    "Worker failed with error",
    "raise ",
)
_DIED = ("EngineDeadError", "engine core exited unexpectedly", "died unexpectedly")
# What each cause means, and what helps. `config` and `data` are not tried again: they would end the same way.
_KNOWN: tuple[tuple[str, str, str], ...] = (
    (r"Available memory on node", "config", "Lower kv_cache_gib, or stop what uses the memory."),
    (r"KV cache is needed", "config", "Raise kv_cache_gib, or lower max_model_len."),
    (r"Free memory on device", "memory", "Lower gpu_memory_utilization, or stop what uses the GPU."),
    (r"out of memory|OutOfMemory|Cannot allocate memory|can't allocate memory", "memory",
     "Lower kv_cache_gib or gpu_memory_utilization, max_model_len or max_num_seqs."),
    (r"No working C\+\+ compiler|InvalidCxxCompiler", "config", "Leave enforce_eager empty, or install g++."),
    (r"lscpu", "config", "Install the package util-linux."),
    (r"torchvision::nms", "config", "Remove torchvision, torchaudio and torchcodec from vLLM's environment."),
    (r"Failed to infer device type|No package metadata was found", "config",
     "The metadata of the vLLM package is missing or wrong: install the runtime again."),
    (r"ModuleNotFoundError|ImportError|undefined symbol", "config",
     "vLLM's environment is incomplete: install it again."),
    (r"No CUDA GPUs are available|Found no NVIDIA driver", "config", "Check the driver with nvidia-smi."),
    (r"LoRA rank|max_lora_rank", "config", "Raise max_lora_rank."),
    (r"No adapter found|Loading lora", "data", "The adapter's folder is missing or damaged: serve another run."),
    (r"does not support LoRA", "config", "Merge the adapter and serve the merged model, or use transformers."),
    (r"[Qq]uantization", "config", "Leave quantization empty, or choose another."),
    (r"are not supported for now|not supported by vLLM|has no vLLM implementation", "config",
     "Serve it with the backend transformers."),
    (r"validation error", "config", "Change the option that is named."),
    (r"invalid choice|unrecognized arguments|expected (one|at least)|invalid \S+ value", "config",
     "Change the option that is named: this vLLM does not take it."),
    (r"does not appear to have a file|Can't load|SafetensorError|Cannot find any model weights", "data",
     "Files of the model are missing or damaged: add it again on the Models page."),
)  # fmt: skip
HINT = "The full log is in output.log of the backend's folder."


def failure(folder: Path, attempt: int, reason: str = "") -> Failed:
    """What ended an attempt of a vLLM in that folder, as the studio's own workers say it themselves.

    `reason` is what the studio knows of it, such as a start that took too long.
    """
    record = process.exit_record(folder, attempt) or {}
    line = cause(log_of_attempt(folder))
    if record.get("out_of_memory") and (line is None or line.category == "code"):
        message = "The machine ran out of memory, and the system ended vLLM."
        return Failed(category="memory", message=message, hint="Lower kv_cache_gib, or serve a smaller model.")
    if line is not None:
        return line.model_copy(update={"message": f"{reason} {line.message}".strip()})
    if reason:
        return Failed(message=reason, hint=HINT)
    code = record.get("code")
    how = f" (signal {-code})" if isinstance(code, int) and code < 0 else ""
    return Failed(message=f"vLLM ended unexpectedly{how} without giving a reason.", hint=HINT)


def log_of_attempt(folder: Path) -> str:
    """What the newest attempt has printed, the end of it where that is much: the file goes on over all attempts."""
    try:
        begin = int((folder / LOG_FROM).read_text(encoding="ascii"))
    except (OSError, ValueError):
        begin = 0
    try:
        with (folder / LOG).open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(min(begin, size), size - MOST_LOG_BYTES))
            return process.readable(file.read().decode(errors="replace"))
    except FileNotFoundError:
        return ""


def log_size(folder: Path) -> int:
    """Where the next attempt begins in the log."""
    try:
        return (folder / LOG).stat().st_size
    except FileNotFoundError:
        return 0


def cause(log: str) -> Failed | None:
    """The cause that a log names; None when it names none. Pure."""
    lines = [_PREFIX.sub("", line) for line in log.splitlines()]
    end = next((place for place, line in enumerate(lines) if _NANOBIND.match(line)), len(lines))
    places = [place for place in range(end) if _is_cause(lines[place])]
    if not places:
        return _died(log)
    words = _message(lines, places[-1])
    category, hint = next(((kind, hint) for mark, kind, hint in _KNOWN if re.search(mark, words)), ("code", HINT))
    return Failed.model_validate(
        {
            "category": category,
            "message": textwrap.shorten(f"vLLM: {words}", MOST_LETTERS, placeholder=" …"),
            "hint": hint,
        }
    )


def _is_cause(line: str) -> bool:
    if not (_ERROR.match(line) or _USAGE.match(line)):
        return False
    return not any(words in line for words in _MISLEADING)


def _message(lines: list[str], place: int) -> str:
    """The error with the lines that belong to it: pydantic names the option in the second."""
    usage = _USAGE.match(lines[place])
    parts = [usage[1] if usage else lines[place]]
    for line in lines[place + 1 : place + 4]:
        if not line.startswith("  ") or line.lstrip().startswith(("File ", "For further", "^", "raise")):
            break
        parts.append(line.strip())
    return " ".join(parts).strip()


def _died(log: str) -> Failed | None:
    """A process of the engine was killed: it could say nothing, and the others only that it is gone."""
    if not any(words in log for words in _DIED):
        return None
    return Failed(message="vLLM's engine process ended without a message; perhaps something killed it.", hint=HINT)
