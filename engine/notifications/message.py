"""What is sent of a notification, whatever takes it. Names of runs are other people's text: one plain line."""

import unicodedata
from dataclasses import dataclass
from typing import Any

MOST_TITLE, MOST_TEXT = 200, 1500


@dataclass(frozen=True)
class Message:
    """A notification on its way out. `url` leads to the run in the studio; "" where the studio's address is not set."""

    id: str
    kind: str
    title: str
    text: str
    at: float
    run_id: str | None = None
    run_name: str | None = None
    url: str = ""


def line(text: str, most: int = MOST_TITLE) -> str:
    """One line without control characters, signs that turn the direction of writing, and halves of signs."""
    return " ".join(_shown(text).split())[:most]


def paragraph(text: str, most: int = MOST_TEXT) -> str:
    """The same in several lines."""
    return "\n".join(filter(None, (" ".join(_shown(part).split()) for part in text.splitlines())))[:most]


def _shown(text: str) -> str:
    return "".join(" " if unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Zl", "Zp") else letter for letter in text)


def as_json(message: Message, timestamp: str) -> dict[str, Any]:
    """The plain JSON of a webhook: `type`, `timestamp` and `data`, as Standard Webhooks asks."""
    run = None if message.run_id is None else {"id": message.run_id, "name": message.run_name}
    return {
        "type": "test" if message.kind == "test" else f"tunesmith.{message.kind}",
        "timestamp": timestamp,
        "data": {
            "kind": message.kind,
            "title": message.title,
            "text": message.text,
            "run": run,
            "url": message.url or None,
        },
    }
