"""What each service gets: its own shape, the run's name as text, and a signature that others can check."""

import base64
import hashlib
import hmac
import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.notifications import shapes, signing
from engine.notifications.message import Message, line, paragraph

EVIL = "<!channel> @everyone <@1> [x](http://evil.example) *b* `c` <b>&amp;</b> |x| ~~y~~ _z_ #h"


def message(title: str = "jokes has finished", **changes: Any) -> Message:
    told: dict[str, Any] = {
        "id": "msg_1",
        "kind": "finished",
        "title": title,
        "text": "100 steps, loss 0.5.",
        "at": 1_795_382_400.0,
    }
    told |= {"at": 1_795_382_400.0, "run_id": "abc", "run_name": "jokes", "url": "https://studio.example/runs?run=abc"}
    return Message(**(told | changes))


def test_a_call_is_signed_as_the_standards_own_example_is() -> None:
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    assert signing.headers(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_new_secret_signs_and_each_is_another() -> None:
    first, second = signing.new_secret(), signing.new_secret()
    assert first != second
    signature = signing.headers(first, "m", 5, b"{}")["webhook-signature"]
    key = base64.b64decode(first.removeprefix("whsec_"))
    assert signature == "v1," + base64.b64encode(hmac.new(key, b"m.5.{}", hashlib.sha256).digest()).decode()


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_???", "c2VjcmV0" * 8, "whsec_" + "A" * 200])
def test_what_cannot_sign_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match="must be whsec_"):
        signing.key_of(secret)


def test_the_plain_json_has_type_timestamp_and_data() -> None:
    assert shapes.webhook(message()) == {
        "type": "tunesmith.finished",
        "timestamp": "2026-11-22T21:20:00Z",
        "data": {
            "kind": "finished",
            "title": "jokes has finished",
            "text": "100 steps, loss 0.5.",
            "run": {"id": "abc", "name": "jokes"},
            "url": "https://studio.example/runs?run=abc",
        },
    }
    assert shapes.webhook(message(kind="disk_low", run_id=None, url=""))["data"]["run"] is None


def test_slack_gets_plain_blocks_in_which_nobody_is_mentioned() -> None:
    body = shapes.slack(message(EVIL))
    assert [block["type"] for block in body["blocks"]] == ["header", "section", "actions"]
    assert {block["text"]["type"] for block in body["blocks"][:2]} == {"plain_text"}
    assert (body["mrkdwn"], body["parse"], body["link_names"]) == (False, "none", False)
    assert "<" not in json.dumps(body)
    assert "&lt;!channel&gt;" in body["text"]
    assert shapes.slack(message(url=""))["blocks"][-1]["type"] == "section"


def test_discord_gets_one_embed_and_may_mention_nobody() -> None:
    body = shapes.discord(message(EVIL))
    assert body["allowed_mentions"] == {"parse": []}
    title = body["embeds"][0]["title"]
    assert "@everyone" not in title
    assert r"\[x\]\(http" in title
    assert r"\<\!channel" not in title  # the sign itself is enough
    assert r"\<!channel\>" in title
    assert body["embeds"][0]["url"] == "https://studio.example/runs?run=abc"


def test_teams_gets_an_adaptive_card_of_text_runs_that_know_no_markdown() -> None:
    body = shapes.teams(message(EVIL))
    card = body["attachments"][0]["content"]
    assert body["type"] == "message"
    assert body["attachments"][0]["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}
    assert card["body"][0]["inlines"][0]["text"] == EVIL
    assert card["actions"][0]["url"] == "https://studio.example/runs?run=abc"
    assert "actions" not in shapes.teams(message(url=""))["attachments"][0]["content"]


def test_ntfy_gets_its_topic_and_no_markdown() -> None:
    assert shapes.ntfy_place("https://ntfy.example/below/my-runs") == ("https://ntfy.example/below/", "my-runs")
    body = shapes.ntfy(message(EVIL, kind="failed"), "my-runs")
    assert (body["topic"], body["title"], body["priority"], "markdown" in body) == ("my-runs", EVIL, 4, False)
    for wrong in ("https://ntfy.sh", "https://ntfy.sh/", "https://ntfy.sh/a b", "https://ntfy.sh/a/../b c"):
        with pytest.raises(ValueError, match="end in the topic"):
            shapes.ntfy_place(wrong)


@given(st.text())
def test_any_name_becomes_one_short_line_that_every_shape_can_write(name: str) -> None:
    shown = line(name)
    assert len(shown) <= 200
    assert not any(sign in shown for sign in "\n\r\x00\u202e\u2066\u200f\ufeff")
    told = message(shown or "x", text=paragraph(name))
    for shape in (shapes.webhook, shapes.slack, shapes.discord, shapes.teams):
        assert orjson.loads(orjson.dumps(shape(told)))


def test_a_link_leads_to_the_run_only_where_the_studios_address_is_known() -> None:
    assert shapes.run_address("https://s.example", "abc") == "https://s.example/runs?run=abc"
    assert shapes.run_address("https://s.example", None) == "https://s.example/system"
    assert shapes.run_address("", "abc") == ""
