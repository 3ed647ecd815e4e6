"""An OpenAI server of known speed, for tests: `python -m tests.tunable_server SPEC.json OUT/`, or with vLLM's flags.

It computes at most SEQS answers at once, a token every TOKEN_SECONDS, and the others wait; it counts tokens as words.
With more than CROWD at once each token takes three times as long, so that more is not always better. A prompt of
`torn` ends in the middle, `no usage` is not counted, `refuse` is answered with 503.
"""

import argparse
import asyncio
import json
import socket
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

from engine.process import events
from tests.waiting import wait_for

TOKEN_SECONDS = 0.004
SEQS, CROWD = 4, 16
NAMES = ["jokes", "jokes:base"]


def make(names: list[str], seqs: int, token_seconds: float = TOKEN_SECONDS) -> Starlette:
    slots = asyncio.Semaphore(seqs)
    pause = token_seconds * (3 if seqs > CROWD else 1)

    async def answer(request: Request) -> JSONResponse | StreamingResponse:
        body = await request.json()
        if _asked(body) == "refuse":
            return JSONResponse({"error": {"message": "It is full."}}, 503)
        if body.get("stream"):
            return StreamingResponse(_stream(body, slots, pause), media_type="text/event-stream")
        choice = {"index": 0, "text": "a", "message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"}
        return JSONResponse({"model": body["model"], "choices": [choice], "usage": _usage(body)})

    told: dict[str, dict[str, Any]] = {
        "/v1/models": {"object": "list", "data": [{"id": name, "object": "model"} for name in names]},
        "/health": {"status": "ok", "in_flight": 0},
        "/version": {"version": "0.32.0"},
    }

    async def tell(request: Request) -> JSONResponse:
        return JSONResponse(told[request.url.path])

    calls = [Route(f"/v1/{name}", answer, methods=["POST"]) for name in ("chat/completions", "completions")]
    return Starlette(routes=[*(Route(path, tell) for path in told), *calls])


def _asked(body: dict[str, Any]) -> str:
    return str(body["prompt"]) if "prompt" in body else " ".join(str(turn["content"]) for turn in body["messages"])


def _usage(body: dict[str, Any]) -> dict[str, int]:
    return {"prompt_tokens": len(_asked(body).split()) + 1, "completion_tokens": int(body.get("max_tokens", 16))}


async def _stream(body: dict[str, Any], slots: asyncio.Semaphore, pause: float) -> AsyncIterator[str]:
    text, usage, is_chat = _asked(body), _usage(body), "messages" in body
    if is_chat:
        yield _event({"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]})
    async with slots:
        for place in range(usage["completion_tokens"]):
            await asyncio.sleep(pause)
            if text == "torn" and place == 1:
                return
            piece: dict[str, Any] = {"delta": {"content": "a "}} if is_chat else {"text": "a "}
            reason = "length" if place == usage["completion_tokens"] - 1 else None
            yield _event({"choices": [{"index": 0, **piece, "finish_reason": reason}]})
    if text != "no usage":
        yield _event({"choices": [], "usage": usage})
    yield "data: [DONE]\n\n"


def _event(fields: dict[str, Any]) -> str:
    return f"data: {json.dumps(fields)}\n\n"


@contextmanager
def running(folder: Path, token_seconds: float = TOKEN_SECONDS) -> Iterator[str]:
    """The server in a thread of this process; gives the path of its socket."""
    path = str(folder / "s")
    server = uvicorn.Server(uvicorn.Config(make(NAMES, SEQS, token_seconds), uds=path, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_for(lambda: server.started)
        yield path
    finally:
        server.should_exit = True
        thread.join()


def main() -> None:
    if "--uds" in sys.argv:  # started as vLLM is
        flags = argparse.ArgumentParser()
        flags.add_argument("--uds")
        flags.add_argument("--served-model-name", nargs="+")
        flags.add_argument("--max-num-seqs", type=int, default=SEQS)
        asked, _others = flags.parse_known_args()
        address, names, seqs, out = asked.uds, asked.served_model_name, asked.max_num_seqs, None
    else:
        spec = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
        address, names, seqs, out = spec["socket"], list(spec["names"]), SEQS, Path(sys.argv[2])
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(address)
    listening.listen()
    if out is not None:
        events.append(out, events.Ready(address=f"unix:{address}", models=names))
    server = uvicorn.Config(make(names, seqs), log_level="warning", timeout_graceful_shutdown=1)
    uvicorn.Server(server).run(sockets=[listening])


if __name__ == "__main__":
    main()
