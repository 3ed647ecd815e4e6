"""A backend's stream on its way to the client: counted, renamed, and never ended as if it were whole when it was torn.

vLLM ends a stream that it cannot go on with by an error and then `data: [DONE]`, and a client that looks for nothing
but `[DONE]` would take the torn answer for a whole one. So after an error nothing more is passed on, and a stream that
ends before its end gets an error of ours as its last event.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import orjson

from app.v1 import backend_errors, upstream_answers
from app.v1.answers import Answer
from app.v1.meter import Meter
from app.v1.request_bodies import CLIENT_GONE, ApiError

MOST_LINE_BYTES = 1 << 20  # of a stream; a word has some 200
REST_SECONDS = 1.0  # after its last event a backend has so long to end its answer, so that the connection is used again
SILENT = "The backend sent nothing for too long."
DONE = b"[DONE]"
RESPONSE_ENDS = ("response.completed", "response.incomplete", "response.failed", "response.cancelled")


@dataclass(frozen=True)
class Terms:
    """How a stream is to be passed on: under which name, without usage that nobody asked for, whole by which sign."""

    new_name: str | None = None
    hides_usage: bool = False
    answers: int = 1
    needs_done: bool = True  # a server of ours says [DONE]; some outside ones end with the last choice


class Events:
    """One stream. `status` is what became of it: 200 when it was passed on to its end."""

    def __init__(self, answer: Answer, meter: Meter, terms: Terms) -> None:
        self._answer, self._meter, self._terms = answer, meter, terms
        self.status = CLIENT_GONE
        self._begun = b""
        self._finished: set[int] = set()
        self._is_done = self._is_torn = False
        self._skips_blank = False

    async def chunks(self) -> AsyncIterator[bytes]:
        """The stream's bytes as they come. What goes wrong is the last event."""
        try:
            async for passed in self._whole_lines():
                yield passed
            last = self._last()
            self._settle()
            if last:
                yield last
        except ApiError as error:
            yield self._torn(error)
        except TimeoutError:
            yield self._torn(ApiError(SILENT, 504))
        except upstream_answers.ERRORS:  # it died, or was killed, in the middle: say so in the stream's own words
            yield self._torn(ApiError(upstream_answers.BROKEN, 502))

    @property
    def are_over(self) -> bool:
        """Whether the last event was passed on."""
        return self._is_done or self._is_torn

    async def _whole_lines(self) -> AsyncIterator[bytes]:
        """Until the event that is the last one, whatever comes after it."""
        async for chunk in self._answer.pieces():
            passed = self._passed(chunk)
            self._settle()
            if passed:
                yield passed if passed.endswith(b"\n\n") or not self._is_done else passed + b"\n"
            if self._is_done or self._is_torn:
                return

    def _settle(self) -> None:
        """Accounts for a stream before its last event goes out: whoever has read that may ask for what is left."""
        if self._is_done and not self._is_torn:
            self.status = self._answer.status
        if self._is_done or self._is_torn:
            self._meter.end(self.status)

    def _torn(self, error: ApiError) -> bytes:
        self.status, self._is_torn = error.status, True
        self._meter.end(error.status)
        return b"\n\ndata: " + error.body() + b"\n\n"

    async def read_rest(self) -> None:
        """Reads what follows a stream's last event, so that its connection can be used again."""
        if not self._is_done or self._is_torn or self._answer.is_whole:
            return
        with contextlib.suppress(TimeoutError, *upstream_answers.ERRORS):
            async with asyncio.timeout(REST_SECONDS):
                async for _ in self._answer.pieces():
                    pass

    def close(self) -> None:
        """Lets go of the answer. A connection whose answer was not read to its end is not used again."""
        self._answer.close()

    def _passed(self, chunk: bytes) -> bytes:
        """What of the whole lines so far goes on. Raises ApiError for a line that does not end."""
        buffered = self._begun + chunk if self._begun else chunk
        end = buffered.rfind(b"\n") + 1
        self._begun = buffered[end:]
        if len(self._begun) > MOST_LINE_BYTES:
            raise ApiError("The backend's stream has a line that does not end.", 502)
        return self._read(buffered[:end])

    def _read(self, text: bytes) -> bytes:
        """What of some whole lines goes on: they themselves, unless one is changed or left out."""
        lines = text.split(b"\n")
        passed: list[bytes] = []
        words = 0
        is_changed = False
        for line in lines:
            if not line.startswith(b"data:"):
                new_line: bytes | None = self._between(line)
            else:
                new_line, said = self._event(line)
                words += said
            is_changed = is_changed or new_line is not line
            if new_line is not None:
                passed.append(new_line)
            if self._is_torn:
                break
        if words:
            self._meter.words(words)
        return (b"\n".join(passed) + (b"\n\n" if self._is_torn else b"")) if is_changed else text

    def _between(self, line: bytes) -> bytes | None:
        """An empty line goes the way of the event before it."""
        skips, self._skips_blank = self._skips_blank and not line.strip(), False
        return None if skips else line

    def _event(self, line: bytes) -> tuple[bytes | None, int]:
        """An event as it goes on, None for one that does not, and whether it says something of the answer."""
        payload = line[5:].strip()
        if payload == DONE:
            self._is_done = True
            return line, 0
        if not payload.startswith(b"{"):
            return line, 0
        event = upstream_answers.parsed(payload)
        if error := _error(event):
            self._is_torn = True
            self.status = error.status
            kept = payload if backend_errors.is_openais(event) else error.body()
            return b"data: " + kept, 0
        said = self._look(event)
        if self._terms.hides_usage and event.get("choices") == [] and event.get("usage"):
            self._skips_blank = True
            return None, 0
        if self._terms.new_name is None:
            return line, said
        return b"data: " + orjson.dumps(upstream_answers.renamed(event, self._terms.new_name)), said

    def _look(self, event: dict[str, Any]) -> int:
        """Notes what an event tells of usage and ends; 1 if it says something of the answer."""
        if usage := event.get("usage"):
            self._meter.used(usage)
        kind = event.get("type")
        if isinstance(kind, str):
            return self._look_at_response(kind, event)
        says = 0
        choices = event.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict):
                says |= self._look_at_choice(choice)
        return says

    def _look_at_choice(self, choice: dict[str, Any]) -> int:
        if choice.get("finish_reason") is not None:
            index = choice.get("index")
            self._finished.add(index if isinstance(index, int) else 0)
        delta = choice.get("delta")
        part = delta if isinstance(delta, dict) else choice
        text = part.get("content") or part.get("text")
        if isinstance(text, str) and self._meter.keeps_content:
            self._meter.said(text)
        return int(bool(text or part.get("tool_calls") or part.get("reasoning_content") or part.get("reasoning")))

    def _look_at_response(self, kind: str, event: dict[str, Any]) -> int:
        """An event of /v1/responses, which end with the answer as a whole instead of [DONE]."""
        if kind in RESPONSE_ENDS:
            self._is_done = True
            response = event.get("response")
            self._meter.used(response.get("usage") if isinstance(response, dict) else None)
        text = event.get("delta")
        if isinstance(text, str) and kind == "response.output_text.delta":
            self._meter.said(text)
        return int(kind.endswith(".delta"))

    def _last(self) -> bytes:
        """When the backend has ended: what it left of a line, and an error where it was not at its end."""
        if self._is_done or self._is_torn:
            return b""
        rest = self._read(self._begun) + b"\n\n" if self._begun else b""
        if self._is_done or self._is_torn:
            return rest
        if not self._terms.needs_done and len(self._finished) >= self._terms.answers:
            self._is_done = True
            return rest
        return rest + self._torn(ApiError(upstream_answers.BROKEN, 502))


def _error(event: dict[str, Any]) -> ApiError | None:
    """The error that an event is, if it is one."""
    is_error = event.get("error") or event.get("object") == "error" or event.get("type") == "error"
    if not is_error:
        return None
    inner = event["error"] if isinstance(event.get("error"), dict) else event
    code = inner.get("code")
    status = code if isinstance(code, int) and 400 <= code < 600 else 502
    return backend_errors.translated(event, status)
