"""Answers of served models as they come: asked through their endpoints, read within bounds.

An answer that breaks off never ends as if it were whole: without its last event it is an error. Each is counted in the
usage under the name `studio`.
"""

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import httpx
import orjson

from engine.errors import RefusedError, TunesmithError
from engine.serve import abilities, inner_calls, probe, routing
from engine.serve.inner_calls import InnerCall
from engine.serve.waking import waiting

CHAT, COMPLETIONS = "chat/completions", "completions"
MOST_LINE_BYTES = 1 << 20  # of a stream; a word has some 200
TIMEOUT = httpx.Timeout(300, connect=5)  # seconds between two words; a long prompt on a CPU takes its time


class ChatError(TunesmithError):
    """The model could not answer."""

    status = 502


@dataclass(frozen=True)
class Part:
    """Some words of an answer, or its end: `ended` is stop, length or what else the server calls it.

    `tokens` comes with the end: how many the answer has, where the server says so.
    """

    text: str = ""
    ended: str = ""
    tokens: int | None = None


def ask(model: str, path: str, body: dict[str, Any]) -> Generator[Part]:
    """The answer to a request, piece by piece. Closing the iterator stops the model.

    `body` has no `model` and no `stream`; `path` is CHAT or COMPLETIONS. Waits for an endpoint that wakes. Raises
    NotFoundError, NotReadyError or RefusedError before the first piece, ChatError when the model refuses or breaks off.
    """
    waiting.wait(model)
    upstream = routing.upstream(model)
    if upstream.does != "text":
        does, route = abilities.WORDS[upstream.does], abilities.ROUTES[upstream.does]
        raise RefusedError(f"`{model}` {does}.", f"Ask it by /v1/{route}, or choose another model.")
    body = {"model": upstream.model, **body, "stream": True} | inner_calls.tells_usage(upstream)
    try:
        with (
            inner_calls.counted(upstream, model, body, path) as call,
            probe.open_client(upstream.address, upstream.key_env, TIMEOUT) as client,
            client.stream("POST", path, json=body) as answer,
        ):
            if answer.status_code != 200:
                call.status = answer.status_code
                answer.read()
                raise ChatError(f"`{model}` refused: {_reason(answer)}", "Shorten the chat, or look at its endpoint.")
            with closing(_parts(model, _lines(model, answer), call)) as parts:
                yield from parts
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        hint = "Its endpoint restarts by itself. Try again in a few seconds."
        raise ChatError(f"`{model}` broke off ({type(error).__name__}).", hint) from error


def _lines(model: str, answer: httpx.Response) -> Iterator[bytes]:
    """The answer's lines as they come. An outside server may send one that never ends."""
    begun = b""
    for chunk in answer.iter_bytes():
        *lines, begun = (begun + chunk).split(b"\n")
        yield from lines
        if len(begun) > MOST_LINE_BYTES:
            raise _unreadable(model)
    yield begun


def _parts(model: str, lines: Iterator[bytes], call: InnerCall) -> Generator[Part]:
    ended = ""
    for line in lines:
        data = line.removeprefix(b"data:").strip() if line.startswith(b"data:") else b""
        if data == b"[DONE]":
            ended = ended or "stop"
        if not data.startswith(b"{"):
            continue
        choices = _choices(model, data, call)
        for text in (text for text, _ in choices if text and isinstance(text, str)):
            call.said(text)
            yield Part(text)
        ended = next((reason for _, reason in choices if isinstance(reason, str)), ended)
    if not ended:
        raise ChatError(f"`{model}` broke off in the middle of its answer.", "Try again.")
    yield Part(ended=ended, tokens=call.answer_tokens)


def _choices(model: str, data: bytes, call: InnerCall) -> list[tuple[Any, Any]]:
    """Words and reason to end of each choice of one event; what it tells of tokens is counted."""
    try:
        event = orjson.loads(data)
        choices = [(_text(choice), choice.get("finish_reason")) for choice in event.get("choices") or []]
    except (ValueError, TypeError, AttributeError) as error:
        raise _unreadable(model) from error
    if "error" in event:
        raise ChatError(f"`{model}` broke off: {_message(event)}", "Try again.")
    call.used(event)
    return choices


def _text(choice: Any) -> Any:
    """The words of a choice: of a chat, or of a completion."""
    return choice["text"] if "text" in choice else (choice.get("delta") or {}).get("content")


def _unreadable(model: str) -> ChatError:
    return ChatError(f"`{model}` does not answer as OpenAI's API does.", "Look at its endpoint on the Serve page.")


def _reason(answer: httpx.Response) -> str:
    try:
        return _message(orjson.loads(answer.content)) or f"status {answer.status_code}"
    except ValueError:
        return f"status {answer.status_code}"


def _message(answer: Any) -> str:
    """The words of an answer that is an error; empty when it has none."""
    error = answer.get("error") if isinstance(answer, dict) else None
    message = error.get("message") if isinstance(error, dict) else error
    return message[:500] if isinstance(message, str) else ""
