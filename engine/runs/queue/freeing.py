"""The buttons of the device panel: each frees what one holder has."""

from collections.abc import Callable

from engine.errors import ConflictError, NotFoundError
from engine.evaluate import evaluations
from engine.process import work
from engine.runs import runs
from engine.runs.queue import holders
from engine.serve import endpoints
from engine.serve.waking import sleeping

ACTS: dict[holders.Free, Callable[[str], object]] = {
    "stop_run": runs.stop_run,
    "stop_endpoint": endpoints.stop_endpoint,
    "sleep_endpoint": sleeping.sleep,
    "stop_evaluation": evaluations.stop,
    "stop_work": work.stop,
}


def free(act: holders.Free, holder_id: str) -> None:
    """Stops or sends to sleep who holds memory. Raises NotFoundError, ConflictError when that is not possible now."""
    try:
        ACTS[act](holder_id)
    except NotFoundError as error:
        raise ConflictError(error.message, "It may have ended by itself. Load the queue again.") from error
    finally:
        holders.forget()
