"""What an endpoint does just now: its figures, as far as they are measured. Kept in memory by whoever measures."""

from collections.abc import Callable, Mapping

from pydantic import BaseModel, ConfigDict

Source = Callable[[str], Mapping[str, float | None]]

# By name, who measures: called with an endpoint's id, for each card every two seconds, so it only looks something up.
SOURCES: dict[str, Source] = {}


class Figures(BaseModel):
    """Figures of the last minute. None is not measured, which is something else than zero."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    requests_per_second: float | None = None
    first_token_ms_p50: float | None = None
    first_token_ms_p95: float | None = None
    between_tokens_ms_p50: float | None = None
    between_tokens_ms_p95: float | None = None
    tokens_per_second: float | None = None
    in_flight: float | None = None
    queued: float | None = None
    memory_bytes: float | None = None
    kv_cache_share: float | None = None
    errors_last_minute: float | None = None


def of(endpoint_id: str) -> Figures:
    """What is known of an endpoint now."""
    known: dict[str, float | None] = {}
    for source in SOURCES.values():
        known |= {name: value for name, value in source(endpoint_id).items() if value is not None}
    return Figures.model_validate(known)
