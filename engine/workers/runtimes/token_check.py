"""The proof that a vLLM works: its server starts with a tiny model made on the spot, and answers with one token."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO

import httpx

from engine.workers.contract import WorkFailedError
from engine.workers.runtimes.pip import environment

START_SECONDS = 600  # one that imports three times from a cold disk on a busy machine took 126
ASK_SECONDS = 60
END_SECONDS = 15
POLL_SECONDS = 0.5
SERVER = "vllm.entrypoints.openai.api_server"
FLAGS = ("--served-model-name", "tiny", "--max-model-len", "64", "--max-num-seqs", "2", "--enforce-eager")
KV_CACHE_BYTES = 256 << 20  # on a GPU: a training may hold the rest of its memory
_CAUSE = re.compile(r"^(?:\([^)]*\) )?(?:\S+ )*?((?:\w+\.)*\w*(?:Error|Exception)\b: .+)$", re.MULTILINE)
_NO_CAUSE = "Engine core initialization failed"


def first_token(python: Path, log: Path) -> str:
    """Starts the server, asks it, ends it; says how it went. Raises WorkFailedError with the cause."""
    # Short, because the name of a socket has a hundred letters at most; for this user alone.
    scratch = Path(tempfile.mkdtemp(prefix="tunesmith-"))
    env = environment() | _settings(scratch)
    try:
        with log.open("a", encoding="utf-8") as file:
            model = scratch / "model"
            maker = Path(__file__).with_name("tiny_model.py")
            done = subprocess.run([str(python), str(maker), str(model)], stdout=file, stderr=file, env=env, check=False)
            if done.returncode:
                raise _broken("a tiny model could not be made in it", log)
            return _served(python, model, scratch / "s", env, file, log)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _settings(scratch: Path) -> dict[str, str]:
    """vLLM's caches in a folder that goes away, a small bound of memory, and children that can be found (SPT_NOENV)."""
    return {
        "SPT_NOENV": "1",
        "HF_HUB_OFFLINE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_CACHE_ROOT": str(scratch / "cache"),
        "TORCHINDUCTOR_CACHE_DIR": str(scratch / "inductor"),
        "HF_HOME": str(scratch / "hub"),
    }


def _served(python: Path, model: Path, socket: Path, env: dict[str, str], file: IO[str], log: Path) -> str:
    command = [str(python), "-m", SERVER, "--model", str(model), "--uds", str(socket), *FLAGS]
    if Path("/proc/driver/nvidia").exists():
        command += ["--kv-cache-memory-bytes", str(KV_CACHE_BYTES)]
    began = time.monotonic()
    server = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=env, cwd=model, start_new_session=True
    )
    try:
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(socket)), timeout=ASK_SECONDS) as client:
            _wait(client, server, began, log)
            ready = time.monotonic() - began
            answer = client.post("http://vllm/v1/completions", json={"model": "tiny", "prompt": "a b", "max_tokens": 1})
            tokens = answer.json()["usage"]["completion_tokens"] if answer.status_code == 200 else 0
    finally:
        _end(server)
    if tokens != 1:
        raise _broken(f"the server started, but did not answer: {answer.text[:200]}", log)
    return f"a server started in {ready:.0f} s and gave a token"


def _wait(client: httpx.Client, server: "subprocess.Popen[bytes]", began: float, log: Path) -> None:
    while time.monotonic() - began < START_SECONDS:
        if server.poll() is not None:
            raise _broken(cause(log.read_text(encoding="utf-8", errors="replace")[-200_000:]), log)
        with contextlib.suppress(httpx.HTTPError):
            if client.get("http://vllm/health").status_code == 200:
                return
        time.sleep(POLL_SECONDS)
    raise _broken(f"its server did not answer within {START_SECONDS} s", log)


def _end(server: "subprocess.Popen[bytes]") -> None:
    """Asks it to end, then ends it with all it has started: they are one session."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        server.wait(END_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()


def cause(text: str) -> str:
    """The error that says most in a log: the last one that has a message of its own."""
    causes = [words for words in _CAUSE.findall(text) if _NO_CAUSE not in words]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return str((causes or lines or ["no message"])[-1])[:400]


def _broken(words: str, log: Path) -> WorkFailedError:
    message = f"vLLM was installed, but does not work here: {words}"
    return WorkFailedError("config", message, f"What was in use before still is. The log is {log}.")
