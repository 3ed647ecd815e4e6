"""Chats: the same question to a tuned model and its base, side by side, kept in the database.

Answers come from the endpoints, counted in the usage under the name `studio`, and are stored however they end: a
stopped one keeps what had come, marked as incomplete.
"""

from collections.abc import Generator, Sequence
from contextlib import closing
from typing import Any, Literal

from engine import names
from engine.chat import streams
from engine.chat.exchanges import taking_turns
from engine.chat.sampling import Sampling
from engine.chat.speed import Clock
from engine.chat.streams import ChatError as ChatError
from engine.errors import RefusedError
from engine.existing import existing
from engine.serve import adapter_names, routing
from storage import chats, db
from storage.tables import DEFAULT_PROJECT, Chat, Message, Project

Side = Literal["tuned", "base"]

MOST_TURNS = 40  # of a chat, that the model is shown
MOST_CHARACTERS = 100_000  # of one turn
TITLE_CHARACTERS = 60
LONGEST_SEARCH = 120
USUAL = Sampling()


def stream(model: str, messages: list[dict[str, str]], sampling: Sampling = USUAL) -> Generator[str]:
    """The model's answer, piece by piece. Closing the iterator stops the model.

    Raises NotFoundError, NotReadyError or RefusedError before the first piece, ChatError when the model breaks off.
    """
    with closing(_parts(model, messages, sampling)) as parts:
        yield from (part.text for part in parts if part.text)


def _parts(model: str, messages: list[dict[str, str]], sampling: Sampling) -> Generator[streams.Part]:
    body: dict[str, Any] = {"messages": messages, **sampling.body()}
    return streams.ask(model, streams.CHAT, body)


def new_chat(project_id: str = DEFAULT_PROJECT, title: str = "") -> Chat:
    """An empty chat. Raises NotFoundError for the project."""
    chat = Chat(project_id=project_id, title=title[:TITLE_CHARACTERS])
    with db.session() as session:
        existing(session, Project, project_id)
        session.add(chat)
    return chat


def latest_chat(project_id: str = DEFAULT_PROJECT) -> Chat:
    """The project's chat in which something was said last; a new one when it has none."""
    with db.reading() as session:
        chat = chats.latest(session, project_id)
    return chat or new_chat(project_id)


def recent_chats(project_id: str = DEFAULT_PROJECT, limit: int = 20, words: str = "") -> Sequence[tuple[Chat, float]]:
    """Each with the time of its last turn, or of its beginning; where something was said last comes first.

    Every one of the `words` has to be in the title, or all of them in one turn.
    """
    with db.reading() as session:
        return chats.recent(session, project_id, limit, names.composed(words)[:LONGEST_SEARCH].split())


def rename_chat(chat_id: str, title: str) -> Chat:
    """Gives a chat another title. Raises NotFoundError, RefusedError."""
    with db.session() as session:
        chat = existing(session, Chat, chat_id)
        chat.title = names.checked(title, "chat")
    return chat


def look_up(chat_id: str) -> Chat:
    with db.reading() as session:
        return existing(session, Chat, chat_id)


def messages(chat_id: str, side: Side | None = None) -> Sequence[Message]:
    """The turns in order; with `side`, the user's turns and that side's answers."""
    with db.reading() as session:
        return chats.messages(session, chat_id, side)


def ask(chat_id: str, text: str) -> Message:
    """Stores a question. `answer` then answers it, once for each side. Raises RefusedError for an empty one."""
    message = Message(chat_id=look_up(chat_id).id, side="user", content=checked_text(text))
    with db.session() as session:
        chat = session.get(Chat, chat_id)
        if chat is not None and not chat.title:
            chat.title = title_of(text)
        session.add(message)
    return message


def checked_text(text: str) -> str:
    """The text of a question. Raises RefusedError for an empty one, and for one that is too long."""
    if not text.strip():
        raise RefusedError("The message is empty.", "Write something first.")
    if len(text) > MOST_CHARACTERS:
        raise RefusedError(f"The message has {len(text)} characters.", f"Send at most {MOST_CHARACTERS}.")
    return text


def title_of(question: str) -> str:
    """What a chat is called that begins with this question."""
    return " ".join(question.split())[:TITLE_CHARACTERS]


def answer(chat_id: str, side: Side, model: str, system: str = "", sampling: Sampling = USUAL) -> Generator[str]:
    """The answer of one side to what was asked last, piece by piece. What has come is stored however it ends."""
    turns, question_id = conversation(chat_id, side, system), _last_question(chat_id)
    answer = Message(
        chat_id=chat_id, side=side, model=model, content="", complete=False,
        system=system.strip(), sampling=sampling.kept(),
    )  # fmt: skip
    pieces, told, clock = list[str](), None, Clock()
    try:
        answer.weights = _weights(model)
        with closing(_parts(model, turns, sampling)) as parts:
            for part in parts:
                told = part.tokens if part.ended else None
                if part.text:
                    clock.heard()
                    pieces.append(part.text)
                    yield part.text
        answer.complete = True
    finally:
        if answer.complete or pieces:
            answer.content = "".join(pieces)
            _store(clock.write_on(answer, len(pieces), told), question_id)


def _weights(model: str) -> str:
    """What stands behind a served name now: RUN, RUN@STEP or base; nothing for an outside model, or an unknown one."""
    if (route := routing.route(model)) is None or route[1].kind == "external":
        return ""
    endpoint, backend = route
    subject = adapter_names.public(endpoint.name, backend.adapters).get(model, "")
    return f"{backend.model_id or ''}" if subject == adapter_names.BASE else subject


def conversation(chat_id: str, side: Side, system: str = "") -> list[dict[str, str]]:
    """What one side is shown: the system prompt, then its last turns, question and answer in turn."""
    roles = {"user": "user", side: "assistant"}
    shown = taking_turns(messages(chat_id, side))[-MOST_TURNS:]
    turns = [{"role": roles[turn.side], "content": turn.content} for turn in shown]
    while turns and turns[0]["role"] == "assistant":
        del turns[0]
    return [{"role": "system", "content": system.strip()}, *turns] if system.strip() else turns


def _last_question(chat_id: str) -> int | None:
    return max((turn.id or 0 for turn in messages(chat_id) if turn.side == "user"), default=None)


def _store(message: Message, question_id: int | None = None) -> None:
    """Chat or question may have been deleted while the model wrote: then there is no place for the answer."""
    with db.session() as session:
        if question_id is not None and session.get(Message, question_id) is None:
            return
        if session.get(Chat, message.chat_id) is not None:
            session.add(message)
