"""What there is to say about an endpoint's life: sleep, silence, a deployment on trial, answers to golden prompts."""

import statistics
from collections.abc import Sequence
from typing import Any

from engine.serve import idle
from engine.serve.rollout import asked
from engine.serve.rollout.canary import side_of
from engine.serve.waking import waiting
from engine.serve.watching import outside_pulse
from storage.statuses import EndpointStatus
from storage.tables import Backend, Endpoint

_STARTS = (EndpointStatus.QUEUED, EndpointStatus.STARTING)


def is_on_its_way(endpoint: Endpoint, backend: Backend) -> bool:
    """Whether a backend that is not the active one may still take over."""
    return backend.status in _STARTS or backend.id == endpoint.canary_backend_id


def of(endpoint: Endpoint, active: Backend | None, green: Backend | None, others: Sequence[Backend]) -> dict[str, Any]:
    """Plain values for REST and the page. `others`: what was deployed after the active backend, the newest first."""
    newest = green or next((row for row in others if row.rollout), active)
    return {
        "last_used_at": idle.last_used(endpoint),
        "idle_minutes": endpoint.idle_minutes,
        "asleep_at": endpoint.asleep_at,
        "waits_since": endpoint.waits_since,
        "waiting": waiting.waiting(endpoint.id),
        "silent": outside_pulse.silence(active) if active and active.status == EndpointStatus.READY else None,
        "way": newest.rollout.get("way") if newest else None,
        "canary": _canary(newest) if newest else None,
        "golden": newest.outcome.get("golden", []) if newest else [],
    }


def _canary(backend: Backend) -> dict[str, Any] | None:
    facts = backend.outcome.get("canary")
    if not facts:
        return None
    how = asked.of(backend)
    return {
        "backend_id": backend.id,
        "share": how.canary,
        "seconds": how.canary_seconds,
        "since": facts["since"],
        "word": facts["word"],
        "reason": facts.get("reason", ""),
        **{side: _side(facts, side) for side in ("blue", "green")},
    }


def _side(facts: dict[str, Any], side: str) -> dict[str, Any]:
    """Counts, and the medians of what was measured; None where nothing was."""
    counted = side_of(facts, side)
    return {
        "requests": counted.requests,
        "errors": counted.errors,
        "stream_seconds": statistics.median(counted.stream) if counted.stream else None,
        "whole_seconds": statistics.median(counted.whole) if counted.whole else None,
    }
