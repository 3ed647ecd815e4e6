"""The studio's own log: lines of JSON that a program can read, with ids and without secrets."""

import json
import logging
import stat
from collections.abc import Iterator
from typing import Any

import pytest

from engine.process import logs


@pytest.fixture(autouse=True)
def log() -> Iterator[None]:
    logs.set_up()
    yield
    logs.take_down()


def lines() -> list[dict[str, Any]]:
    return [json.loads(line) for line in logs.file().read_text().splitlines()]


def test_each_line_is_json_with_the_id_it_is_about() -> None:
    logs.about("runs", "r1").warning("line one\nline two %s", "ü")
    [line] = lines()
    assert (line["level"], line["logger"], line["about"]) == ("WARNING", "tunesmith.runs", "r1")
    assert line["message"] == "line one\nline two ü"
    assert line["at"] > 1e9


def test_an_exception_comes_with_its_traceback() -> None:
    with logs.kept_going("runs", "r1"):
        raise ValueError("odd")
    [line] = lines()
    assert "odd" in line["message"]
    assert "Traceback" in line["error"]


def test_the_same_failure_every_second_is_written_once() -> None:
    for _ in range(5):
        with logs.kept_going("models", "again and again"):
            raise ValueError("no network")
    assert len(lines()) == 1


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer s3cr3t-value-1",
        "token=s3cr3t-value-1",
        '"api_key": "s3cr3t-value-1"',
        "password: s3cr3t-value-1",
        "postgresql://me:s3cr3t-value-1@host/db",
        "http://127.0.0.1:7860/?token=s3cr3t-value-1&x=1",
        "hf_s3cr3tvalue1s3cr3tvalue1",
        "sk-s3cr3tvalue1s3cr3tvalue1",
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str) -> None:
    assert "s3cr3t" not in logs.redact(text)
    assert logs.HIDDEN in logs.redact(text)


def test_the_studios_own_token_is_hidden_wherever_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNESMITH_TOKEN", "blue-horse")
    logging.getLogger("tunesmith.x").error("look: blue-horse!")
    assert lines()[0]["message"] == f"look: {logs.HIDDEN}!"


def test_ordinary_words_stay() -> None:
    text = "tokens_per_second 12, a token of love, https://example.org/a:b@c, skill-building"
    assert logs.redact(text) == text


def test_the_file_is_the_owners_and_the_level_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    assert stat.S_IMODE(logs.file().stat().st_mode) == 0o600
    monkeypatch.setenv("TUNESMITH_LOG_LEVEL", "error")
    logs.set_up()
    logging.getLogger("tunesmith.x").warning("quiet")
    assert lines() == []


def test_setting_up_twice_writes_each_line_once() -> None:
    logs.set_up()
    logging.getLogger("tunesmith.x").warning("once")
    assert len(lines()) == 1


def test_a_long_log_rotates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MOST_BYTES", 500)
    logs.set_up()
    for number in range(100):
        logging.getLogger("tunesmith.x").warning("line %d", number)
    assert logs.file().stat().st_size <= 500
    files = list(logs.file().parent.glob("studio.log*"))
    assert len(files) == logs.FILES_KEPT + 1
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
