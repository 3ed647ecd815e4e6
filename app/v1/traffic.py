"""What passes through the gateway, counted for /metrics. Labels are bounded: no key, no text, no name of a model.

`endpoint` is the name of one that exists, or empty where a request came to none; `keep` forgets those that are gone.
"""

from collections.abc import Iterable
from functools import lru_cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()

REQUESTS = Counter(
    "tunesmith_gateway_requests",
    "Requests to /v1 by endpoint, route and status",
    ["endpoint", "route", "code"],
    registry=REGISTRY,
)
SECONDS = Histogram(
    "tunesmith_gateway_request_seconds",
    "Time from a request to the end of its answer",
    ["endpoint", "route"],
    buckets=(0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 300),
    registry=REGISTRY,
)
FIRST_BYTE_SECONDS = Histogram(
    "tunesmith_gateway_first_byte_seconds",
    "Time from a request to the first byte of its answer",
    ["endpoint", "route"],
    buckets=(0.005, 0.02, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30),
    registry=REGISTRY,
)
TOKENS = Counter(
    "tunesmith_gateway_tokens",
    "Tokens that passed by endpoint, of questions (prompt) and of answers (completion)",
    ["endpoint", "kind"],
    registry=REGISTRY,
)
IN_FLIGHT = Gauge("tunesmith_gateway_in_flight", "Answers in progress", registry=REGISTRY)
LOG_DROPPED = Gauge("tunesmith_gateway_log_dropped", "Requests that could not be written to the log", registry=REGISTRY)
LABELLED = (REQUESTS, SECONDS, FIRST_BYTE_SECONDS, TOKENS)


class Counters:
    """Those of one endpoint and route, looked up once: a look-up by labels takes longer than counting."""

    def __init__(self, endpoint: str, route: str) -> None:
        self._endpoint, self._route = endpoint, route
        self.seconds, self.first_byte = SECONDS.labels(endpoint, route), FIRST_BYTE_SECONDS.labels(endpoint, route)
        self._prompt, self._completion = TOKENS.labels(endpoint, "prompt"), TOKENS.labels(endpoint, "completion")
        self._requests: dict[int, Counter] = {}

    def requests(self, status: int) -> Counter:
        if (counter := self._requests.get(status)) is None:
            counter = self._requests[status] = REQUESTS.labels(self._endpoint, self._route, str(status))
        return counter

    def tokens(self, prompt: int, completion: int) -> None:
        self._prompt.inc(prompt)
        self._completion.inc(completion)


@lru_cache(maxsize=4096)
def of(endpoint: str, route: str) -> Counters:
    """The counters of one endpoint and route."""
    return Counters(endpoint, route)


def keep(endpoints: Iterable[str]) -> None:
    """Forgets the series of endpoints that are gone."""
    kept = {"", *endpoints}
    seen = {sample.labels.get("endpoint", "") for metric in REGISTRY.collect() for sample in metric.samples}
    for gone in seen - kept:
        for metric in LABELLED:
            metric.remove_by_labels({"endpoint": gone})
    if seen - kept:
        of.cache_clear()
