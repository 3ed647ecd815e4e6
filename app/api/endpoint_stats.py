"""What an endpoint does at the moment, over REST."""

from anyio import to_thread
from fastapi import APIRouter
from pydantic import Field

from app.answers.errors import NOT_FOUND
from app.answers.fields import Answer, NamedId
from app.v1 import card_figures, figures
from engine.existing import existing
from storage import db
from storage.tables import Endpoint

router = APIRouter(tags=["endpoints"])


class StatsAnswer(Answer):
    """The last minute, and this moment. Null is what was not measured."""

    requests_per_second: float = Field(description="Requests through the gateway, the mean of the last minute.")
    tokens_per_second: float = Field(description="Tokens of answers, the mean of the last minute.")
    errors_last_minute: int = Field(description="Requests that failed, and streams that broke off.")
    first_token_ms_p50: float | None = Field(
        description="From request to first word of a stream, milliseconds: median."
    )
    first_token_ms_p95: float | None = Field(description="The same, 95 of 100 are shorter.")
    between_tokens_ms_p50: float | None = Field(description="Between two words of a stream, milliseconds: median.")
    between_tokens_ms_p95: float | None = Field(description="The same, 95 of 100 are shorter.")
    in_flight: int = Field(description="Answers in progress.")
    queued: int = Field(description="Requests that wait at the gateway for a place.")
    memory_bytes: int | None = Field(description="Memory of the backend's processes; null for an outside server.")
    kv_cache_share: float | None = Field(description="How full vLLM's KV cache is, 0 to 1; null for other backends.")


@router.get("/endpoints/{id}/stats", summary="Figures of an endpoint", responses=NOT_FOUND)
async def endpoint_stats(endpoint_id: NamedId) -> StatsAnswer:
    """Load and speed of an endpoint as the gateway saw them in the last minute, and what its processes hold now."""
    memory, share = await to_thread.run_sync(_of_processes, endpoint_id)
    return StatsAnswer.model_validate(
        {**figures.of(endpoint_id).summary(), "memory_bytes": memory, "kv_cache_share": share}
    )


def _of_processes(endpoint_id: str) -> card_figures.Held:
    """Memory and the KV cache's use. Raises NotFoundError."""
    with db.reading() as session:
        existing(session, Endpoint, endpoint_id)
    return card_figures.held(endpoint_id)
