"""Mail by SMTP: what arrives, that a password only goes over an encrypted line, and what is said when it does not."""

import shutil
from collections.abc import Iterator
from email import message_from_string
from pathlib import Path
from typing import Any

import pytest

from engine.notifications import mail, sending
from engine.notifications.posting import Outcome
from engine.serve import outside
from storage.tables import NotificationSink
from tests.conftest import needs
from tests.engine.notifications.mail_server import MailServer, mail_server, make_certificate
from tests.engine.notifications.test_shapes import message


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def believed(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The certificate is one that https servers are believed by."""
    outside.certificates.cache_clear()
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    outside.certificates()
    yield certificate
    outside.certificates.cache_clear()


def send(server: MailServer, title: str = "jokes has finished", password: str = "pw", **more: Any) -> Outcome:
    options = {
        "host": "localhost",
        "port": server.port,
        "sender": "me@here.example",
        "recipients": ["you@there.example"],
    }
    return mail.send(message(title), options | more, password, allow_private=True)


def test_a_mail_is_plain_text_and_has_the_same_id_at_every_try() -> None:
    with mail_server("none") as server:
        assert send(server, "jokes <b>ü</b> has finished", security="none") == Outcome(True, "It took the mail.")
        assert send(server, security="none").ok
    first, second = map(message_from_string, server.mails)
    assert first.get_content_type() == "text/plain"
    assert first["message-id"] == second["message-id"] == "<msg_1@tunesmith.invalid>"
    assert (first["from"], first["to"]) == ("me@here.example", "you@there.example")
    assert "https://studio.example/runs?run=abc" in server.mails[0]
    assert server.logins == []


@needs(shutil.which("openssl"), "openssl")
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_password_goes_over_an_encrypted_line(security: Any, believed: Path) -> None:
    with mail_server(security, believed) as server:
        assert send(server, security=security, username="me").ok
        assert server.logins == ["\0me\0pw"]
        outcome = send(server, security=security, username="me", password="wrong")
        assert (outcome.ok, outcome.again, outcome.words) == (False, False, "It answered 535: wrong password")


@needs(shutil.which("openssl"), "openssl")
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_server_whose_certificate_nobody_vouches_for_gets_no_password(security: Any, certificate: Path) -> None:
    with mail_server(security, certificate) as server:
        outcome = send(server, security=security, username="me")
    assert not outcome.ok
    assert "No encrypted connection" in outcome.words
    assert (server.logins, server.mails) == ([], [])


def test_a_server_without_starttls_gets_no_password() -> None:
    with mail_server("none") as server:
        outcome = send(server, security="starttls", username="me")
    assert (outcome.ok, server.logins) == (False, [])
    assert "STARTTLS" in outcome.words


@pytest.mark.parametrize(("refuse", "again"), [(b"451 later", True), (b"550 never", False)])
def test_what_the_server_says_decides_whether_it_is_tried_again(refuse: bytes, again: bool) -> None:
    with mail_server("none") as server:
        server.refuse = refuse
        outcome = send(server, security="none")
    assert (outcome.ok, outcome.again) == (False, again)
    assert outcome.words == f"It answered {refuse[:3].decode()}: {refuse[4:].decode()}"


def test_a_password_of_the_environment_is_read_when_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"host": "localhost", "port": 9, "security": "starttls", "username": "me", "password_env": "MAIL_PW"}
    sink = NotificationSink(name="m", service="email", options=options | {"sender": "a@b.c", "recipients": ["d@e.f"]})
    assert "MAIL_PW is not set" in sending.send(sink, {}, message(), True).words
    monkeypatch.setenv("MAIL_PW", "pw")
    assert "cannot be reached" in sending.send(sink, {}, message(), True).words
