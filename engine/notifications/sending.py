"""One message to one sink, whatever service it is. Takes up to half a minute: never in a transaction or on the loop."""

import os
import time
from collections.abc import Callable, Mapping

import orjson

from engine.notifications import mail, others, shapes, signing
from engine.notifications.message import Message
from engine.notifications.posting import Outcome, post
from storage.tables import NotificationSink

SHAPES: dict[str, Callable[[Message], object]] = {
    "webhook": shapes.webhook,
    "slack": shapes.slack,
    "discord": shapes.discord,
    "teams": shapes.teams,
}


def send(sink: NotificationSink, secrets: Mapping[str, str], message: Message, allow_private: bool) -> Outcome:
    """Sends it. Raises nothing that the network or the receiver can cause."""
    match sink.service:
        case "email":
            return _mail(sink, secrets, message, allow_private)
        case "apprise":
            return others.send(message, secrets.get("url", ""), allow_private)
        case "ntfy":
            return _ntfy(secrets, message, allow_private)
        case _:
            return _post(sink, secrets, message, allow_private)


def _post(sink: NotificationSink, secrets: Mapping[str, str], message: Message, allow_private: bool) -> Outcome:
    body = orjson.dumps(SHAPES[sink.service](message))
    headers = {}
    if sink.service == "webhook":
        headers = signing.headers(secrets.get("secret", ""), message.id, int(time.time()), body)
    return post(secrets.get("url", ""), body, headers, allow_private)


def _ntfy(secrets: Mapping[str, str], message: Message, allow_private: bool) -> Outcome:
    root, topic = shapes.ntfy_place(secrets.get("url", ""))
    token = secrets.get("token")
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return post(root, orjson.dumps(shapes.ntfy(message, topic)), headers, allow_private)


def _mail(sink: NotificationSink, secrets: Mapping[str, str], message: Message, allow_private: bool) -> Outcome:
    variable = sink.options.get("password_env")
    password = os.environ.get(str(variable)) if variable else secrets.get("password", "")
    if password is None:
        return Outcome(False, f"The environment variable {variable} is not set.")
    return mail.send(message, sink.options, password, allow_private)
