"""A question stored and its answers begun, by one model or by two beside each other; or the last one asked again."""

from collections.abc import Mapping

from engine.chat import answering, branches, chat
from engine.chat.answering import Question
from engine.chat.sampling import Sampling
from engine.errors import ConflictError, TunesmithError
from engine.serve import routing
from engine.serve.waking import waiting
from storage.tables import Chat

Models = Mapping[chat.Side, str]
"""The served name that answers on each side; a side without one stays silent."""


def ask(
    chat_id: str, text: str, models: Models, system: str, sampling: Sampling, instead_of: int | None = None
) -> Chat | None:
    """Asks; with `instead_of` an earlier question in other words. Returns the branch that keeps what stood there.

    Raises NotFoundError, NotReadyError, RefusedError, ConflictError while the chat answers: nothing is stored then.
    """
    refuse(chat_id, models)
    branch = None
    if instead_of is None:
        chat.ask(chat_id, text)
    else:
        branch = branches.edit(chat_id, instead_of, text)
    begin(chat_id, models, system, sampling)
    return branch


def again(chat_id: str, models: Models, system: str, sampling: Sampling) -> None:
    """Has the last question answered once more; a branch keeps the answers before. Raises as `ask` does."""
    refuse(chat_id, models)
    branches.take_back(chat_id)
    begin(chat_id, models, system, sampling)


def refuse(chat_id: str, models: Models) -> None:
    """Raises what speaks against asking these models in this chat now. Waits for an endpoint that wakes."""
    if not models.get("tuned"):
        raise TunesmithError("There is no model to ask.", "Serve a finished run first, then choose it above.")
    if chat_id and answering.is_writing(chat_id):
        raise ConflictError("The last question is still being answered.", "Wait for the answer, or press Stop.")
    for model in models.values():
        waiting.wait(model)
        routing.upstream(model)


def begin(chat_id: str, models: Models, system: str, sampling: Sampling) -> None:
    """Begins the answers to the last question."""
    for side, model in models.items():
        answering.begin(Question(chat_id, side, model, system, sampling))
