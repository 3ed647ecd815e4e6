"""The section of the System page: places added, tried, changed, deleted; secrets shown to nobody."""

from collections.abc import Iterator
from typing import Any

import pytest

from engine.notifications import settings
from engine.notifications.settings import Settings
from pages.notifications import section
from pages.notifications.sinks_view import sinks_html
from tests.engine.notifications.receiver import Receiver, receiving
from tests.pages.clicks import Click

OWNER = {"project": "default", "role": "owner"}
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


def click(act_name: str, id: str = "", /, **values: str) -> Any:
    return section.act(Click(act_name, id, **values))


def only_sink() -> dict[str, Any]:
    (sink,) = settings.show()["sinks"]
    return dict(sink)


def test_a_webhook_is_added_its_secret_shown_once_and_tried(receiver: Receiver, toasts: list[str]) -> None:
    settings.change(Settings(allow_private=True))
    shown = click("add", "new", service="webhook", name=HOSTILE, url=receiver.url)
    assert shown["value"].startswith("whsec_")
    listed = sinks_html(OWNER)
    assert shown["value"] not in listed
    assert "a-secret" not in listed
    assert "<img" not in listed
    click("test", only_sink()["id"])
    assert toasts[-1].endswith(": It answered 200.")
    receiver.answers = [(500, {})]
    click("test", only_sink()["id"])
    assert "500" in toasts[-1]
    assert "The last messages" in sinks_html(OWNER)


def test_what_a_place_is_told_is_changed_and_it_is_turned_off_and_deleted() -> None:
    click("add", "new", service="slack", name="team", url="https://hooks.slack.example/T0/B0")
    sink_id = only_sink()["id"]
    click("kinds", sink_id, **{"kind-failed": "on", "kind-stuck": "on"})
    assert only_sink()["kinds"] == ["failed", "stuck"]
    assert "failed, stuck" in sinks_html(OWNER)
    click("switch", sink_id)
    assert only_sink()["enabled"] is False
    click("switch", sink_id)
    assert only_sink()["enabled"] is True
    assert only_sink()["state"]["secrets"] == ["url"]
    click("delete", sink_id)
    assert settings.show()["sinks"] == []


def test_mail_is_added_with_its_fields() -> None:
    fields = {"host": "smtp.example.org", "username": "me", "password": "very-secret", "sender": "me@example.org"}
    click("add", "new", service="email", recipients="a@b.example, c@d.example", port="2525", url="", **fields)
    sink = only_sink()
    assert (sink["name"], sink["port"], sink["recipients"]) == ("E-mail", 2525, ["a@b.example", "c@d.example"])
    assert "very-secret" not in sinks_html(OWNER)
    assert "a@b.example and 1 more by smtp.example.org" in sinks_html(OWNER)


def test_what_is_refused_is_a_toast_and_changes_nothing(toasts: list[str]) -> None:
    click("add", "new", service="webhook", name="x", url="http://169.254.169.254/")
    click("add", "new", service="email", name="x", port="many", host="a.example")
    click("add", "new", service="pigeon")
    click("switch", "gone")
    click("test", "gone")
    click("general", "general", disk_low_gb="much")
    assert len(toasts) == 6
    assert "link-local" in toasts[0]
    assert settings.show()["sinks"] == []


def test_what_holds_for_all_is_saved(toasts: list[str]) -> None:
    boxes = {"in_app-failed": "on", "browser-failed": "on", "allow_private": "on"}
    click("general", "general", address="https://studio.example/", disk_low_gb="2.5", **boxes)
    found = settings.show()
    assert (found["in_app"], found["browser"], found["allow_private"]) == (["failed"], ["failed"], True)
    assert (found["address"], found["disk_low_gb"]) == ("https://studio.example", 2.5)
    assert 'value="https://studio.example"' in sinks_html(OWNER)


def test_visitors_do_not_see_where_messages_go() -> None:
    click("add", "new", service="slack", name="team", url="https://hooks.slack.example/T0/B0")
    shown = sinks_html({"project": "default", "role": "viewer"})
    assert "team" not in shown
    assert "slack" not in shown
