"""What nobody sends by accident: every operation answers it with a 4xx, and nothing is written outside the home."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from engine.process import plan
from storage import db
from storage.tables import Dataset, Model, Run
from tests.rest import log_in, make_client

TEXTS = [
    "../../x", "..%2f..%2fx", "..%252f", "....//", "/etc/passwd", "~root", "C:\\x", "\\\\host\\share",
    "file:///etc/passwd", "/proc/self/environ", "/dev/zero", "/dev/stdin", "a\x00b", "a\nb", "a" * 300, ".", "..", "",
    " ", "CON", "-rf", "--output=/tmp/x", "$(touch /tmp/p)", "`id`", "; id", "| id", "%s%n", "\U0001f600",
    "\u202egnp", "e\u0301", "\ud800", "<img src=x onerror=alert(1)>", "{{7*7}}", "${7*7}", "'; DROP TABLE run; --",
    "http://127.0.0.1", "http://[::1]", "http://169.254.169.254/latest", "gopher://x", "\x1b]8;;http://evil\x07",
]  # fmt: skip
NUMBERS: list[Any] = [
    float("nan"), float("inf"), float("-inf"), -0.0, "1e309", 1e-320, -1, 0, 2**63, 2**80, "1", True, "1_000", 1e9,
    None, [], {}, "x",
]  # fmt: skip

FEW = ["../../x", "a\x00b", "", "-1", "nan", str(2**80)]
"""For what another address has shown to bear all of them: only what the address does with it can differ. A number that
is none is refused before it gets there, whatever else it is, and a text that is a number is a text."""
A_PROCESS_EACH = ("/api/hub/search",)


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[TestClient]:
    """An owner's client; when the test is over, nothing has appeared beside the home."""
    before = set(tmp_path.rglob("*"))
    with log_in(make_client()) as client:
        yield client
    home = Path(os.environ["TUNESMITH_HOME"])
    after = {path for path in tmp_path.rglob("*") if not path.is_relative_to(home)}
    assert after <= before
    assert not Path("/tmp/p").exists()


@pytest.fixture
def run() -> Run:
    """A run with its model and dataset."""
    model = Model(source="path", source_id="/m", name="m")
    dataset = Dataset(project_id="default", name="d")
    run = Run(project_id="default", name="r", model_id=model.id, dataset_id=dataset.id, recipe={})
    with db.session() as session:
        session.add_all([model, dataset])
        session.flush()
        session.add(run)
    return run


def _operations(client: TestClient) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, operations in client.get("/api/openapi.json").json()["paths"].items():
        for method, operation in operations.items():
            if path.startswith("/api/"):
                yield method.upper(), path, operation


def _send(client: TestClient, method: str, path: str, **more: Any) -> int:
    status = client.request(method, path, **more).status_code
    assert status < 500, f"{method} {path} {more!r:.300}"
    return status


def test_no_id_breaks_anything(owner: TestClient) -> None:
    for method, path, _ in _operations(owner):
        if "{id}" not in path:
            continue
        for text in ("../../x", "..%2f..%2fx", "%00", "a%0Ab", "a" * 300, "~root", "%ff", "%ed%a0%80", "CON", "-rf"):
            status = _send(owner, method, path.replace("{id}", text), json={})
            assert 400 <= status < 500, f"{method} {path} {text}"


def test_no_query_breaks_anything(owner: TestClient, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("search_hub", "look_hub_model"):  # a process for each text: quicker without the hub's client
        monkeypatch.setitem(plan.WORKERS, kind, "tests.broken_worker")
    known = set()
    for method, path, operation in _operations(owner):
        for parameter in operation.get("parameters", []) if method == "GET" else []:
            if parameter["in"] != "query":
                continue
            alike = (parameter["name"], json.dumps(parameter["schema"], sort_keys=True))  # `limit` of every list
            many = TEXTS[:20] if '"string"' in alike[1] else map(str, NUMBERS)
            for value in FEW if alike in known or path in A_PROCESS_EACH else [*FEW, *many]:
                params = {parameter["name"]: value.encode("utf-8", "replace")}
                _send(owner, "GET", path.replace("{id}", run.id), params=params)
            known.add(alike)


@pytest.mark.parametrize("text", TEXTS)
def test_no_text_in_a_body_breaks_anything(owner: TestClient, text: str) -> None:
    raw = {"content-type": "application/json"}
    bodies = [
        ("/api/projects", {"name": text}),
        ("/api/keys", {"name": text}),
        ("/api/keys", {"name": "a", "scope": text}),
        ("/api/models", {"source": "hub", "id": text}),
        ("/api/models", {"source": "path", "id": text}),
        ("/api/models", {"source": text, "id": "x"}),
        ("/api/datasets", {"source": "path", "id": text}),
        ("/api/datasets", {"source": "hub", "id": text}),
        ("/api/datasets", {"source": "path", "id": "/x", "project_id": text}),
        ("/api/endpoints", {"name": text, "model_id": "a"}),
        ("/api/endpoints", {"name": "a", "model_id": text, "adapters": [text], "options": {text: text}}),
        ("/api/endpoints", {"name": "a", "backend": "external", "options": {"address": text, "model": text}}),
        ("/api/endpoints/outside", {"url": text}),
        ("/api/endpoints/outside", {"url": "http://127.0.0.1:9/", "api_key_env": text}),
        ("/api/exports", {"subject": text, "kind": "merged"}),
        ("/api/exports", {"subject": f"run:{text}", "kind": "adapter", "options": {text: text}}),
        ("/api/runs", {"name": text, "recipe": {"model_id": "a", "dataset_id": "b"}}),
        ("/api/runs", {"name": "a", "recipe": {"model_id": text, "dataset_id": text, "target_modules": text}}),
        ("/api/runs/check", {"recipe": {"model_id": text, "dataset_id": text, text: text}}),
    ]
    for path, body in bodies:
        _send(owner, "POST", path, content=_json(body), headers=raw)


def _json(value: Any) -> bytes:
    """JSON as Python writes it: NaN, Infinity and lone surrogates included, which others refuse to write."""
    return json.dumps(value).encode()


def test_no_number_in_a_recipe_breaks_anything(owner: TestClient, run: Run) -> None:
    numeric = ("learning_rate", "max_steps", "num_train_epochs", "lora_r", "lora_dropout", "seed", "warmup_steps")
    for field in numeric:
        for value in NUMBERS:
            recipe = {"model_id": "aaaa", "dataset_id": "bbbb", field: value}
            body = _json({"name": "x", "recipe": recipe})
            status = _send(owner, "POST", "/api/runs", content=body, headers={"content-type": "application/json"})
            assert status in (400, 404, 422)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"{" * 5000, b'{"name": "a", "name": "b"', b"1" * 100_000]
)
def test_no_broken_body_breaks_anything(owner: TestClient, body: bytes) -> None:
    for method, path, operation in _operations(owner):
        if about := operation.get("requestBody"):
            if body in (b"", b"null") and not about.get("required"):
                continue  # it may be left out
            for kind in (
                "application/json",
                "text/plain",
                "multipart/form-data",
                "multipart/form-data; boundary=x",
                "",
            ):
                headers = {"content-type": kind} if kind else {}
                status = _send(owner, method, path.replace("{id}", "aaaa"), content=body, headers=headers)
                assert 400 <= status < 500


def test_a_body_larger_than_allowed_is_refused_before_it_is_read(owner: TestClient) -> None:
    assert _send(owner, "POST", "/api/projects", content=b" " * (3 << 20)) == 413
    chunks = (b" " * 65536 for _ in range(64))
    headers = {"content-type": "application/json"}
    assert _send(owner, "POST", "/api/projects", content=chunks, headers=headers) == 413


@pytest.mark.parametrize("name", TEXTS)
def test_no_file_name_leads_out_of_the_uploads(owner: TestClient, name: str) -> None:
    file_name = name.encode("utf-8", "replace").decode().replace("\x00", "").replace("\n", "").replace('"', "")
    body = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="'
        + file_name.encode()
        + b'"\r\n\r\n{}\r\n--x--\r\n'
    )
    headers = {"content-type": "multipart/form-data; boundary=x"}
    _send(owner, "POST", "/api/datasets", content=body, headers=headers)


def test_only_plain_files_outside_the_home_are_read(owner: TestClient, home: Path, tmp_path: Path) -> None:
    link, loop, fifo = tmp_path / "link.jsonl", tmp_path / "loop.jsonl", tmp_path / "fifo.jsonl"
    (home / "session.secret").write_bytes(b"secret")
    link.symlink_to(home / "session.secret")
    loop.symlink_to(loop)
    os.mkfifo(fifo)
    paths = [link, loop, fifo, tmp_path, home / "studio.db", Path("/proc/self/environ"), Path("/dev/zero")]
    for path in [*paths, Path("relative.jsonl"), tmp_path / "missing.jsonl"]:
        status = _send(owner, "POST", "/api/datasets", json={"source": "path", "id": str(path)})
        assert status in (404, 422), path
    for path in (link, loop, fifo):
        path.unlink()


def test_no_error_shows_a_traceback_or_a_path_of_the_program(owner: TestClient) -> None:
    for path in ("/api/runs/abc", "/api/nope", "/v1/nope"):
        text = owner.get(path).text
        assert "Traceback" not in text
        assert "site-packages" not in text
