"""`tunesmith serve`: from settings to a running server. Binds first, so that a taken port is known within a moment."""

import contextlib
import errno
import logging
import os
import secrets
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from fastapi import FastAPI

from app import collector
from app.door.access import Access, is_loopback
from app.patience import PatientProtocol
from engine.errors import ConflictError, TunesmithError
from storage import db
from storage.settings import settings

logger = logging.getLogger("tunesmith.app")

GRACE_SECONDS = 3
PORTS_TO_TRY = 20


@dataclass(frozen=True)
class Options:
    """What the command line decides; the rest is in the settings."""

    host: str
    port: int
    share: bool = False
    browser: bool = True


def serve(options: Options, say: Callable[[str], None]) -> None:
    """Runs the studio until it is stopped. Raises TunesmithError when it may not or cannot start."""
    access = Access.from_settings(settings(), options.host, options.port, options.share)
    listening = bind(options.host, options.port)
    access = access.at(listening.getsockname()[1])
    from_tunnel = bind("127.0.0.1", 0) if options.share else None
    db.prepare()  # here, where a damaged database or a full disk is said in a sentence
    collector.pause()  # until it answers
    app = import_module("app.server").create_app(access)
    server = _Server(app, lambda: _announce(app, access, options, from_tunnel, say))
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises it again after it has shut down in order
        server.run(sockets=[bound for bound in (listening, from_tunnel) if bound])
    if not server.started:
        raise TunesmithError("The studio could not start.", "The lines above, and its log, say why.")


def bind(host: str, port: int) -> socket.socket:
    """A listening socket. Raises ConflictError that names a free port when this one is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Only a socket that says TCP gets TCP_NODELAY from asyncio; without it every kept-alive answer waits 40 ms.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(2048)
    except OSError as error:
        listening.close()
        raise _cannot_bind(error, host, port) from error
    return listening


def address(access: Access, host: str) -> str:
    """What to open in a browser, with the token when nothing else opens the door."""
    shown_host = "127.0.0.1" if host in ("0.0.0.0", "::") else host
    shown_host = f"[{shown_host}]" if ":" in shown_host else shown_host
    return f"http://{shown_host}:{access.port}/" + ("" if access.password else f"?token={access.token}")


class _Server(uvicorn.Server):
    """uvicorn, and a word when it answers."""

    def __init__(self, app: FastAPI, when_started: Callable[[], None]) -> None:
        config: dict[str, Any] = {"log_config": None, "access_log": False, "proxy_headers": False}
        config |= {"http": PatientProtocol, "server_header": False, "timeout_graceful_shutdown": GRACE_SECONDS}
        super().__init__(uvicorn.Config(app, **config))
        self._when_started = when_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        collector.resume()
        if self.started:
            self._when_started()


def _announce(
    app: FastAPI, access: Access, options: Options, from_tunnel: socket.socket | None, say: Callable[[str], None]
) -> None:
    url = address(access, options.host)
    say(f"Tunesmith is at {url}")
    say("Press Ctrl+C to stop it; running trainings continue.")
    if options.browser and is_loopback(options.host) and _has_screen():
        browser_address = f"http://127.0.0.1:{access.port}/?token={access.token}"
        threading.Thread(target=webbrowser.open, args=(browser_address,), daemon=True).start()
    if from_tunnel is not None:
        port = from_tunnel.getsockname()[1]
        app.state.access = access.shared(port, "")  # from now on, what comes in there is a visitor's
        threading.Thread(target=_share, args=(app, access, port, say), daemon=True).start()


def _has_screen() -> bool:
    """Without one `webbrowser` would open a text browser in this very terminal."""
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _share(app: FastAPI, access: Access, port: int, say: Callable[[str], None]) -> None:
    """Opens Gradio's tunnel to a port of its own: the socket tells its visitors from everybody else."""
    networking = import_module("gradio.networking")
    tunnel_failed: tuple[type[Exception], ...] = (OSError, RuntimeError, ValueError)
    try:
        url = str(networking.setup_tunnel("127.0.0.1", port, secrets.token_urlsafe(32), None, None))
    except tunnel_failed as error:
        logger.warning("no share link: %s", error)
        say(f"There is no share link: {error} The studio runs without it.")
        return
    app.state.access = access.shared(port, urlsplit(url).hostname or "")
    say(f"Read-only share link, behind the password, for as long as the studio runs: {url}")


def _cannot_bind(error: OSError, host: str, port: int) -> TunesmithError:
    if error.errno == errno.EADDRINUSE:
        free_port = next(
            (candidate for candidate in range(port + 1, port + PORTS_TO_TRY) if _is_free(host, candidate)), 0
        )
        return ConflictError(
            f"Port {port} is taken, perhaps by a studio that runs already.",
            f"Open that one, or start with --port {free_port}.",
        )
    return TunesmithError(f"Cannot listen on {host}:{port}: {error.strerror}.", "Choose another --host or --port.")


def _is_free(host: str, port: int) -> bool:
    if port > 65535:
        return False
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as trial:
        return trial.connect_ex((host if host not in ("0.0.0.0", "::") else "localhost", port)) != 0
