"""A model server for tests that answers with what it was asked: `python -m tests.fake_openai SPEC.json OUT/`.

Speaks the worker contract of engine.workers.serve.serve. In a message, `die` kills it, `slow` takes a fifth of a
second a word, `headers` answers with the request's headers, `compute 2` computes two seconds and hears nothing
meanwhile, and after `hang` no question is answered any more. `count 20` streams who it is twenty times, numbered.
`field` is an error of FastAPI's, and a stream of `torn` ends as vLLM ends one that it cannot go on with, one of `early`
without its last event, and one of `unended` says all and does not end; one of `held-back` says all and ends when
somebody asks `let-go`. Each word is a token. A model folder named `broken` cannot be loaded; one named `wrong` answers
every chat with 500, and `family` has a child in a session of its own; one named `embeds` or `scores` has the calls of a
vLLM that was started for that, and no others. As vLLM does, it goes to sleep and wakes up (`/sleep`, `/wake_up`,
`/is_sleeping`). Adapters are loaded and unloaded as by vLLM; each answers with the `revision` of its configuration,
which tests write. Questions about code get the answers of tests.fake_coder.
"""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from engine.process import events
from tests import fake_coder

spec: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")) if len(sys.argv) > 2 else {}
open_answers: dict[object, str] = {}  # each with the model that answers
loras: dict[str, str] = {}  # name -> what it answers as
hung = asyncio.Event()
let_go = asyncio.Event()
asleep: list[str] = []  # what it was told about sleep, the newest last


async def health(_request: Request) -> JSONResponse:
    return JSONResponse({"status": "ok", "in_flight": len(open_answers)})


async def metrics(_request: Request) -> PlainTextResponse:
    """As vLLM's."""
    return PlainTextResponse(
        "# HELP vllm:kv_cache_usage_perc Use.\n# TYPE vllm:kv_cache_usage_perc gauge\n"
        'vllm:kv_cache_usage_perc{engine="0",model_name="m"} 0.25\n'
        "# HELP python_info Info.\n# TYPE python_info gauge\npython_info 1\n"
    )


async def models(_request: Request) -> JSONResponse:
    data = [{"id": name, "object": "model"} for name in [*spec["names"], *loras]]
    return JSONResponse({"object": "list", "data": data})


async def load_adapter(request: Request) -> JSONResponse:
    body = await request.json()
    name, folder = body["lora_name"], Path(body["lora_path"])
    if name in loras or "load_inplace" in body:
        return _error(400, f"The lora adapter '{name}' has already been loaded.")
    if not (folder / "adapter_model.safetensors").is_file():
        return _error(404, f"No adapter found for {name}.")
    config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    if "broken" in config["revision"]:
        return _error(500, "This adapter is broken.")
    await asyncio.sleep(1 if "slow" in config["revision"] else 0)
    loras[name] = config["revision"]
    return JSONResponse({"status": "loaded"})


async def unload_adapter(request: Request) -> JSONResponse:
    name = (await request.json())["lora_name"]
    if name in open_answers.values():
        return _error(409, "It is writing answers.")
    return JSONResponse({}) if loras.pop(name, None) else _error(404, f"The lora adapter '{name}' cannot be found.")


def _error(status: int, message: str) -> JSONResponse:
    return JSONResponse({"error": {"message": message, "type": "invalid_request_error"}}, status)


async def change_sleep(request: Request) -> JSONResponse:
    asleep.append(request.url.path)
    return JSONResponse({})


async def is_sleeping(_request: Request) -> JSONResponse:
    return JSONResponse({"is_sleeping": asleep[-1:] == ["/sleep"]})


async def embed(request: Request) -> JSONResponse:
    body = await request.json()
    if _does() != "embeds":
        return NOT_HERE
    data = [{"object": "embedding", "index": 0, "embedding": [0.6, -0.8]}]
    return JSONResponse({"object": "list", "model": body["model"], "data": data, "usage": {"prompt_tokens": 3}})


async def score(request: Request) -> JSONResponse:
    body = await request.json()
    data = [{"object": "score", "index": 0, "score": 0.75}]
    return JSONResponse({"object": "list", "model": body["model"], "data": data}) if _does() == "scores" else NOT_HERE


def _does() -> str:
    return Path(spec["model_path"]).name


NOT_HERE = JSONResponse({"detail": "Not Found"}, 404)


async def answer(request: Request) -> JSONResponse | StreamingResponse:
    body = await request.json()
    text = str(body["messages"][-1]["content"] if "messages" in body else body["prompt"])
    await _obey(text)
    if text == "field":
        problem = {"type": "int_parsing", "loc": ["body", "top_k"], "msg": "Input should be a valid integer"}
        return JSONResponse({"detail": [problem]}, 422)
    if text == "headers":
        text = json.dumps(dict(request.headers))
    voices = spec["names"] | loras
    if body["model"] not in voices or _does() in ("embeds", "scores"):
        return NOT_HERE if body["model"] in voices else _error(404, f"The model `{body['model']}` does not exist.")
    who = voices[body["model"]] or "base"
    words, end = _words(body, text, who)
    if Path(spec["model_path"]).name == "wrong" and "messages" in body:
        return JSONResponse({"error": {"message": "This model is wrong."}}, 500)
    body["pause"] = pause = 0.2 if "slow" in text else 0.02 if text.startswith("count ") else 0
    body["held"] = 600 if "unended" in text else 0
    body["waits"] = "held-back" in text
    if body["waits"]:
        let_go.clear()
    if body.get("stream"):
        tells = bool((body.get("stream_options") or {}).get("include_usage"))
        return StreamingResponse(_stream(body, words, end, tells), media_type="text/event-stream")
    mark = object()
    open_answers[mark] = body["model"]
    await asyncio.sleep(pause * len(words))
    open_answers.pop(mark, None)
    message = {"role": "assistant", "content": " ".join(words)}
    choice = {"index": 0, "message": message, "text": " ".join(words), "finish_reason": "stop"}
    answer = {"id": "x", "object": "chat.completion", "created": 1, "model": body["model"], "choices": [choice]}
    return JSONResponse({**answer, "usage": _usage(words)})


async def _obey(text: str) -> None:
    if text == "let-go":
        let_go.set()
    if text == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if text == "hang" or hung.is_set():
        hung.set()
        await asyncio.sleep(600)
    if text.startswith("compute "):
        until = time.monotonic() + float(text.removeprefix("compute "))
        while time.monotonic() < until:
            pass


def _usage(words: list[str]) -> dict[str, int]:
    return {"prompt_tokens": len(words), "completion_tokens": len(words), "total_tokens": 2 * len(words)}


def _words(body: dict[str, Any], text: str, who: str) -> tuple[list[str], str]:
    """The answer word by word, and what follows its last word."""
    seed = int(body.get("seed") or 0)
    if code := fake_coder.answer(body["messages"], seed) if "messages" in body else fake_coder.filled(text):
        return code.split(" "), ""
    if text.startswith("count "):
        return [f"{who}:{number}" for number in range(int(text.removeprefix("count ")))], " "
    return [f"{who} says ", *text.split(" ")], " "


async def _stream(body: dict[str, Any], words: list[str], end: str, tells_usage: bool) -> AsyncIterator[str]:
    mark, model = object(), body["model"]
    open_answers[mark] = model
    head = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": model}
    try:
        for place, word in enumerate(words, 1):
            text = word + (end if place == len(words) else " ")
            said = {"delta": {"content": text}} if "messages" in body else {"text": text}
            choice = {"index": 0, **said, "finish_reason": None}
            yield f"data: {json.dumps({**head, 'choices': [choice]})}\n\n"
            await asyncio.sleep(body["pause"])
        await asyncio.sleep(body["held"])
        if body["waits"]:
            await let_go.wait()
        if "early" in words:
            return
        if "torn" in words:
            yield 'data: {"error": {"message": "EngineCore died.", "type": "InternalServerError", "code": 500}}\n\n'
        elif tells_usage:
            yield f"data: {json.dumps({**head, 'choices': [], 'usage': _usage(words)})}\n\n"
        yield "data: [DONE]\n\n"
    finally:
        open_answers.pop(mark, None)


async def not_here(_request: Request, _error: Exception) -> Response:
    return NOT_HERE  # as FastAPI, so vLLM, says it


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


CALLS = {
    "/health": health,
    "/metrics": metrics,
    "/v1/models": models,
    "/v1/load_lora_adapter": load_adapter,
    "/v1/unload_lora_adapter": unload_adapter,
    "/sleep": change_sleep,
    "/wake_up": change_sleep,
    "/is_sleeping": is_sleeping,
    "/v1/embeddings": embed,
    "/v1/score": score,
    "/v1/chat/completions": answer,
    "/v1/completions": answer,
}
GET = ("/health", "/metrics", "/v1/models", "/is_sleeping")
app = Starlette(
    routes=[Route(path, call, methods=["GET" if path in GET else "POST"]) for path, call in CALLS.items()],
    exception_handlers={404: not_here},
)


def main() -> None:
    if Path(spec["model_path"]).name == "broken":
        events.append(
            Path(sys.argv[2]), events.Failed(category="config", message="This model is broken.", hint="Mend it.")
        )
        raise SystemExit(1)
    if Path(spec["model_path"]).name == "family":
        subprocess.Popen([sys.executable, "-S", "-c", "import signal; signal.pause()"], start_new_session=True)
    listening = _listening()
    events.append(Path(sys.argv[2]), events.Ready(address=f"unix:{spec.get('socket')}", models=list(spec["names"])))
    uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=5)).run(sockets=[listening])


if __name__ == "__main__":
    main()
