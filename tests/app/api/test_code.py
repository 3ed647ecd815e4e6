"""Questions about code and snippets over REST: streams that say how they end, and every operation of a snippet."""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import httpx
from starlette.testclient import TestClient

from app.answers import event_streams
from engine.accounts import keys
from engine.serve import probe
from tests import fake_coder
from tests.coding import NAME, QWEN, needs_sandbox
from tests.coding import coder as coder
from tests.coding import coder_address as coder_address
from tests.coding import serve_coder as serve_coder
from tests.serving import http_server
from tests.waiting import wait_for

HELLO = {"name": "Hello", "task": "greet", "files": {"main.py": "print('안녕')\n"}}


def events(client: TestClient, **body: Any) -> list[tuple[str, Any]]:
    """The events of a question, by name."""
    answer = client.post("/api/code", json={"model": NAME, **body})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    blocks = [block.split("\n") for block in answer.text.split("\n\n") if block]
    return [(head.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for head, data in blocks]


def test_an_answer_streams_as_it_is_written_and_ends(owner: TestClient, coder: str) -> None:
    told = events(owner, task="mean")
    assert [told[0][0], told[-2][0], told[-1]] == ["way", "written", ("end", {})]
    assert told[0][1] == {"candidate": 0, "round": 0, "way": "chat", "note": ""}
    text = "".join(facts["text"] for name, facts in told if name == "piece")
    assert fake_coder.MEAN.strip() in text
    assert told[-2][1]["files"] == {"main.py": fake_coder.MEAN}
    assert told[-2][1] | {"files": 0} == {
        "candidate": 0, "files": 0, "warnings": [], "ended": "stop", "insertion": None, "changed": ["main.py"],
    }  # fmt: skip


@needs_sandbox
def test_candidates_are_ranked_and_the_best_is_fixed_in_rounds(owner: TestClient, coder: str) -> None:
    told = events(owner, task="mean", candidates=2, rounds=2)
    names = [name for name, _ in told if name != "piece"]
    assert names.count("way") == 3
    assert [name for name in names if name != "way"] == ["written", "written", "ranking", "round", "round", "end"]
    ranking = next(facts for name, facts in told if name == "ranking")
    assert [one["place"] for one in ranking["ranked"]] == [1, 2]
    assert "ZeroDivisionError" in ranking["ranked"][0]["outcome"]["words"]
    last = [facts for name, facts in told if name == "round"][-1]
    assert (last["number"], last["outcome"]["works"], last["changed"]) == (1, True, ["main.py"])
    assert last["outcome"]["contained_by"]
    tested = events(owner, task="double", seed=0, candidates=2, tests={"test_main.py": fake_coder.TESTS})
    ranked = next(facts for name, facts in tested if name == "ranking")["ranked"]
    assert [(one["candidate"], one["outcome"]["passed"]) for one in ranked] == [(0, 1), (1, 0)]


def test_which_way_a_gap_is_filled_is_said(owner: TestClient, serve_coder: Callable[..., str]) -> None:
    serve_coder(tokens=QWEN)
    told = events(owner, action="complete", files={"main.py": "def add(a, b):\n    "})
    assert told[0][1]["way"] == "fim"
    assert told[-2][1]["insertion"] == fake_coder.MIDDLE
    assert told[-2][1]["files"] == {"main.py": f"def add(a, b):\n    {fake_coder.MIDDLE}"}


def test_a_torn_answer_ends_in_an_error_and_never_as_if_it_were_whole(owner: TestClient, coder: str) -> None:
    told = events(owner, task="torn")
    assert told[-1][0] == "error"
    assert "broke off" in told[-1][1]["message"]
    assert "end" not in [name for name, _ in told]


def test_what_cannot_be_asked_is_an_error_like_any_other(owner: TestClient, coder: str) -> None:
    for body, status, words in (
        ({"task": ""}, 422, "task is empty"),
        ({"task": "x", "model": "nobody"}, 404, "no model `nobody`"),
        ({"task": "x", "files": {"../a": ""}}, 422, "cannot be the name"),
        ({"task": "x", "action": "paint"}, 422, "not valid"),
        ({"task": "x", "candidates": 99}, 422, "not valid"),
        ({"task": "x", "colour": 1}, 422, "not valid"),
        ({"task": "x", "language": "go", "run": True}, 422, "Go does not run here"),
    ):
        answer = owner.post("/api/code", json={"model": NAME, **body})
        assert answer.status_code == status, answer.text
        assert words in answer.json()["error"]["message"]
    assert event_streams._places._value == event_streams.MOST_AT_ONCE


def test_hostile_answers_are_text_with_warnings(owner: TestClient, coder: str) -> None:
    written = events(owner, task="hostile")[-2][1]
    assert list(written["files"]) == ["etc/cron.d/evil.py", "windows/evil.py", "ab.py"]
    warnings = "\n".join(written["warnings"])
    assert "The name `a<U+202E>b.py` was changed to `ab.py`." in warnings
    assert "`ab.py` has characters that cannot be seen: U+202E (right-to-left override)" in warnings


def test_so_many_streams_at_once_and_no_more(owner: TestClient, coder: str) -> None:
    taken = [event_streams._places.acquire(blocking=False) for _ in range(event_streams.MOST_AT_ONCE)]
    try:
        answer = owner.post("/api/code", json={"model": NAME, "task": "mean"})
    finally:
        event_streams._places.release(len(taken))
    assert (answer.status_code, answer.json()["error"]["type"]) == (503, "busy")
    assert "16 such answers" in answer.json()["error"]["message"]


def test_a_client_that_hangs_up_stops_the_model(owner: TestClient, coder: str, coder_address: str) -> None:
    with http_server(owner.app) as url, httpx.Client(headers=dict(owner.headers), timeout=60) as client:  # type: ignore[arg-type]
        body = {"model": NAME, "task": "slow " * 300}
        with client.stream("POST", f"{url}/api/code", json=body) as answer:
            next(answer.iter_text())
        wait_for(lambda: probe.in_flight(coder_address) == 0)
        wait_for(lambda: event_streams._places._value == event_streams.MOST_AT_ONCE)


def test_an_inference_key_reaches_neither_code_nor_snippets(owner: TestClient, coder: str) -> None:
    _, secret = keys.create_key("editor")
    headers = {"authorization": f"Bearer {secret}"}
    assert owner.post("/api/code", json={"model": NAME, "task": "x"}, headers=headers).status_code == 403
    assert owner.get("/api/snippets", headers=headers).status_code == 403


def test_a_snippet_from_its_first_version_to_its_end(owner: TestClient) -> None:
    made = owner.post("/api/snippets", json=HELLO | {"note": "first", "model": "coder", "action": "write"})
    assert made.status_code == 201
    snippet, path = made.json(), f"/api/snippets/{made.json()['id']}"
    assert (snippet["newest"], snippet["language"], snippet["version"]["files"]) == (1, "python", HELLO["files"])
    second = {"files": {"main.py": "print(2)\n", "a.py": "x = 1"}, "result": {"exit": 0}}
    assert owner.post(f"{path}/versions", json=second).json()["number"] == 2
    assert owner.get(path).json()["version"]["result"] == {"exit": 0}
    assert [line["number"] for line in owner.get(f"{path}/versions").json()] == [2, 1]
    assert owner.get(f"{path}/version", params={"number": 1}).json()["files"] == HELLO["files"]
    diff = owner.get(f"{path}/diff", params={"before": 1, "after": 2})
    assert diff.headers["content-type"].startswith("text/plain")
    assert "-print('안녕')\n+print(2)\n" in diff.text
    assert owner.patch(path, json={"name": "Other"}).json()["name"] == "Other"
    assert owner.delete(path).status_code == 204
    assert owner.get(path).status_code == 404


def test_snippets_are_listed_by_words_and_pages(owner: TestClient) -> None:
    for name in ("one", "two", "three"):
        owner.post("/api/snippets", json=HELLO | {"name": name})
    page = owner.get("/api/snippets", params={"limit": 2})
    assert [snippet["name"] for snippet in page.json()] == ["three", "two"]
    assert page.headers["x-total-count"] == "3"
    assert "version" not in page.json()[0]
    found = owner.get("/api/snippets", params={"query": "TWO greet"})
    assert ([snippet["name"] for snippet in found.json()], found.headers["x-total-count"]) == (["two"], "1")
    assert owner.get("/api/snippets", params={"project_id": "other"}).json() == []


def test_a_snippet_is_taken_away_as_a_file_or_an_archive_and_never_shown_as_a_page(owner: TestClient) -> None:
    files = {"index.html": "<script>alert(1)</script>", "한글.py": "x = 1\n"}
    path = f"/api/snippets/{owner.post('/api/snippets', json=HELLO | {'files': files}).json()['id']}/download"
    packed = owner.get(path)
    assert packed.headers["content-disposition"] == "attachment; filename=\"Hello.zip\"; filename*=UTF-8''Hello.zip"
    with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
        assert set(archive.namelist()) == set(files)
    page = owner.get(path, params={"file": "index.html"})
    assert page.headers["content-type"].startswith("text/plain")
    assert page.headers["content-disposition"].startswith("attachment")
    assert page.headers["x-content-type-options"] == "nosniff"
    assert owner.get(path, params={"format": "file"}).text == "x = 1\n"  # the main one: Python
    assert owner.get(path, params={"file": "no.py"}).status_code == 404
    assert owner.get(path, params={"version": 9}).status_code == 404


def test_snippets_that_cannot_be_kept_are_refused(owner: TestClient) -> None:
    for body, words in (
        (HELLO | {"files": {"../a.py": ""}}, "cannot be the name of a file"),
        (HELLO | {"files": {}}, "no files"),
        (HELLO | {"name": "a\u202eb"}, "not valid"),
        (HELLO | {"language": "klingon"}, "not a language"),
        (HELLO | {"files": {f"{n}.py": "" for n in range(51)}}, "51 files"),
    ):
        answer = owner.post("/api/snippets", json=body)
        assert answer.status_code == 422
        assert words in answer.json()["error"]["message"]
    assert owner.post("/api/snippets", json=HELLO | {"project_id": "nothing"}).status_code == 404
    assert owner.get("/api/snippets").json() == []
