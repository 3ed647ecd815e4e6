"""Notifications by e-mail: plain text by SMTP, encrypted where there is a password, to checked addresses."""

import smtplib
import socket
import ssl
from email.message import EmailMessage
from email.utils import formatdate
from typing import Any, Literal

from engine.notifications.message import Message
from engine.notifications.posting import NUMBER, Outcome, is_refusal
from engine.serve import outside
from engine.serve.outsiders.words import plain

Security = Literal["starttls", "tls", "none"]

SECONDS = 10.0  # for each word of the server
PORTS: dict[str, int] = {"starttls": 587, "tls": 465, "none": 25}
CALLED = "[127.0.0.1]"  # to the server; a name would be looked up, and would tell this machine's
OURS = "tunesmith.invalid"  # the right side of our message ids; RFC 2606 keeps it free


def send(message: Message, options: dict[str, Any], password: str, allow_private: bool) -> Outcome:
    """Sends one mail. `options`: host, port, security, username, sender, recipients. Raises nothing of the network."""
    try:
        with _connected(options, allow_private) as server:
            if options.get("username"):
                server.login(str(options["username"]), password)
            refused = server.send_message(_mail(message, options))
    except smtplib.SMTPResponseException as error:
        return Outcome(False, f"It answered {error.smtp_code}: {_said(error.smtp_error)}", again=error.smtp_code < 500)
    except smtplib.SMTPRecipientsRefused as error:
        return Outcome(False, f"It refused every recipient: {plain(', '.join(error.recipients))}")
    except smtplib.SMTPNotSupportedError as error:
        return Outcome(False, f"It cannot do what is asked: {plain(str(error))}")
    except (smtplib.SMTPException, OSError, UnicodeError) as error:
        return Outcome(False, _words(error), again=not is_refusal(error))
    return Outcome(True, f"It took it, but refused {plain(', '.join(refused))}." if refused else "It took the mail.")


def _mail(message: Message, options: dict[str, Any]) -> EmailMessage:
    mail = EmailMessage()
    mail["Subject"] = message.title
    mail["From"] = str(options["sender"])
    mail["To"] = ", ".join(options["recipients"])
    mail["Date"] = formatdate(message.at)
    mail["Message-ID"] = f"<{message.id}@{OURS}>"  # the same at every try
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content("\n\n".join(filter(None, (message.text or message.title, message.url))))
    return mail


class _Plain(smtplib.SMTP):
    """Connects to checked addresses only."""

    def __init__(self, host: str, port: int, only_public: bool) -> None:
        self._only_public = only_public
        super().__init__(host, port, CALLED, SECONDS)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return outside.connect(host, port, timeout, self._only_public)


class _Encrypted(smtplib.SMTP_SSL):
    """The same, encrypted from the first word on."""

    def __init__(self, host: str, port: int, only_public: bool) -> None:
        self._only_public = only_public
        super().__init__(host, port, CALLED, timeout=SECONDS, context=outside.certificates())

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        opened = outside.connect(host, port, timeout, self._only_public)
        return outside.certificates().wrap_socket(opened, server_hostname=host)


def _connected(options: dict[str, Any], allow_private: bool) -> smtplib.SMTP:
    host, security = str(options["host"]), str(options["security"])
    port = int(options.get("port") or PORTS[security])
    if security == "tls":
        return _Encrypted(host, port, not allow_private)
    server = _Plain(host, port, not allow_private)
    if security == "starttls":
        try:
            server.starttls(context=outside.certificates())
        except BaseException:
            server.close()
            raise
    return server


def _said(words: bytes | str) -> str:
    return plain(words.decode("utf-8", "replace") if isinstance(words, bytes) else words)


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "It took too long to answer."
    if isinstance(error, ssl.SSLError):
        return f"No encrypted connection: {plain(str(error))}"
    said = NUMBER.sub("", plain(str(error)))
    return f"It cannot be reached: {said}" if isinstance(error, OSError) else said
