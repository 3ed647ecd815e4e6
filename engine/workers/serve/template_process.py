"""The process that writes chats in the model's template, as the server sees it: started, asked in turn, ended.

A stranger's template may loop for ever or ask for all the memory: see `render`. What it takes down is only its own
process, and the next chat gets a new one. Completions, the list of models and the answers under way never wait for it.
"""

import asyncio
import json
import subprocess
import sys
from typing import Any

from engine.workers.serve.errors import RequestError

ARGV = [sys.executable, "-m", "engine.workers.serve.render"]
TURN_SECONDS = 8.0  # to wait for other chats
ANSWER_SECONDS = 30.0  # of the clock, on a machine too busy to use up the seconds of CPU; or the process is frozen


class TemplateProcess:
    """Asks for one chat after another. All methods are for one event loop; `close` may be called from anywhere."""

    def __init__(self, source: str | dict[str, str], special: dict[str, Any]) -> None:
        self._template = json.dumps({"source": source, "special": special}).encode() + b"\n"
        self._turn = asyncio.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False
        self._facts: dict[str, Any] | None = None
        self._start()

    async def text(self, task: dict[str, Any]) -> str:
        """The chat as text. Raises RequestError: 400 in the template's words, or 500 when it had to be stopped."""
        answer = await self._ask(task)
        if "refused" in answer:
            message = f"The model's chat template refuses these messages: {answer['refused']}"
            raise RequestError(message[:500], "messages", "template_refused")
        return str(answer["text"])

    async def facts(self) -> dict[str, Any]:
        """`reads_calls`: whether calls in an answer can be found again. `variables`: what the template asks for."""
        if self._facts is None:
            self._facts = await self._ask({"facts": True})
        return self._facts

    async def _ask(self, task: dict[str, Any]) -> dict[str, Any]:
        line = json.dumps(task).encode() + b"\n"
        try:
            async with asyncio.timeout(TURN_SECONDS):
                await self._turn.acquire()
        except TimeoutError:
            message = "The model's chat template is still busy with earlier chats. Try again in a few seconds."
            raise RequestError(message, status=503) from None
        try:
            answer = await self._answered(line)
        finally:
            self._turn.release()
        if "overrun" in answer:
            self._end()  # and with it the memory that it has taken
            raise RequestError(f"{answer['overrun']} It was stopped.", "messages", "template_stopped", 500)
        return answer

    async def _answered(self, line: bytes) -> dict[str, Any]:
        process = self._process
        if process is None or process.poll() is not None:
            process = self._start()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await asyncio.to_thread(_exchange, process, line)
        except TimeoutError:
            answer = b""
        except BaseException:  # what it would still say must not answer the next chat
            self._end()
            raise
        if answer.endswith(b"\n"):
            return dict(json.loads(answer))
        return {"overrun": "The model's chat template ran on these messages without end."}

    def _start(self) -> "subprocess.Popen[bytes]":
        if self._closed:
            raise RequestError("The server is ending.", status=503)
        self._process = subprocess.Popen(ARGV, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        _write(self._process, self._template)
        return self._process

    @property
    def pid(self) -> int:
        """Of the process that writes; 0 while there is none."""
        return self._process.pid if self._process else 0

    def close(self) -> None:
        """Ends the process; a chat that is being written fails."""
        self._closed = True
        self._end()

    def _end(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None


def _exchange(process: "subprocess.Popen[bytes]", line: bytes) -> bytes:
    """The process's answer; empty, or a part of a line, when it has ended."""
    _write(process, line)
    return process.stdout.readline() if process.stdout else b""


def _write(process: "subprocess.Popen[bytes]", line: bytes) -> None:
    try:
        if process.stdin:
            process.stdin.write(line)
            process.stdin.flush()
    except OSError:
        return  # it has ended: reading says so
