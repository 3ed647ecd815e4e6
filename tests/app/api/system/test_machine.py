"""The machine and the studio's log over REST; and what is read of them."""

import json
import logging
import time
from collections import namedtuple
from dataclasses import replace
from threading import Thread

import psutil
import pytest
from starlette.testclient import TestClient

from engine.process import logs
from engine.system import machine_now, studio_log, use
from engine.system.machine_now import Looker
from storage import home
from tests.rest import make_access, make_client


def test_the_machine_is_answered_as_the_system_tells_it(owner: TestClient) -> None:
    seen = owner.get("/api/system").json()
    assert seen["home"] == str(home.home())
    assert 0 < seen["memory_used_bytes"] < seen["memory_bytes"] <= psutil.virtual_memory().total
    assert 0 <= seen["processor_percent"] <= 100
    assert seen["cores"] == psutil.cpu_count()
    assert len(seen["load"]) == 3
    assert seen["disk_free_bytes"] > 0


def test_the_last_hour_is_answered_look_by_look(owner: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(use, "_history", use.History())
    assert owner.get("/api/system/use").json()["samples"] == []
    for _ in range(3):
        use._history.look()
    seen = owner.get("/api/system/use").json()
    assert (seen["every_seconds"], len(seen["samples"])) == (15.0, 2)
    assert seen["samples"][1]["memory_used_bytes"] < seen["memory_bytes"]
    assert seen["samples"][1]["disk_used_bytes"] < seen["disk_bytes"]


def test_the_processor_is_measured_since_the_look_before_whichever_thread_looks() -> None:
    Times = namedtuple("Times", ("user", "system", "idle", "iowait", "guest"))
    assert machine_now.busy_percent(Times(10, 5, 100, 1, 2), Times(13, 6, 103, 2, 4)) == 50.0  # 3 of 6 seconds
    assert machine_now.busy_percent(Times(1, 1, 1, 1, 0), Times(1, 1, 1, 1, 0)) == 0.0
    looker = Looker()
    looker._latest = replace(looker.look(), at=0.0)
    busy_until = time.monotonic() + 0.3
    while time.monotonic() < busy_until:
        pass
    shares: list[float] = []
    thread = Thread(target=lambda: shares.append(looker.look().processor_percent))
    thread.start()
    thread.join()
    assert shares[0] > 0


def test_temperatures_are_the_hottest_of_each_chip(monkeypatch: pytest.MonkeyPatch) -> None:
    class Sensor:
        def __init__(self, current: float) -> None:
            self.current = current

    chips = {"coretemp": [Sensor(51.0), Sensor(63.5)], "nvme": [Sensor(40.0)], "broken": [Sensor(-128.0)]}
    monkeypatch.setattr(psutil, "sensors_temperatures", lambda: chips, raising=False)
    assert machine_now.temperatures() == {"processor": 63.5, "nvme": 40.0}


def test_a_look_that_hangs_keeps_nobody_waiting() -> None:
    looker = Looker()
    looker._latest = replace(looker.look(), at=0.0)
    with looker._lock:  # another thread is looking
        assert looker.look().at == 0.0
    assert looker.look().at > 0


def test_the_log_is_answered_by_level_and_downloaded_whole(owner: TestClient) -> None:
    logs.set_up()
    try:
        for number in range(3):
            logging.getLogger("tunesmith.x").warning("warning %d", number)
        logs.about("runs", "r1").error("broke with api_key=%s", "sk-abcdefgh")
    finally:
        logs.take_down()
    older = logs.file().with_name("studio.log.1")
    older.write_text(json.dumps({"at": 1, "level": "INFO", "logger": "x", "message": "older"}) + "\n")
    answered = owner.get("/api/system/log", params={"lines": 2}).json()
    assert [line["message"] for line in answered] == ["warning 2", "broke with api_key=[hidden]"]
    assert [line["about"] for line in owner.get("/api/system/log", params={"level": "error"}).json()] == ["r1"]
    whole = owner.get("/api/system/log/download")
    assert [json.loads(line)["message"] for line in whole.text.splitlines()][:2] == ["older", "warning 0"]
    assert "studio.log" in whole.headers["content-disposition"]


def test_of_a_long_log_only_the_end_is_read() -> None:
    home.ensure_folder(home.logs())
    line = json.dumps({"at": 1, "level": "INFO", "logger": "x", "message": "m" * 800}) + "\n"
    logs.file().write_text(line * 2000)
    assert len(studio_log.last(5000)) == studio_log.MOST_LINES


def test_a_visitor_of_a_share_link_reads_neither_the_machine_nor_the_log_nor_asks_the_hub() -> None:
    access = make_access()
    client = make_client(access)
    client.cookies.set(access.cookie, access.sessions.new(60, "viewer"))
    for path in (
        "/api/system",
        "/api/system/use",
        "/api/system/log",
        "/api/system/log/download",
        "/api/hub/token",
        "/api/hub/search?q=x",
    ):
        assert client.get(path).status_code == 403, path
    assert client.get("/api/models").status_code == 200
