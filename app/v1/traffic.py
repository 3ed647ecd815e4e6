"""What passes through the gateway, counted for /metrics. Labels are bounded: no model name, no key, no text."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()

REQUESTS = Counter(
    "tunesmith_gateway_requests", "Requests to /v1 by route and status", ["route", "code"], registry=REGISTRY
)
SECONDS = Histogram(
    "tunesmith_gateway_request_seconds",
    "Time from a request to the end of its answer",
    ["route"],
    buckets=(0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 300),
    registry=REGISTRY,
)
FIRST_BYTE_SECONDS = Histogram(
    "tunesmith_gateway_first_byte_seconds",
    "Time from a request to the first byte of its answer",
    ["route"],
    buckets=(0.005, 0.02, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30),
    registry=REGISTRY,
)
IN_FLIGHT = Gauge("tunesmith_gateway_in_flight", "Answers in progress", registry=REGISTRY)
