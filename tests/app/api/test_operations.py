"""The REST API as other programs see it: described, documented, and consistent in its errors."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

DOCS = Path(__file__).parents[3] / "docs" / "api.md"

Operation = tuple[str, str, dict[str, Any]]


@pytest.fixture
def schema(owner: TestClient) -> dict[str, Any]:
    """The OpenAPI document, as it is served."""
    answer: dict[str, Any] = owner.get("/api/openapi.json").json()
    return answer


def _operations(schema: dict[str, Any]) -> Iterator[Operation]:
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            yield method.upper(), path, operation


def test_every_operation_and_parameter_is_described(schema: dict[str, Any]) -> None:
    missing = [f"{verb} {path}" for verb, path, operation in _operations(schema) if not operation.get("description")]
    missing += [
        f"{verb} {path} {parameter['name']}"
        for verb, path, operation in _operations(schema)
        for parameter in operation.get("parameters", [])
        if path.startswith("/api") and not parameter.get("description")
    ]
    assert not missing


def test_every_field_is_described(schema: dict[str, Any]) -> None:
    missing = [
        f"{name}.{field}"
        for name, kind in schema["components"]["schemas"].items()
        for field, about in kind.get("properties", {}).items()
        if not about.get("description")
    ]
    assert not missing


def test_every_error_is_documented_in_the_one_shape(schema: dict[str, Any]) -> None:
    for verb, path, operation in _operations(schema):
        if not path.startswith("/api/") or path == "/api/health":
            continue
        answers = operation["responses"]
        assert {"401", "403", "422"} <= answers.keys(), f"{verb} {path}"
        assert "404" in answers or "{id}" not in path, f"{verb} {path}"
        for status, answer in answers.items():
            if status >= "4":
                reference = answer["content"]["application/json"]["schema"]["$ref"]
                assert reference.endswith("/ErrorBody"), f"{verb} {path} {status}"


def test_operation_ids_are_unique_and_a_credential_is_asked_for(schema: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in _operations(schema)]
    assert len(ids) == len(set(ids))
    for _, path, operation in _operations(schema):
        if path.startswith("/api/") and path != "/api/health":
            assert operation["security"]


def test_operation_ids_and_schemas_are_names_that_a_generated_client_can_use(schema: dict[str, Any]) -> None:
    ids = {f"{verb} {path}": operation["operationId"] for verb, path, operation in _operations(schema)}
    assert [name for name in ids.values() if not re.fullmatch(r"[a-z]+(_[a-z]+)+", name)] == [], "a verb and its noun"
    known = {
        "POST /api/runs": "start_run", "GET /api/runs/{id}": "show_run", "GET /api/runs": "list_runs",
        "PATCH /api/models/{id}": "change_model", "PATCH /api/registry/{name}": "change_registered_model",
        "POST /api/endpoints/{id}/deploy": "deploy_endpoint", "GET /v1/models": "list_served_models",
    }  # fmt: skip
    assert {operation: ids[operation] for operation in known} == known
    odd = [name for name in schema["components"]["schemas"] if not re.fullmatch(r"[A-Za-z]+[A-Za-z0-9]*", name)]
    assert odd == [], "two bodies or answers have one name: name each by its noun"


def test_docs_api_md_names_every_operation(schema: dict[str, Any]) -> None:
    text = DOCS.read_text(encoding="utf-8")
    missing = [f"{verb} {path}" for verb, path, _ in _operations(schema) if f"`{verb} {path}`" not in text]
    assert not missing


def test_the_docs_page_lists_every_operation_without_a_foreign_server(
    owner: TestClient, schema: dict[str, Any]
) -> None:
    page = owner.get("/api/docs").text
    assert "https://" not in page
    for _, path, operation in _operations(schema):
        assert operation["operationId"] in page
        assert path in page


def test_an_unknown_path_and_a_wrong_method_are_said_in_the_one_shape(owner: TestClient) -> None:
    unknown = owner.get("/api/nope")
    assert unknown.status_code == 404
    assert unknown.json()["error"]["type"] == "not_found"
    wrong = owner.put("/api/runs")
    assert wrong.status_code == 405
    assert wrong.json()["error"]["type"] == "method_not_allowed"
    assert "POST" in wrong.headers["allow"]


def test_a_wrong_field_is_named_with_its_value_and_rule(owner: TestClient) -> None:
    error = owner.post("/api/keys", json={"name": "a", "scope": "everything", "colour": 1}).json()["error"]
    assert error["type"] == "invalid_request"
    assert "`scope` is 'everything'" in error["hint"]
    assert "`colour`" in error["hint"]


def test_an_unexpected_mistake_is_a_500_without_details(
    owner: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNESMITH_DATABASE_URL", f"sqlite:///{tmp_path}/nowhere.db")  # without a table
    answer = owner.get("/api/models")
    assert answer.status_code == 500
    assert answer.json()["error"]["type"] == "internal_error"
    assert "nowhere" not in answer.text
