"""The hub before anything is fetched: models searched by name, and one looked at: its size, and whether it fits here.

Both are work done by a process of its own (engine.workers.models.hub_search, hub_look): the token and a hub that does
not answer stay out of the studio. A look is kept for ten minutes.
"""

from dataclasses import dataclass
from typing import Any

from engine import names
from engine.errors import RefusedError, TunesmithError
from engine.process import hub_token, work
from storage.statuses import WORK_MOVING, WorkStatus
from storage.tables import Work

SEARCH, LOOK = "search_hub", "look_hub_model"
WAIT_SECONDS = 20.0
MOST_LETTERS = 100


@dataclass(frozen=True)
class Asked:
    """What the hub is asked: a search for `text`, or a look at the model `text`."""

    kind: str
    text: str

    @property
    def subject(self) -> str:
        return f"hub:{self.text}"

    @property
    def spec(self) -> dict[str, Any]:
        """A token that is changed asks anew: it may open what was shut."""
        return {"text" if self.kind == SEARCH else "id": self.text, "token": hub_token.kept_at() or hub_token.origin()}


def search_for(text: str) -> Asked:
    """A search for models by a part of their name. Raises RefusedError for a text that is empty or too long."""
    words = " ".join(text.split())
    if not words or len(words) > MOST_LETTERS:
        hint = f"Write a part of its name, such as qwen3; {MOST_LETTERS} letters at most."
        raise RefusedError("There is nothing to search the hub for." if not words else "The search is too long.", hint)
    return Asked(SEARCH, words)


def look_at(hub_id: str) -> Asked:
    """A look at a model, by its id or its address. Raises RefusedError for what is no id."""
    return Asked(LOOK, names.hub_id(hub_id, "model"))


def begin(asked: Asked) -> Work:
    """Asks, unless the answer is there or on its way; returns at once. One that has failed is asked again."""
    return work.start(asked.kind, asked.subject, asked.spec)


def latest(asked: Asked) -> Work | None:
    """How the question stands, whatever became of it; None when nobody has asked it."""
    return work.find(asked.kind, asked.subject, asked.spec)


def answer(asked: Asked, seconds: float = WAIT_SECONDS) -> Work:
    """Asks, and waits for the answer. Raises TunesmithError with the hub's own words, or when it takes longer."""
    finished = work.wait(begin(asked).id, seconds)
    if finished.status == WorkStatus.SUCCEEDED:
        return finished
    if finished.status in WORK_MOVING:
        raise TunesmithError("The hub has not answered yet.", "Try again in a moment.")
    raise TunesmithError(finished.error or "The hub did not answer.", finished.hint or "Try again.")


def search(text: str, seconds: float = WAIT_SECONDS) -> list[dict[str, Any]]:
    """Models of the hub, the most downloaded first: what engine.workers.models.hub_search says of each."""
    models: list[dict[str, Any]] = answer(search_for(text), seconds).result["models"]
    return models
