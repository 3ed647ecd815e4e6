"""GET /metrics: the studio in numbers, in Prometheus' format."""

from collections.abc import Iterator

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.v1 import traffic
from storage import counts, db

REGISTRY = CollectorRegistry()
SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)

requests = Histogram(
    "tunesmith_http_seconds",
    "Time to the end of an answer, by method, route and status.",
    ["method", "route", "status"],
    buckets=SECONDS,
    registry=REGISTRY,
)
open_requests = Gauge("tunesmith_http_open_requests", "Requests that are being answered now.", registry=REGISTRY)

router = APIRouter()


class StudioCollector(Collector):
    """Counts what the database holds at the moment of the scrape."""

    def describe(self) -> list[Metric]:
        """Nothing ahead of time, so that registering it needs no database."""
        return []

    def collect(self) -> Iterator[Metric]:
        with db.reading() as session:
            count_by_status = counts.by_status(session)
        for noun, statuses in count_by_status.items():
            family = GaugeMetricFamily(f"tunesmith_{noun}", f"How many {noun} are in each state.", labels=["state"])
            for status, number in statuses.items():
                family.add_metric([status], number)
            yield family
        yield GaugeMetricFamily(
            "tunesmith_queue_depth", "Runs that wait for a device.", count_by_status["runs"]["queued"]
        )


REGISTRY.register(StudioCollector())
ProcessCollector(registry=REGISTRY, namespace="tunesmith")


@router.get("/metrics", include_in_schema=False)
def show_metrics() -> Response:
    """Everything, as text."""
    text = generate_latest(REGISTRY) + generate_latest(traffic.REGISTRY)
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")
