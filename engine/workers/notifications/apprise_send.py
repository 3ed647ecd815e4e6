"""Sends one message by apprise: `python -m engine.workers.notifications.apprise_send` with a task on its input.

The task is JSON: url, title, body, only_public; the answer, one line of JSON: ok, words, again. apprise and the library
behind it open connections of their own, so an audit hook looks at the address of every one before it is made: the
same rule as for everything else that leaves. Redirects are not followed, proxies are not used.
"""

import json
import logging
import socket
import sys
from importlib import import_module
from typing import Any

from engine.serve import outside

INTERNET = (socket.AF_INET, socket.AF_INET6)
MOST_WORDS = 200


class _Refusals:
    """Which addresses were refused, so that the answer can say so."""

    def __init__(self, only_public: bool) -> None:
        self._only_public = only_public
        self.words: list[str] = []

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event not in ("socket.connect", "socket.sendto", "socket.sendmsg"):
            return
        address = arguments[1]
        if int(arguments[0].family) not in INTERNET or not address:
            return
        try:
            outside.refuse(str(address[0]), self._only_public)
        except (outside.AddressRefusedError, ValueError) as error:
            self.words.append(str(error))
            raise


class _Said(logging.Handler):
    """The last warning or error of apprise: its own answer is only whether it went well."""

    words = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.words = record.getMessage()


def send(task: dict[str, Any]) -> dict[str, Any]:
    """What became of it: ok, words, again."""
    apprise: Any = import_module("apprise")
    session: Any = import_module("requests").Session
    session.get_redirect_target = lambda _self, _response: None
    session.trust_env = False
    said, refusals = _Said(logging.WARNING), _Refusals(bool(task["only_public"]))
    logging.getLogger("apprise").addHandler(said)
    sys.addaudithook(refusals.hook)
    service = apprise.Apprise()
    if not service.add(str(task["url"])):
        return {"ok": False, "words": "apprise does not know this url.", "again": False}
    ok = bool(service.notify(body=str(task["body"]), title=str(task["title"]), body_format="text"))
    if refusals.words and not ok:
        return {"ok": False, "words": f"Refused: {refusals.words[0]}."[:MOST_WORDS], "again": False}
    words = "apprise sent it." if ok else f"apprise could not send it. {said.words}".strip()
    return {"ok": ok, "words": words[:MOST_WORDS], "again": not ok}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(send(json.load(sys.stdin))))
