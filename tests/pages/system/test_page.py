"""The System page: keys, and who holds the machine."""

import logging
import re
import time
from dataclasses import replace
from typing import Any

import gradio as gr
import pytest

from engine.accounts import keys
from engine.process import hub_token, logs
from engine.registry import disk
from engine.system import machine_now, use
from engine.system.machine_now import Card
from engine.system.use import History, Sample
from pages.parts import html
from pages.system import disk_view, log_view, machine_view, token_view, use_view
from pages.system import page as system
from storage import db, home
from storage.tables import Dataset, Lease, Model, Run
from tests.engine.projects import full
from tests.waiting import wait_for

ANY: dict[str, str] = {"project": "default"}


OWNER = {**ANY, "role": "owner"}
VISITOR = {**ANY, "role": "viewer"}


class Click:
    def __init__(self, name: str, id: str = "", /, **values: str) -> None:
        self.name, self.id, self.values = name, id, values


def test_a_new_key_is_shown_to_who_asked_and_nowhere_else() -> None:
    cleared, shown = system.create("my <script>", "inference", "", None, None, 0)
    assert cleared == ""
    assert isinstance(shown, dict)
    assert keys.verify(shown["value"])
    listed = system.keys_html(ANY)
    assert "my &lt;script&gt;" in listed
    assert "/v1 only" in listed
    assert shown["value"] not in listed


def test_a_keys_limits_are_taken_from_the_form_and_listed() -> None:
    _, shown = system.create("editor", "inference", " jokes*, <b>:base ", 60, 100_000, 7)
    assert isinstance(shown, dict)
    key = keys.verify(shown["value"])
    assert key is not None
    assert (key.models, key.requests_per_minute, key.tokens_per_day) == (["jokes*", "<b>:base"], 60, 100_000)
    listed = system.keys_html(ANY)
    assert "<code>jokes*</code>" in listed
    assert "<b>:base" not in listed
    assert "60 requests a minute<br>100,000 tokens a day" in listed
    assert "in 7 d" in listed or "in 6 d 23 h" in listed


def test_wrong_limits_are_said_field_by_field(toasts: list[str]) -> None:
    assert system.create("editor", "inference", "", -5, None, 0) == (gr.skip(), gr.skip())
    assert system.create("editor", "all", "jokes", None, None, 0) == (gr.skip(), gr.skip())
    assert "`requests_per_minute`" in toasts[0]
    assert "could make another key" in toasts[1]


def test_a_key_needs_a_name(toasts: list[str]) -> None:
    assert system.create(" ", "all", "", None, None, 0) == (gr.skip(), gr.skip())
    assert "The key needs a name" in toasts[0]


def test_a_revoked_key_is_gone_and_opens_nothing() -> None:
    key, secret = keys.create_key("one", "all")
    assert "everything" in system.keys_html(ANY)
    system.act(Click("revoke", key.id))
    assert "No keys yet" in system.keys_html(ANY)
    assert keys.verify(secret) is None


def test_the_device_says_who_holds_it() -> None:
    assert "The next training starts at once" in machine_view.machine_html(ANY)
    with db.session() as session:
        session.add(Model(id="m1", source="path", source_id="x", name="m"))
        session.add(Dataset(id="d1", project_id="default", name="d"))
        session.flush()
        row: dict[str, Any] = {"id": "r1", "name": "my & run", "model_id": "m1", "dataset_id": "d1"}
        session.add(Run(project_id="default", recipe={}, **row))
        session.add(Lease(holder_id="r1", holder_kind="run", device="cpu"))
        session.add(Lease(holder_id="b1", holder_kind="backend", device="cpu", exclusive=False))
    shown = machine_view.machine_html(ANY)
    assert "my &amp; run" in shown
    assert "/runs?run=r1" in shown
    assert "serving, shares the device" in shown
    assert "transformers" in shown


def test_the_machine_says_memory_load_and_disk_as_they_are() -> None:
    shown, seen = machine_view.machine_html(OWNER), machine_now.look()
    for words in ("Processor", "Memory", "Disk", "over 1, 5, 15 minutes"):
        assert words in shown
    assert f"% of {seen.cores} cores" in shown or "one core" in shown
    assert str(home.home()) in shown
    assert str(home.home()) not in machine_view.machine_html(VISITOR)


def test_what_fills_the_disk_is_said_by_kind_with_the_way_to_the_clean_up() -> None:
    with db.session() as session:
        session.add(Model(id="m1", source="hub", source_id="x", name="m"))
    (home.ensure_folder(home.model_folder("m1")) / "weights").write_bytes(bytes(300_000))
    (home.ensure_folder(home.answers()) / "kept").write_bytes(bytes(100_000))
    disk.forget()
    wait_for(lambda: "Models" in disk_view.disk_html(OWNER))
    shown = disk_view.disk_html(OWNER)
    assert shown.index(">Models<") < shown.index(">Answers kept from reports<")
    assert "300 kB" in shown
    assert "100 kB are safe to remove" in shown
    assert 'href="/registry#live-registry-disk"' in shown


def test_every_folder_that_is_looked_through_has_a_name_for_people() -> None:
    assert {"run", "dataset", "model", "export", *disk.OTHERS} == set(disk_view.KINDS)


def test_the_token_of_the_hub_is_kept_and_removed_and_never_shown(
    monkeypatch: pytest.MonkeyPatch, toasts: list[str]
) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    assert "There is no token" in token_view.token_html(OWNER)
    system.act(Click("keep-token", token="read_canary_token"))
    shown = token_view.token_html(OWNER)
    assert "A token has been stored" in shown
    assert "read_canary" not in shown
    assert token_view.token_html(VISITOR) == ""
    system.act(Click("forget-token"))
    assert hub_token.value() is None
    system.act(Click("keep-token", token="a b"))
    assert any("not a token of the hub" in words for words in toasts)
    monkeypatch.setenv("HF_TOKEN", "hf_environment")
    shown = token_view.token_html(OWNER)
    assert "started with HF_TOKEN" in shown
    assert "keep-token" not in shown


def test_the_log_shows_its_last_lines_by_level_and_not_to_visitors() -> None:
    logs.set_up()
    try:
        logging.getLogger("tunesmith.x").warning("a <b> warning")
        logging.getLogger("tunesmith.x").error("an error")
    finally:
        logs.take_down()
    with logs.file().open("a") as file:
        file.write('{"at": 1, "mess')  # torn by a kill
    shown = log_view.log_html(OWNER)
    assert "a &lt;b&gt; warning" in shown
    assert "an error" in shown
    assert "a &lt;b&gt;" not in log_view.log_html({**OWNER, "level": "error"})
    assert 'href="/api/system/log/download"' in shown
    assert log_view.log_html(VISITOR) == ""


def test_a_gpu_says_what_its_driver_tells_and_nothing_else() -> None:
    told = Card("gpu:0", 87.0, 30_000_000_000, 80_000_000_000, 61.0, 312.4)
    silent = Card("gpu:1", memory_used_bytes=None, memory_bytes=80_000_000_000)
    seen = replace(machine_now.look(), cards=(told, silent), temperatures={"processor": 63.5}, missing=("No power.",))
    shown = machine_view._gauges(seen)
    for words in ("GPU 0", "87 %, 61 °C, 312 W", "30 GB of 80 GB", "Processor temperature", "64 °C", "No power."):
        assert words in shown
    assert "GPU 1" not in shown
    values = {"gpu0_percent": 87.0, "gpu0_memory_bytes": 3e10, "gpu0_temperature": 61.0, "gpu0_watts": 312.4}
    assert machine_now._card("gpu:0", values, {"gpu0_memory_bytes": 8e10}) == told


def test_the_last_hour_is_drawn_with_a_table_and_a_gpu_says_what_it_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(use, "_history", History())
    assert "The first minute is being measured." in use_view.use_html(ANY)
    memory, disk = use.sizes()
    now = time.time()
    silent, busy = Card("gpu:1"), Card("gpu:0", percent=75.0, memory_used_bytes=20 << 30, memory_bytes=80 << 30)
    for at, percent in ((900, 10.0), (450, 90.0), (0, 40.0)):
        use._history._samples.append(Sample(now - at, percent, memory // 2, disk // 4, (busy, silent)))
    drawn = use_view.use_html(ANY)
    assert drawn.count("<svg") == 4
    assert "GPU 1, %" in drawn  # its driver tells nothing: it is named, and has no line
    for words in ("Processor, %", f"Memory, % of {html.size(memory)}", "15 min ago", "0 s ago", "No points yet"):
        assert words in drawn
    series = dict(use_view.charts(use.last_hour()))
    assert [value for _, value in dict(series["GPU 0, %"])["memory"]] == [25.0] * 3
    assert [round(value) for _, value in dict(series[f"Memory, % of {html.size(memory)}"])["in use"]] == [50] * 3
    assert re.search(r'<th scope="row">7 min 30 s ago</th><td>90\.0+</td>', drawn)


def test_a_project_is_deleted_after_its_name_was_typed(toasts: list[str]) -> None:
    project_id = full.project("<b>Support")
    assert "Delete" in system.FRAGMENTS["projects"](OWNER)
    asked = system.FRAGMENTS["projects"]({**OWNER, "delete": project_id})
    assert "1 run, 1 version of a dataset, 1 sweep" in asked
    assert "Delete &lt;b&gt;Support?" in asked
    assert "<b>Support" not in asked
    system.act(Click("delete-project", project_id, name="Support"))
    assert "is not the name" in toasts[0]
    system.act(Click("delete-project", project_id, name="<b>Support"))
    assert set(full.everything(project_id).values()) == {0}
    assert "Support" not in system.FRAGMENTS["projects"]({**OWNER, "delete": project_id})


def test_the_default_project_has_no_link_that_deletes_it() -> None:
    assert "?delete=" not in system.FRAGMENTS["projects"](OWNER)
