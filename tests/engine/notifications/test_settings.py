"""Sinks are set as a whole, their secrets are never shown, and what cannot be sent to is refused in words."""

from typing import Any

import pytest
from pydantic import ValidationError

from engine.errors import ConflictError, NotFoundError, RefusedError
from engine.notifications import secret_file, settings, trying
from engine.notifications.settings import Settings
from tests.engine.notifications.receiver import receiving

MAIL = {
    "name": "mail",
    "service": "email",
    "host": "smtp.example.org",
    "username": "me",
    "password": "very-secret",
    "sender": "me@example.org",
    "recipients": ["you@example.org"],
}


def put(*sinks: dict[str, Any], **more: Any) -> dict[str, str]:
    return settings.change(Settings.model_validate({"sinks": list(sinks), **more}))


def hook(**more: Any) -> dict[str, Any]:
    return {"name": "hook", "service": "webhook", "url": "https://hooks.example.org/T0/very-secret", **more}


def shown() -> list[dict[str, Any]]:
    return list(settings.show()["sinks"])


def test_a_fresh_studio_shows_every_kind_in_the_window_and_sends_nothing() -> None:
    found = settings.show()
    assert len(found["in_app"]) == 7
    assert (found["sinks"], found["allow_private"]) == ([], False)


def test_secrets_are_shown_by_their_names_alone() -> None:
    put(hook(), MAIL)
    assert "very-secret" not in str(settings.show())
    assert [one["state"]["secrets"] for one in shown()] == [["secret", "url"], ["password"]]
    assert shown()[0]["state"]["to"] == "https://hooks.example.org/…"
    assert shown()[1]["state"]["to"] == "you@example.org by smtp.example.org"


def test_what_is_shown_can_be_sent_back_and_keeps_the_secrets() -> None:
    put(hook(), MAIL)
    before, kept = settings.show(), secret_file.read()
    assert settings.change(Settings.model_validate(before)) == {}
    assert settings.show() == before
    assert secret_file.read() == kept


def test_a_signing_secret_is_made_and_told_once() -> None:
    (made,) = put(hook()).items()
    assert made[1].startswith("whsec_")
    assert made[0] == shown()[0]["id"]
    own = {**shown()[0], "secret": "whsec_" + "AAAA" * 8}
    assert put(own) == {}
    assert secret_file.read()[made[0]]["secret"] == own["secret"]


def test_a_sink_that_is_left_out_is_deleted_with_its_secrets() -> None:
    put(hook(), hook(name="other"))
    put(shown()[1])
    assert [one["name"] for one in shown()] == ["other"]
    assert list(secret_file.read()) == [shown()[0]["id"]]


def test_another_service_does_not_inherit_an_address() -> None:
    put(hook())
    with pytest.raises(RefusedError, match="url is missing"):
        put({"id": shown()[0]["id"], "name": "hook", "service": "slack"})


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://169.254.169.254/latest", "link-local"),
        ("http://[::1]/x", "private network"),
        ("http://127.0.0.1/x", "private network"),
        ("http://localhost:8000/x", "private network"),
        ("http://192.168.1.9/x", "private network"),
        ("http://2130706433/x", "plainly"),
        ("ftp://example.org/x", "http:// or https://"),
        ("https://u:p@example.org/x", "user, password"),
        ("https://example.org/a b", "space"),
        ("not an address", "space"),
    ],
)
def test_an_address_that_is_not_allowed_is_refused_and_nothing_is_changed(url: str, words: str) -> None:
    put(hook())
    with pytest.raises(RefusedError, match=words):
        put(hook(url=url), hook(name="new"))
    assert [one["name"] for one in shown()] == ["hook"]


def test_private_addresses_are_allowed_by_the_owner_and_credentials_of_clouds_never() -> None:
    put(hook(url="http://192.168.1.9/x"), allow_private=True)
    with pytest.raises(RefusedError, match="link-local"):
        put(hook(url="http://169.254.169.254/x"), allow_private=True)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"host": None}, "needs host"),
        ({"recipients": []}, "needs host, sender and recipients"),
        ({"recipients": ["a@b.example\nBcc: c@d.example"]}, "not a mail address"),
        ({"sender": "me"}, "not a mail address"),
        ({"security": "none"}, "without encryption"),
        ({"password": None}, "password_env"),
        ({"password_env": "A B"}, "environment variable"),
        ({"host": "127.0.0.1"}, "private network"),
        ({"url": "https://example.org"}, "has no url"),
    ],
)
def test_mail_that_cannot_be_sent_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(RefusedError, match=words):
        put(MAIL | changes)


def test_other_mistakes_are_refused_too() -> None:
    for wrong in ({"secret": "whsec_short"}, {"token": "x"}, {"name": " "}):
        with pytest.raises(RefusedError):
            put(hook(**wrong))
    with pytest.raises(NotFoundError, match="no sink `gone`"):
        put(hook(id="gone"))
    with pytest.raises(RefusedError, match="end in the topic"):
        put({"name": "n", "service": "ntfy", "url": "https://ntfy.sh"})
    bodies: list[dict[str, Any]] = [{"sinks": [hook()] * 21}, {"sinks": [hook(kinds=["x"])]}, {"nope": 1}]
    for body in [*bodies, {"in_app": ["sometimes"]}]:
        with pytest.raises(ValidationError):
            Settings.model_validate(body)
    with pytest.raises(RefusedError, match="address of the studio"):
        settings.change(Settings(address="studio"))
    assert shown() == []


def test_a_test_message_says_what_each_sink_answered_and_is_in_the_log() -> None:
    with receiving() as good, receiving() as bad:
        bad.answers = [(403, {})]
        put(hook(url=good.url), hook(name="bad", url=bad.url), allow_private=True)
        tried = trying.try_sinks()
        assert [(one.name, one.ok, one.outcome) for one in tried] == [
            ("hook", True, "It answered 200."),
            ("bad", False, "It answered 403: ok"),
        ]
        assert good.bodies[0]["type"] == "test"
        assert [one["state"]["last"] for one in shown()] == ["sent", "failed"]
        assert len(trying.try_sinks(shown()[0]["id"])) == 1
    with pytest.raises(NotFoundError):
        trying.try_sinks("gone")
    put()
    with pytest.raises(ConflictError, match="nowhere"):
        trying.try_sinks()
