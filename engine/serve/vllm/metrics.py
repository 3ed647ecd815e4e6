"""What vLLM tells of itself in Prometheus' format: one number of it, or all of it with the endpoint as a label.

It is read within a short time and a bound on its size, so a backend that hangs keeps no scrape waiting.
"""

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from engine.serve import probe

ANSWER_SECONDS = 1.0
MOST_BYTES = 4 << 20
AT_ONCE = 8
URL = "http://backend/metrics"
KV_CACHE = "vllm:kv_cache_usage_perc"  # a share from 0 to 1, whatever its name says


def kv_cache_share(address: str) -> float | None:
    """How much of its KV cache a vLLM uses, from 0 to 1; None where it does not say."""
    for family in _families(address):
        if family.name == KV_CACHE:
            return max((float(sample.value) for sample in family.samples), default=None)
    return None


def collect(address_by_endpoint: dict[str, str]) -> Iterator[Metric]:
    """The metrics of every vLLM (endpoint name -> address), each family once, its samples with `endpoint`."""
    if not address_by_endpoint:
        return
    merged: dict[str, Metric] = {}
    with ThreadPoolExecutor(AT_ONCE, "vllm-metrics") as pool:
        answers = list(pool.map(lambda address: list(_families(address)), address_by_endpoint.values()))
    for endpoint, families in zip(address_by_endpoint, answers, strict=True):
        for family in families:
            into = merged.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            into.samples += [
                sample._replace(labels={**sample.labels, "endpoint": endpoint}) for sample in family.samples
            ]
    yield from merged.values()


def _families(address: str) -> Iterable[Metric]:
    """Nothing where it does not answer in time, or with something else. Of its own process only vLLM's counters."""
    try:
        families = list(text_string_to_metric_families(_text(address)))
    except (httpx.HTTPError, ValueError, OSError):
        return []
    return [family for family in families if family.name.startswith("vllm:")]


def _text(address: str) -> str:
    until, content = time.monotonic() + ANSWER_SECONDS, bytearray()
    with probe.open_client(address, timeout=ANSWER_SECONDS) as client, client.stream("GET", URL) as answer:
        answer.raise_for_status()
        for chunk in answer.iter_bytes():
            content += chunk
            if len(content) > MOST_BYTES or time.monotonic() > until:
                raise ValueError("too long")
    return content.decode("utf-8", "replace")
