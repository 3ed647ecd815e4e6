"""What a key's limits leave of a request: refused, passed on as it is, or passed on with a shorter answer."""

import math
from typing import Any

import anyio.to_thread

from app.v1.request_bodies import ApiError, Body
from engine.accounts import budgets
from engine.accounts.key_limits import allows
from storage.tables import ApiKey

# What is reserved for an answer whose length the request does not bound. The studio's own server ends there as well.
USUAL_TOKENS = {"chat/completions": 1024, "completions": 16, "responses": 1024, "embeddings": 0, "score": 0}
LENGTH_FIELD = {"chat/completions": "max_tokens", "completions": "max_tokens", "responses": "max_output_tokens"}


class Allowance:
    """Of one request. Without a key, or with one without limits, everything is allowed and nothing is counted."""

    def __init__(self, key: ApiKey | None) -> None:
        self._key = key
        self.key_id = key.id if key else ""
        self.models = key.models if key else None
        self._reserved = 0
        self._wait = 0.0

    def admit(self) -> None:
        """Counts the request in its minute. Raises ApiError (429)."""
        if self._key is None or self._key.requests_per_minute is None:
            return
        wait = budgets.of(self._key).wait_for_request(self._key.requests_per_minute)
        if wait:
            many = f"{self._key.requests_per_minute:,} requests a minute"
            text = f"The key `{self._key.name}` may send {many}. Try again in {math.ceil(wait)} s."
            raise self._too_many(text, "requests", math.ceil(wait))

    async def reserve(self, route: str, body: Body) -> dict[str, Any]:
        """Keeps the tokens that the request may take; answers fields to add to it. Raises ApiError (403, 429)."""
        if not allows(self.models, body.model):
            name = self._key.name if self._key else ""
            text = f"The key `{name}` may not use `{body.model[:100]}`. GET /v1/models lists what it may use."
            raise ApiError(text, 403, "model", "model_not_allowed")
        if self._key is None or self._key.tokens_per_day is None:
            return {}
        budget = budgets.of(self._key)
        if not budget.is_of_today():
            budget.begin_day(*await anyio.to_thread.run_sync(budgets.read_day, self._key.id))
        return self._reserve_tokens(self._key, route, body)

    def _reserve_tokens(self, key: ApiKey, route: str, body: Body) -> dict[str, Any]:
        budget, most = budgets.of(key), key.tokens_per_day or 0
        answers = body.answers
        each = USUAL_TOKENS[route] if body.most_tokens is None else body.most_tokens
        prompt, left = body.prompt_estimate, budget.left(most)
        added: dict[str, Any] = {}
        if prompt + each * answers > left and body.most_tokens is None and route in LENGTH_FIELD:
            each = (left - prompt) // answers
            added = {LENGTH_FIELD[route]: each}
        needed = prompt + each * answers
        if needed > left or (added and each < 1):
            text = (
                f"The key `{key.name}` has {left:,} of {most:,} tokens left today (UTC), and this request may take "
                f"{prompt + max(each, 1) * answers:,}. Ask for a shorter answer, or come back tomorrow."
            )
            raise self._too_many(text, "tokens", budgets.until_tomorrow())
        budget.reserve(needed)
        self._reserved = needed
        return added

    def settle(self, used: int) -> None:
        """What the request took in the end."""
        if self._key is not None and self._key.tokens_per_day is not None:
            budgets.of(self._key).settle(self._reserved, used)
            self._reserved = 0

    def headers(self) -> dict[str, str]:
        """How much is left, under OpenAI's names; nothing for a key without limits."""
        if self._key is None:
            return {}
        told: dict[str, str] = {}
        budget = budgets.of(self._key)
        if (most := self._key.requests_per_minute) is not None:
            told |= _told("requests", most, most - len(budget.begun), budget.seconds_to_full())
        if (most := self._key.tokens_per_day) is not None and budget.is_of_today():
            told |= _told("tokens", most, budget.left(most), budgets.until_tomorrow())
        return told

    def _too_many(self, message: str, kind: str, retry_after: int) -> ApiError:
        return ApiError(message, 429, None, "rate_limit_exceeded", retry_after, kind)


def _told(kind: str, most: int, left: int, seconds: float) -> dict[str, str]:
    names = (f"x-ratelimit-{part}-{kind}" for part in ("limit", "remaining", "reset"))
    return dict(zip(names, (str(most), str(max(0, left)), _duration(seconds)), strict=True))


def _duration(seconds: float) -> str:
    """As OpenAI writes it: 6m0s, 1.5s."""
    minutes, rest = divmod(round(max(0.0, seconds), 1), 60)
    return f"{minutes:.0f}m{rest:g}s" if minutes else f"{rest:g}s"
