"""The Usage page: sums of the chosen days, and the latest requests."""

import time
from typing import Any

from engine.accounts import budgets, keys
from pages import usage
from storage import db
from storage import usage as stored
from storage.tables import LoggedRequest


def used(key_id: str = "", model: str = "jokes", days_ago: int = 0, **more: Any) -> None:
    at = time.time() - days_ago * 86_400
    row: dict[str, Any] = {"at": at, "key_id": key_id, "model": model, "endpoint_id": "e"}
    row |= {"route": "chat/completions", "status": 200, "seconds": 0.25, "prompt_tokens": 10, "completion_tokens": 5}
    row |= {"estimated": False, "first_token_seconds": None, "stream": False} | more
    counts = {"requests": 1, "errors": int(row["status"] >= 400), "estimated": int(row["estimated"])}
    sums = counts | {name: row[name] for name in ("prompt_tokens", "completion_tokens", "key_id", "model")}
    request = LoggedRequest(**row).model_dump(exclude={"id"})
    with db.session() as session:
        stored.add(session, [request], [sums | {"day": budgets.today(at)}])


def test_without_requests_the_page_says_what_would_be_here() -> None:
    assert "Nothing has been asked yet" in usage.usage_html({})


def test_sums_are_told_by_key_model_and_day_with_names() -> None:
    key, _ = keys.create_key("my <script>")
    used(key.id)
    used(key.id, "riddles", days_ago=3, estimated=True)
    used(days_ago=40)
    shown = usage.usage_html({})
    assert "my &lt;script&gt;" in shown
    assert "<script>" not in shown
    assert "about 20" in shown  # one of the two was guessed
    assert "the studio&#39;s owner" in shown  # in the log, though not in these thirty days
    assert budgets.today() in shown
    assert "by=model&amp;from=" in shown
    assert "riddles</td>" not in usage.usage_html({"days": "1"}).split("Latest requests")[0]
    assert shown == usage.usage_html({"days": "30"}) == usage.usage_html({"days": "nonsense"})


def test_a_revoked_key_keeps_its_name_and_pages_keep_the_days() -> None:
    key, _ = keys.create_key("gone")
    for _ in range(usage.ROWS + 1):
        used(key.id, status=502)
    keys.revoke_key(key.id)
    shown = usage.usage_html({"days": "7", "page": "2"})
    assert shown.count(">gone</td>") == 2  # in the sums, and one request on the second page
    assert "days=7&amp;page=1" in shown
