"""The JSON that each service takes. Pure: a message in, a body out.

Whatever a run is called stays text: nobody is mentioned by it, and it marks up nothing. Slack: & < > are escaped, as
its guide says (docs.slack.dev, "Formatting message text"). Discord: marks are escaped, and `allowed_mentions` is empty.
Teams: runs of a RichTextBlock know no Markdown. ntfy: Markdown is off unless asked for.
"""

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from engine.notifications import kinds
from engine.notifications.message import Message, as_json

LABEL = "Open the run"
RED, GREEN = 0xC0392B, 0x1D8A9F
HIGH, NORMAL = 4, 3  # ntfy's priorities
_DISCORD_MARKS = re.compile(r"([\\`*_~|>#\[\]()<:-])")


def webhook(message: Message) -> dict[str, Any]:
    """Our own JSON."""
    return as_json(message, datetime.fromtimestamp(message.at, UTC).isoformat().replace("+00:00", "Z"))


def slack(message: Message) -> dict[str, Any]:
    """For an incoming webhook: blocks of plain text, and the same in `text` for the notification."""
    title, text = _slack(message.title), _slack(message.text)
    blocks: list[dict[str, Any]] = [{"type": "header", "text": _slack_plain(title[:150])}]
    if text:
        blocks.append({"type": "section", "text": _slack_plain(text[:2900])})
    if message.url:
        button = {"type": "button", "text": _slack_plain(LABEL), "url": message.url}
        blocks.append({"type": "actions", "elements": [button]})
    return {"text": f"{title}\n{text}".strip(), "mrkdwn": False, "parse": "none", "link_names": False, "blocks": blocks}


def _slack_plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _slack(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def discord(message: Message) -> dict[str, Any]:
    """For a channel's webhook: one embed, and nobody may be mentioned."""
    embed: dict[str, Any] = {"title": _discord(message.title)[:256], "color": RED if _is_bad(message) else GREEN}
    if message.text:
        embed["description"] = _discord(message.text)[:4000]
    if message.url:
        embed["url"] = message.url
    return {"embeds": [embed], "allowed_mentions": {"parse": []}}


def _discord(text: str) -> str:
    """With a sign of no width behind each @, as Discord's own libraries do it."""
    return _DISCORD_MARKS.sub(r"\\\1", text).replace("@", "@\u200b")


def teams(message: Message) -> dict[str, Any]:
    """For a workflow "when a Teams webhook request is received": a message with one Adaptive Card 1.4."""
    body = [_teams_block(message.title, weight="Bolder", size="Medium")]
    body += [_teams_block(part) for part in message.text.splitlines()]
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    }
    if message.url:
        card["actions"] = [{"type": "Action.OpenUrl", "title": LABEL, "url": message.url}]
    content_type = "application/vnd.microsoft.card.adaptive"
    return {
        "type": "message",
        "attachments": [{"contentType": content_type, "contentUrl": None, "content": card}],
    }


def _teams_block(text: str, **look: str) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **look}]}


def ntfy(message: Message, topic: str) -> dict[str, Any]:
    """For the root of an ntfy server, which takes the topic in the body."""
    body: dict[str, Any] = {
        "topic": topic,
        "title": message.title,
        "message": message.text or message.title,
        "priority": HIGH if _is_bad(message) else NORMAL,
        "tags": ["warning" if _is_bad(message) else "white_check_mark"],
    }
    return body | ({"click": message.url} if message.url else {})


def ntfy_place(url: str) -> tuple[str, str]:
    """The server's root and the topic of an address such as https://ntfy.sh/TOPIC. Raises ValueError."""
    parts = urlsplit(url)
    root, _, topic = parts.path.rstrip("/").rpartition("/")
    if not re.fullmatch(r"[-_A-Za-z0-9]{1,64}", topic):
        raise ValueError("must end in the topic: letters, digits, - and _, as in https://ntfy.sh/my-runs")
    return urlunsplit((parts.scheme, parts.netloc, f"{root}/", "", "")), topic


def run_address(address: str, run_id: str | None) -> str:
    """Where the studio shows a run; "" where its address is not known."""
    if not address:
        return ""
    return f"{address}/runs?run={quote(run_id)}" if run_id else f"{address}/system"


def _is_bad(message: Message) -> bool:
    return message.kind in kinds.BAD
