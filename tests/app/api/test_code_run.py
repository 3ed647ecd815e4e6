"""POST /api/code/run, as another program calls it."""

import sys
import threading
from typing import Any

import pytest
from starlette.testclient import TestClient

from engine.accounts import keys
from tests.rest import make_client
from tests.waiting import wait_for

if sys.platform != "linux":
    pytest.skip("code is run on Linux only", allow_module_level=True)
FIELDS = {"stdout", "stderr", "exit", "seconds", "memory_bytes", "timed_out", "contained_by"}


def run(client: TestClient, program: str, **fields: Any) -> Any:
    body = {"language": "python", "files": {"main.py": program}, "stdin": "", **fields}
    return client.post("/api/code/run", json=body)


def test_code_runs_and_the_answer_has_the_fields_of_the_contract(owner: TestClient) -> None:
    answer = run(owner, "print(int(input()) * 7)\nraise ValueError('no')", stdin="6\n")
    assert answer.status_code == 200
    told = answer.json()
    assert told.keys() == FIELDS
    assert (told["stdout"], told["exit"], told["timed_out"]) == ("42\n", 1, False)
    assert told["stderr"].endswith("ValueError: no\n")
    assert told["contained_by"] in ("bubblewrap", "Landlock and namespaces", "Landlock and seccomp")
    assert told["memory_bytes"] > 5_000_000


def test_what_was_cut_or_ended_is_said(owner: TestClient) -> None:
    cut = run(owner, "print('x' * 2_000_000)").json()
    assert (len(cut["stdout"]), cut["exit"]) == (1_000_000, 0)
    assert cut["stderr"] == "tunesmith: the output was cut: more was printed than is kept\n"
    late = run(owner, "import sys; sys.stderr.write('waits'); sys.stderr.flush()\nwhile True: pass", seconds=0.5).json()
    assert (late["exit"], late["timed_out"]) == (None, True)
    assert late["stderr"] == "waits\ntunesmith: ended, because it took longer than 0.5 seconds\n"


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"files": {"main.py": "", "../evil": ""}}, "stay inside its folder"),
    ({"files": {"main.py": "", "\u0000": ""}}, "control characters"),
    ({"files": {}}, "no file `main.py`"),
    ({"files": {"main.py": "x" * 1_100_000}}, "1100000 bytes"),
    ({"files": {"main.py": 7}}, "files"),
    ({"files": "main.py"}, "files"),
    ({"language": "ruby"}, "only Python"),
    ({"seconds": 31}, "seconds"),
    ({"seconds": 0}, "seconds"),
    ({"seconds": "soon"}, "seconds"),
    ({"stdin": "x" * 1_000_001}, "stdin"),
    ({"network": True}, "network"),
]


def test_what_cannot_be_run_is_422_in_words(owner: TestClient) -> None:
    for fields, words in REFUSED:
        answer = run(owner, "", **fields)
        assert (answer.status_code, words in answer.text) == (422, True), answer.text
        assert len(answer.text) < 2000


def test_a_key_for_inference_does_not_run_code(owner: TestClient) -> None:
    secret = owner.post("/api/keys", json={"name": "editor"}).json()["secret"]
    with make_client() as stranger:
        stranger.headers["authorization"] = f"Bearer {secret}"
        assert run(stranger, "print(1)").status_code == 403
    assert keys.verify(secret)


@pytest.mark.usefixtures("no_sandbox")
def test_where_nothing_holds_code_back_it_is_503_with_the_reason(owner: TestClient) -> None:
    answer = run(owner, "print(1)")
    assert (answer.status_code, answer.json()["error"]["type"]) == (503, "busy")
    assert "bubblewrap: it is not installed" in answer.json()["error"]["message"]


def test_the_studio_answers_while_code_runs_and_too_much_at_once_is_503(owner: TestClient) -> None:
    run(owner, "")  # the probes are done
    answers: list[Any] = []
    program = "import os, time\nfor _ in range(3): os.fork()\ntime.sleep(3)"
    threads = [threading.Thread(target=lambda: answers.append(run(owner, program))) for _ in range(30)]
    for thread in threads:
        thread.start()
    wait_for(lambda: any(answer.status_code == 503 for answer in answers))
    assert owner.get("/api/health").status_code == 200
    assert owner.get("/api/runs").status_code == 200  # from the threads of the other operations
    assert any(thread.is_alive() for thread in threads)  # it did not have to wait for the code
    for thread in threads:
        thread.join()
    refused = [answer for answer in answers if answer.status_code == 503]
    assert refused
    assert all(answer.headers["retry-after"] for answer in refused)
    assert {answer.status_code for answer in answers} == {200, 503}
