"""The bell: its counter, what stands behind it, and that names of runs are text."""

import pytest

from engine.notifications import announce, settings
from engine.notifications.settings import Settings
from pages.notifications import bell
from tests.pages.clicks import Click

HOSTILE = "<img src=x onerror=alert(1)>${alert(2)}"
OWNER = {"project": "default", "role": "owner"}


def click(id: str) -> None:
    bell.act(Click("read", id))


def test_without_notifications_it_says_what_will_be_there() -> None:
    shown = bell.bell_html(OWNER)
    assert "none unread" in shown
    assert "nt-count" not in shown


def test_it_counts_the_unread_and_leads_to_the_run() -> None:
    announce("failed", "abc", "one has failed", "Out of memory.")
    announce("disk_low", None, "Only 1 GB is free")
    shown = bell.bell_html(OWNER)
    assert '<b class="nt-count">2</b>' in shown
    assert '<a class="ts-link" href="/runs?run=abc">one has failed</a>' in shown
    assert shown.index("Only 1 GB") < shown.index("one has failed")


def test_one_or_all_are_marked_as_read() -> None:
    for title in ("one", "two", "three"):
        announce("finished", None, title)
    click("2")
    assert '<b class="nt-count">2</b>' in bell.bell_html(OWNER)
    click("0")
    assert "none unread" in bell.bell_html(OWNER)
    assert "data-unread" not in bell.bell_html(OWNER)


def test_only_what_the_browser_shall_say_is_marked_so() -> None:
    settings.change(Settings(browser=["failed"]))
    announce("failed", None, "one")
    announce("finished", None, "two")
    assert bell.bell_html(OWNER).count("data-browser") == 1


def test_hostile_names_are_text() -> None:
    announce("failed", "abc", HOSTILE, HOSTILE)
    shown = bell.bell_html(OWNER)
    assert "<img" not in shown
    assert "&lt;img" in shown


def test_many_are_not_counted_to_the_last() -> None:
    for number in range(101):
        announce("finished", None, f"run {number}")
    shown = bell.bell_html(OWNER)
    assert "99+" in shown
    assert shown.count("<li ") == bell.ROWS


def test_visitors_look_and_change_nothing() -> None:
    announce("failed", "abc", "one")
    shown = bell.bell_html({"project": "default", "role": "viewer"})
    assert "one" in shown
    assert "data-act" not in shown
    assert "/system" not in shown


@pytest.mark.parametrize("id", ["", "x", "999", "-1"])
def test_an_id_that_is_none_breaks_nothing(id: str) -> None:
    announce("failed", "abc", "one")
    click(id)
