"""The System page: keys, and who holds the machine."""

from typing import Any

import gradio as gr

from engine.accounts import keys
from pages.system import page as system
from storage import db
from storage.tables import Dataset, Lease, Model, Run

ANY: dict[str, str] = {"project": "default"}


class Click:
    def __init__(self, name: str, id: str) -> None:
        self.name, self.id = name, id


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
    assert "The next training starts at once" in system.machine_html(ANY)
    with db.session() as session:
        session.add(Model(id="m1", source="path", source_id="x", name="m"))
        session.add(Dataset(id="d1", project_id="default", name="d"))
        session.flush()
        row: dict[str, Any] = {"id": "r1", "name": "my & run", "model_id": "m1", "dataset_id": "d1"}
        session.add(Run(project_id="default", recipe={}, **row))
        session.add(Lease(holder_id="r1", holder_kind="run", device="cpu"))
        session.add(Lease(holder_id="b1", holder_kind="backend", device="cpu", exclusive=False))
    shown = system.machine_html(ANY)
    assert "my &amp; run" in shown
    assert "/runs?run=r1" in shown
    assert "answers, sharing the device" in shown
    assert "transformers" in shown
