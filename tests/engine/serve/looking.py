"""What tests of an endpoint's life ask and change."""

import json
from typing import Any

import psutil

from engine.process import process
from engine.serve import backends, endpoints, probe, routing
from storage import db, home
from storage import endpoints as stored_endpoints
from storage.tables import Backend, Endpoint


def says(model: str = "jokes", text: str = "hello") -> str:
    upstream = routing.upstream(model)
    body = {"model": upstream.model, "messages": [{"role": "user", "content": text}]}
    with probe.open_client(upstream.address, timeout=60) as client:
        return str(client.post("chat/completions", json=body).json()["choices"][0]["message"]["content"])


def life(endpoint: Endpoint) -> dict[str, Any]:
    facts: dict[str, Any] = endpoints.describe(endpoints.look_up(endpoint.id))["life"]
    return facts


def ticked() -> bool:
    backends.tick()
    return True


def living(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def has_begun(row: Backend) -> bool:
    record = json.loads((home.backend_folder(row.id) / "shim.json").read_text())
    return bool(record["attempt"] == row.attempt and "worker" in record)


def change(endpoint: Endpoint, **values: Any) -> None:
    with db.session() as session:
        row = stored_endpoints.get(session, endpoint.id)
        assert row is not None
        for name, value in values.items():
            setattr(row, name, value)
    routing.forget()


def processes(endpoint: Endpoint) -> list[Backend]:
    with db.reading() as session:
        rows = stored_endpoints.backends(session, endpoint.id)
    return [row for row in rows if process.alive(home.backend_folder(row.id))]
