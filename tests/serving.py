"""Rows that can be served, and a look at an endpoint until it is where a test wants it."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response, StreamingResponse

from engine.serve import backends, endpoints
from engine.weights import checkpoints
from storage import db, home
from storage import endpoints as stored_endpoints
from storage.statuses import DatasetStatus, EndpointStatus, ModelStatus, RunStatus
from storage.tables import DEFAULT_PROJECT, Backend, Dataset, Endpoint, Model, Run
from tests.waiting import wait_for


def ready_model(path: Path | None = None, name: str = "tiny") -> Model:
    """A model that is ready; its folder holds what a test has put there, often nothing."""
    model = Model(source="path", source_id=name, name=name, status=ModelStatus.READY)
    folder = path or home.model_folder(model.id) / name
    folder.mkdir(parents=True, exist_ok=True)
    model.path = str(folder)
    with db.session() as session:
        session.add(model)
    return model


def finished_run(model: Model, name: str = "Jokes, v2", artifact: str = "adapter") -> Run:
    """A run that succeeded and left a small adapter, or a model without weights."""
    data = Dataset(project_id=DEFAULT_PROJECT, name="rows", status=DatasetStatus.READY, sha256="0" * 64)
    run = Run(project_id=DEFAULT_PROJECT, name=name, model_id=model.id, dataset_id=data.id, recipe={})
    run.status, run.artifact = RunStatus.SUCCEEDED, artifact
    folder = home.run_folder(run.id) / artifact
    folder.mkdir(parents=True)
    if artifact == "adapter":
        write_adapter(folder, run.id)
    else:
        (folder / "config.json").write_text("{}")
        (folder / "model.safetensors").write_bytes(b"")
    with db.session() as session:
        session.add(data)
        session.flush()
        session.add(run)
    return run


def write_adapter(folder: Path, says: str, rank: int = 4, layer: str = "q_proj", **config: Any) -> None:
    """An adapter of one layer; the fake server answers with it as `says`."""
    folder.mkdir(parents=True, exist_ok=True)
    facts = {"peft_type": "LORA", "r": rank, "lora_alpha": 8, "target_modules": [layer], "revision": says, **config}
    (folder / "adapter_config.json").write_text(json.dumps(facts))
    name = f"base_model.model.model.layers.0.self_attn.{layer}"
    shapes = {f"{name}.lora_A.weight": [rank, 64], f"{name}.lora_B.weight": [64, rank]}
    header, end = {}, 0
    for tensor, shape in shapes.items():
        begin, end = end, end + 4 * shape[0] * shape[1]
        header[tensor] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    (folder / "adapter_model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + bytes(end))


def finished_checkpoint(run: Run, step: int, **measured: float) -> Path:
    """A checkpoint of that run, whole and with its manifest; the fake server answers with it as RUN@STEP."""
    folder = checkpoints.folder_of(home.run_folder(run.id)) / f"checkpoint-{step}"
    write_adapter(folder, f"{run.id}@{step}")
    checkpoints.write_manifest(folder, step, measured)
    return folder


def active(endpoint: Endpoint) -> Backend:
    """The backend that answers for the endpoint now."""
    with db.reading() as session:
        active_backend = stored_endpoints.backend(session, endpoints.look_up(endpoint.id).active_backend_id)
    assert active_backend is not None
    return active_backend


def backend(backend_id: str) -> Backend:
    with db.reading() as session:
        row = stored_endpoints.backend(session, backend_id)
    assert row is not None
    return row


def until(backend_id: str, status: EndpointStatus, seconds: float = 90) -> Backend:
    """Ticks until the backend has that status."""

    def is_in_status() -> bool:
        backends.tick()
        return backend(backend_id).status == status

    wait_for(is_in_status, seconds, every=0.1)
    return backend(backend_id)


def bring_up(endpoint: Endpoint, seconds: float = 90) -> Backend:
    return until(active(endpoint).id, EndpointStatus.READY, seconds)


def worker_of(row: Backend) -> int:
    """The process id of the server behind a backend."""
    return int(json.loads((home.backend_folder(row.id) / "shim.json").read_text())["worker"])


def end_all() -> None:
    """Ends what a test has left running."""
    with db.reading() as session:
        listed = stored_endpoints.recent(session)
    for endpoint in listed:
        endpoints.delete_endpoint(endpoint.id)


@contextmanager
def http_server(app: FastAPI) -> Iterator[str]:
    """A real HTTP server in a thread; gives its address."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        wait_for(lambda: server.started)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def outside_api(requests: list[dict[str, Any]]) -> FastAPI:
    """Somebody else's OpenAI API with the model `big`; notes what it is asked."""
    app = FastAPI()

    @app.get("/v1/models")
    def models(request: Request) -> dict[str, Any]:
        requests.append({"headers": dict(request.headers)})
        return {"data": [{"id": "big"}]}

    @app.post("/v1/chat/completions", response_model=None)
    async def chat(request: Request) -> Response:
        body = await request.json()
        requests.append({"headers": dict(request.headers), "body": body})
        match body["messages"][-1]["content"]:
            case "html":
                return HTMLResponse("<p>no</p>", 502)
            case "no json":
                return Response("{", media_type="application/json")
            case "go away":
                return RedirectResponse("http://169.254.169.254/")
        answer = {"id": "1", "object": "chat.completion", "created": 1, "model": "big"}
        if body.get("stream"):
            part = {"index": 0, "delta": {"content": "outside"}, "finish_reason": "stop"}
            lines = [f"data: {json.dumps({**answer, 'object': 'chat.completion.chunk', 'choices': [part]})}\n\n"]
            return StreamingResponse(iter([*lines, "data: [DONE]\n\n"]), media_type="text/event-stream")
        message = {"index": 0, "message": {"role": "assistant", "content": "outside"}, "finish_reason": "stop"}
        return JSONResponse({**answer, "choices": [message]})

    return app
