"""The services that only apprise knows, through its own library: an extra, in a process of its own.

The library opens its own connections, so `engine.workers.notifications.apprise_send` holds every one of them to the
rule of engine.serve.outside, as the process is about to connect. It reads what to do from its input, as an apprise URL
is a secret.
"""

import sys
from importlib.util import find_spec

import orjson

from engine.errors import RefusedError
from engine.notifications.message import Message
from engine.notifications.posting import Outcome
from engine.process import process

PROGRAM = "engine.workers.notifications.apprise_send"
SECONDS = 30.0
INSTALL = "pip install 'tunesmith[apprise]'"


def refuse_missing() -> None:
    """Raises RefusedError when the library is not installed."""
    if find_spec("apprise") is None:
        raise RefusedError("Service apprise needs the package apprise, which is not installed.", INSTALL)


def send(message: Message, url: str, allow_private: bool) -> Outcome:
    """Sends one message. Raises nothing that the network or the service can cause."""
    if find_spec("apprise") is None:
        return Outcome(False, f"The package apprise is not installed: {INSTALL}.")
    task = {"url": url, "title": message.title, "body": _body(message), "only_public": not allow_private}
    said = process.conversed([sys.executable, "-m", PROGRAM], orjson.dumps(task).decode(), SECONDS)
    try:
        answer = orjson.loads(said or "")
        return Outcome(bool(answer["ok"]), str(answer["words"]), again=bool(answer["again"]))
    except (ValueError, KeyError, TypeError):
        return Outcome(False, "apprise ended without an answer, or took too long.", again=True)


def _body(message: Message) -> str:
    return "\n\n".join(filter(None, (message.text or message.title, message.url)))
