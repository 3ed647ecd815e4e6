"""A model server for tests that answers with what it was asked: `python -m tests.fake_openai SPEC.json OUT/`.

Speaks the worker contract of engine.workers.serve.serve. In a message, `die` kills it, `slow` takes a fifth of a
second a word, `headers` answers with the request's headers, `field` is an error of FastAPI's, and a stream of `torn`
ends as vLLM ends one that it cannot go on with, one of `early` without its last event. Each word is a token. A model
folder named `broken` cannot be loaded.
"""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse

from engine.process import events

spec: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")) if len(sys.argv) > 2 else {}
app = FastAPI()
open_answers: set[object] = set()


@app.get("/health")
def health() -> dict[str, Any]:
    return {"status": "ok", "in_flight": len(open_answers)}


@app.get("/metrics")
def metrics() -> PlainTextResponse:
    """As vLLM's."""
    return PlainTextResponse(
        "# HELP vllm:kv_cache_usage_perc Use.\n# TYPE vllm:kv_cache_usage_perc gauge\n"
        'vllm:kv_cache_usage_perc{engine="0",model_name="m"} 0.25\n'
        "# HELP python_info Info.\n# TYPE python_info gauge\npython_info 1\n"
    )


@app.get("/v1/models")
def models() -> dict[str, Any]:
    return {"object": "list", "data": [{"id": name, "object": "model"} for name in spec["names"]]}


@app.post("/v1/chat/completions", response_model=None)
@app.post("/v1/completions", response_model=None)
async def answer(request: Request) -> JSONResponse | StreamingResponse:
    body = await request.json()
    text = str(body["messages"][-1]["content"] if "messages" in body else body["prompt"])
    if text == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if text == "field":
        problem = {"type": "int_parsing", "loc": ["body", "top_k"], "msg": "Input should be a valid integer"}
        return JSONResponse({"detail": [problem]}, 422)
    if text == "headers":
        text = json.dumps(dict(request.headers))
    words = [f"{spec['names'][body['model']] or 'base'} says ", *text.split(" ")]
    pause = 0.2 if "slow" in text else 0
    if body.get("stream"):
        tells = bool((body.get("stream_options") or {}).get("include_usage"))
        return StreamingResponse(_stream(body["model"], words, pause, tells), media_type="text/event-stream")
    mark = object()
    open_answers.add(mark)
    await asyncio.sleep(pause * len(words))
    open_answers.discard(mark)
    message = {"role": "assistant", "content": " ".join(words)}
    choice = {"index": 0, "message": message, "text": " ".join(words), "finish_reason": "stop"}
    answer = {"id": "x", "object": "chat.completion", "created": 1, "model": body["model"], "choices": [choice]}
    return JSONResponse({**answer, "usage": _usage(words)})


def _usage(words: list[str]) -> dict[str, int]:
    return {"prompt_tokens": len(words), "completion_tokens": len(words), "total_tokens": 2 * len(words)}


async def _stream(model: str, words: list[str], pause: float, tells_usage: bool) -> AsyncIterator[str]:
    mark = object()
    open_answers.add(mark)
    head = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": model}
    try:
        for word in words:
            choice = {"index": 0, "delta": {"content": word + " "}, "finish_reason": None}
            yield f"data: {json.dumps({**head, 'choices': [choice]})}\n\n"
            await asyncio.sleep(pause)
        if "early" in words:
            return
        if "torn" in words:
            yield 'data: {"error": {"message": "EngineCore died.", "type": "InternalServerError", "code": 500}}\n\n'
        elif tells_usage:
            yield f"data: {json.dumps({**head, 'choices': [], 'usage': _usage(words)})}\n\n"
        yield "data: [DONE]\n\n"
    finally:
        open_answers.discard(mark)


def _listening() -> socket.socket:
    """On a Unix socket, as the studio's own server; or on a port, as somebody else's."""
    if "port" in spec:
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.bind(("127.0.0.1", spec["port"]))
    else:
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(spec["socket"])
    listening.listen()
    return listening


def main() -> None:
    if Path(spec["model_path"]).name == "broken":
        events.append(
            Path(sys.argv[2]), events.Failed(category="config", message="This model is broken.", hint="Mend it.")
        )
        raise SystemExit(1)
    listening = _listening()
    events.append(Path(sys.argv[2]), events.Ready(address=f"unix:{spec.get('socket')}", models=list(spec["names"])))
    uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=5)).run(sockets=[listening])


if __name__ == "__main__":
    main()
