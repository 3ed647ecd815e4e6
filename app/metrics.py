"""GET /metrics: the studio in numbers, in Prometheus' format."""

from collections.abc import Iterator

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.v1 import figures, traffic
from engine.accounts.request_log import LOG
from engine.serve.vllm import metrics as vllm_metrics
from storage import counts, db, endpoints
from storage.statuses import EndpointStatus

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


class EndpointCollector(Collector):
    """What goes on at each endpoint, and what those with vLLM tell of themselves, at the moment of the scrape."""

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        with db.reading() as session:
            live = endpoints.live(session)
        traffic.keep(endpoint.name for endpoint, _ in live)
        traffic.LOG_DROPPED.set(LOG.dropped)
        figures.keep(endpoint.id for endpoint, _ in live)
        in_flight = GaugeMetricFamily("tunesmith_endpoint_in_flight", "Answers in progress.", labels=["endpoint"])
        queued = GaugeMetricFamily("tunesmith_endpoint_queued", "Requests that wait for a place.", labels=["endpoint"])
        for endpoint, _ in live:
            queue = figures.of(endpoint.id).queue
            in_flight.add_metric([endpoint.name], queue.in_flight)
            queued.add_metric([endpoint.name], queue.length)
        yield in_flight
        yield queued
        ready = [(endpoint, backend) for endpoint, backend in live if backend.status == EndpointStatus.READY]
        yield from vllm_metrics.collect(
            {
                endpoint.name: backend.address
                for endpoint, backend in ready
                if backend.kind == "vllm" and backend.address
            }
        )


REGISTRY.register(StudioCollector())
REGISTRY.register(EndpointCollector())
ProcessCollector(registry=REGISTRY, namespace="tunesmith")


@router.get("/metrics", include_in_schema=False)
def show_metrics() -> Response:
    """Everything, as text."""
    text = generate_latest(REGISTRY) + generate_latest(traffic.REGISTRY)
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")
