"""The log of requests: a line for each that is worth one."""

import json

from starlette.responses import Response
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from app.access_log import AccessLog, route_of
from engine.process import logs
from tests.rest import TOKEN


def test_routes_are_named_by_pattern_so_that_series_stay_few() -> None:
    assert route_of({"path": "/fragments/runs/table", "type": "http"}) == "/fragments"
    assert route_of({"path": "/anything/at/all", "type": "http"}) == "window"


def test_requests_are_logged_with_facts_and_without_the_query(owner: TestClient) -> None:
    logs.set_up("test")
    try:
        owner.post(f"/api/projects?token={TOKEN}", json={"name": "x"})
        owner.get("/api/projects")
        lines = [json.loads(line) for line in logs.file("test").read_text().splitlines()]
    finally:
        logs.take_down()
    access_lines = [line for line in lines if line["logger"] == "tunesmith.access"]
    assert [line["message"] for line in access_lines] == ["POST /api/projects 201"]
    assert access_lines[0]["status"] == 201
    assert access_lines[0]["milliseconds"] > 0
    assert TOKEN not in json.dumps(lines)


def test_what_the_request_log_has_is_told_in_the_file_only_when_it_went_wrong() -> None:
    async def gateway(scope: Scope, receive: Receive, send: Send) -> None:
        await Response(status_code=502 if scope["path"].endswith("/completions") else 200)(scope, receive, send)

    logs.set_up("test")
    try:
        client = TestClient(AccessLog(gateway))
        for path in ("/v1/chat/completions", "/v1/embeddings", "/api/projects"):
            client.post(path)
        lines = [json.loads(line)["message"] for line in logs.file("test").read_text().splitlines()]
    finally:
        logs.take_down()
    assert lines == ["POST /v1/chat/completions 502", "POST /api/projects 200"]
