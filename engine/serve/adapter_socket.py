"""Asks a server on its Unix socket to load an adapter, to let go of one, and which ones are answering.

vLLM and the studio's own server have the same two routes. The gateway passes neither on.
"""

import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson

from engine.errors import RefusedError, TunesmithError
from engine.serve import probe

LOAD_SECONDS = 120  # of a large adapter from a slow disk; usually some milliseconds
ASK_SECONDS = 60  # for the first token through it
_REQUESTS = ("vllm:num_requests_running{", "vllm:num_requests_waiting{")
_LABEL = re.compile(r'(running|waiting)_lora_adapters="([^"]*)"')


class ServerGoneError(TunesmithError):
    """The server did not answer: it has died, or is being replaced."""

    status = 503


@dataclass(frozen=True)
class Load:
    """A finished load."""

    seconds: float
    size_bytes: int | None  # where the server says it


def load(address: str, internal: str, folder: Path) -> Load:
    """Loads an adapter under a name that was never used, and has it answer one token.

    Raises RefusedError with the server's words when it cannot, ServerGoneError when there is no server.
    """
    began = time.monotonic()
    answer = _post(address, "load_lora_adapter", {"lora_name": internal, "lora_path": str(folder)}, LOAD_SECONDS)
    seconds = time.monotonic() - began
    if answer.status_code == 404 and not folder.is_dir():
        raise RefusedError("The adapter's folder is gone.", "Choose another run or checkpoint.")
    if answer.status_code == 404 and internal not in answer.text:
        raise RefusedError(
            "The server of this endpoint cannot load adapters while it answers.",
            "It was started by an older version of the studio. Deploy the endpoint again.",
        )
    _refuse_error(answer)
    _refuse_error(_post(address, "completions", {"model": internal, "prompt": "a", "max_tokens": 1}, ASK_SECONDS))
    return Load(seconds, _size(answer))


def unload(address: str, internal: str) -> bool:
    """Lets go of an adapter, and says whether it is gone; False while the server still answers with it."""
    answer = _post(address, "unload_lora_adapter", {"lora_name": internal}, ASK_SECONDS)
    return answer.status_code in (200, 404)


def busy(address: str) -> set[str] | None:
    """The adapters that vLLM is answering with; None when it does not say. (Our own server refuses to unload those.)"""
    try:
        with probe.open_client(address, timeout=5) as client:
            text = client.get("http://backend/metrics").text
            return busy_names(text)
    except (httpx.HTTPError, ValueError):
        return None


def busy_names(metrics: str) -> set[str] | None:
    """From Prometheus' text: vLLM writes a series for each set of adapters it has had; the newest one counts."""
    counts = [float(line.rpartition(" ")[2]) for line in metrics.splitlines() if line.startswith(_REQUESTS)]
    if counts and not any(counts):
        return set()
    lines = [line for line in metrics.splitlines() if line.startswith("vllm:lora_requests_info{")]
    if not lines:
        return None
    newest = max(lines, key=lambda line: float(line.rpartition(" ")[2]))
    return {name for _state, names in _LABEL.findall(newest) for name in names.split(",") if name}


def _post(address: str, route: str, body: dict[str, Any], seconds: float) -> httpx.Response:
    try:
        with probe.open_client(address, timeout=seconds) as client:
            return client.post(route, json=body)
    except httpx.HTTPError as error:
        raise ServerGoneError(f"The server does not answer ({type(error).__name__}).", "Try again soon.") from error


def _refuse_error(answer: httpx.Response) -> None:
    if answer.status_code == 200:
        return
    try:
        error = orjson.loads(answer.content)
        words = str((error.get("error") or error)["message"])
    except (ValueError, LookupError, TypeError, AttributeError):
        words = f"it answered {answer.status_code}."
    raise RefusedError(f"The server cannot load it: {words[:500]}", "The endpoint's log has more.")


def _size(answer: httpx.Response) -> int | None:
    """Our own server says how much memory it took."""
    try:
        size = orjson.loads(answer.content)["size_bytes"]
    except (ValueError, LookupError, TypeError):
        return None
    return size if isinstance(size, int) else None
