"""A mail server that keeps what it gets, with STARTTLS or TLS by a certificate of its own."""

import base64
import contextlib
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Security = Literal["none", "starttls", "tls"]


@dataclass
class MailServer:
    security: Security
    context: ssl.SSLContext
    port: int = 0
    logins: list[str] = field(default_factory=list)  # user and password, as AUTH PLAIN has them
    mails: list[str] = field(default_factory=list)
    refuse: bytes = b""  # what it answers to MAIL instead of 250


def make_certificate(folder: Path) -> Path:
    """Certificate and key of localhost in one file."""
    file, public = folder / "server.pem", folder / "public.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(file)]
    subprocess.run(
        ["openssl", "req", "-x509", *key, "-days", "2", *subject, "-out", str(public)], check=True, capture_output=True
    )
    file.write_text(file.read_text() + public.read_text())
    return file


class Conversation(socketserver.StreamRequestHandler):
    """One client; each word of the protocol is a method."""

    kept: MailServer

    def handle(self) -> None:
        with contextlib.suppress(OSError):  # the client does not believe the certificate
            if self.kept.security == "tls":
                self.encrypt()
            self.say(b"220 hello")
            while (line := self.rfile.readline().strip()) and line.upper() != b"QUIT":
                word = line.split(b" ")[0].split(b":")[0].decode().lower()
                getattr(self, word, self.fine)(line)
            self.say(b"221 bye")

    def encrypt(self) -> None:
        encrypted: Any = self.kept.context.wrap_socket(self.connection, server_side=True)
        self.connection, self.rfile, self.wfile = encrypted, encrypted.makefile("rb"), encrypted.makefile("wb", 0)

    def say(self, line: bytes) -> None:
        self.wfile.write(line + b"\r\n")

    def fine(self, _line: bytes) -> None:
        self.say(b"250 fine")

    def ehlo(self, _line: bytes) -> None:
        self.say(b"250-hello")
        if self.kept.security == "starttls":
            self.say(b"250-STARTTLS")
        self.say(b"250 AUTH PLAIN")

    def starttls(self, _line: bytes) -> None:
        self.say(b"220 go on")
        self.encrypt()

    def auth(self, line: bytes) -> None:
        self.kept.logins.append(base64.b64decode(line.split(b" ")[2]).decode())
        self.say(b"535 wrong password" if self.kept.logins[-1].endswith("wrong") else b"235 welcome")

    def mail(self, _line: bytes) -> None:
        self.say(self.kept.refuse or b"250 fine")

    def data(self, _line: bytes) -> None:
        self.say(b"354 go on")
        mail = b""
        while (part := self.rfile.readline()) != b".\r\n":
            mail += part
        self.kept.mails.append(mail.decode())
        self.say(b"250 taken")


@contextmanager
def mail_server(security: Security, certificate: Path | None = None) -> Iterator[MailServer]:
    server_kept = MailServer(security, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    if certificate:
        server_kept.context.load_cert_chain(certificate)

    class Talk(Conversation):
        kept = server_kept

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Talk) as server:
        server.daemon_threads = True
        server_kept.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server_kept
        finally:
            server.shutdown()
            thread.join()
