"""A question stored and its answers begun, by one model or by two beside each other; or the last one asked again."""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.chat import answering, branches, chat
from engine.chat.answering import Question
from engine.chat.sampling import Sampling
from engine.errors import ConflictError, TunesmithError
from engine.serve import routing
from engine.serve.waking import waiting
from storage.tables import Chat


@dataclass(frozen=True)
class Answerer:
    """A served name that answers, what it is told before the first turn, and how its answer is drawn."""

    model: str
    system: str = ""
    sampling: Sampling = chat.USUAL


Answerers = Mapping[chat.Side, Answerer]
"""Who answers on each side; a side without one stays silent."""


def ask(chat_id: str, text: str, answerers: Answerers, instead_of: int | None = None) -> Chat | None:
    """Asks; with `instead_of` an earlier question in other words. Returns the branch that keeps what stood there.

    Raises NotFoundError, NotReadyError, RefusedError, ConflictError while the chat answers: nothing is stored then.
    """
    refuse(chat_id, answerers)
    branch = None
    if instead_of is None:
        chat.ask(chat_id, text)
    else:
        branch = branches.edit(chat_id, instead_of, text)
    begin(chat_id, answerers)
    return branch


def again(chat_id: str, answerers: Answerers) -> None:
    """Has the last question answered once more; a branch keeps the answers before. Raises as `ask` does."""
    refuse(chat_id, answerers)
    branches.take_back(chat_id)
    begin(chat_id, answerers)


def refuse(chat_id: str, answerers: Answerers) -> None:
    """Raises what speaks against asking these models in this chat now. Waits for an endpoint that wakes."""
    if "tuned" not in answerers or not answerers["tuned"].model:
        raise TunesmithError("There is no model to ask.", "Serve a finished run first, then choose it above.")
    if chat_id and answering.is_writing(chat_id):
        raise ConflictError("The last question is still being answered.", "Wait for the answer, or press Stop.")
    for answerer in answerers.values():
        waiting.wait(answerer.model)
        routing.upstream(answerer.model)


def begin(chat_id: str, answerers: Answerers) -> None:
    """Begins the answers to the last question."""
    for side, answerer in answerers.items():
        answering.begin(Question(chat_id, side, answerer.model, answerer.system, answerer.sampling))
