"""A question about code and its answer, piece by piece, from any served model.

Three ways to ask, and the first piece says which: `chat`, by the model's chat template; `fim`, a completion with the
tokenizer's own tokens around the gap; `text`, a completion of a plain text, for models without a template.
"""

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Literal

from engine.chat import streams
from engine.code import fences, middle, prompts, served, wanted
from engine.code.fences import files_of as files_of
from engine.code.wanted import Wanted
from engine.errors import RefusedError

Way = Literal["chat", "fim", "text"]
LEAST_REPEATED = 2  # lines that are the same, from which on an answer only repeats what is there
MOST_ANSWER = fences.MOST_ANSWER  # characters; an outside server may never end


@dataclass(frozen=True)
class Piece:
    """Some words of an answer. The first says the `way` it is asked in, the last how it `ended`: stop or length."""

    text: str = ""
    candidate: int = 0
    way: Way | None = None
    note: str = ""  # why it is asked in this way, in a sentence
    ended: str = ""
    round: int = 0  # of fixing; 0 for the first answer


@dataclass(frozen=True)
class Request:
    """What is sent to the model's server."""

    way: Way
    note: str
    path: str
    body: dict[str, Any]
    primer: str = ""  # the beginning of the answer, which the model is shown and does not write itself


def stream(asked: Wanted, candidate: int = 0) -> Generator[Piece]:
    """The answer, piece by piece. Closing the iterator stops the model.

    Raises RefusedError for what cannot be asked, NotFoundError and NotReadyError for a model that is not there, before
    the first words; ChatError when the model refuses, breaks off or does not end.
    """
    request = plan(asked)
    yield Piece(request.primer, candidate, way=request.way, note=request.note)
    length = 0
    with closing(streams.ask(asked.model, request.path, request.body)) as parts:
        for part in parts:
            length += len(part.text)
            if length > MOST_ANSWER:
                raise streams.ChatError(
                    f"`{asked.model}` does not stop: its answer has more than {MOST_ANSWER:,} characters.", "Try again."
                )
            yield Piece(part.text, candidate, ended=part.ended)


def plan(asked: Wanted) -> Request:
    """What would be sent, and why so. Raises RefusedError and NotFoundError."""
    wanted.checked(asked)
    shown = sum(map(len, asked.files.values()))
    model = served.look(asked.model)
    if asked.action == "complete":
        request = _in_the_middle(asked, model)
        if isinstance(request, Request):
            return request
        note = request
    else:
        note = ""
    if shown > prompts.MOST_SHOWN:
        message = f"The files have {shown:,} characters, and a model is shown at most {prompts.MOST_SHOWN:,}."
        raise RefusedError(message, "Leave out files that do not matter for this.")
    if model.chats:
        return Request("chat", note, streams.CHAT, {"messages": prompts.messages(asked), **_settings(asked)})
    note = f"{note} {NO_TEMPLATE}".strip()
    primer = prompts.primer(asked) if asked.does.writes_code else ""
    body = {"prompt": prompts.text(asked), **_settings(asked), "stop": ["\n```"]}
    return Request("text", note, streams.COMPLETIONS, body, primer)


NO_TEMPLATE = "The model has no chat template: it is shown a plain text and writes on."
OUTSIDE = "An outside server answers: its tokens are not known here, so it is asked in words."
NO_TOKENS = "The model's tokenizer has no tokens to fill in the middle, so it is asked in words."


def _in_the_middle(asked: Wanted, model: served.Served) -> Request | str:
    """A request that fills the gap, or why there can be none."""
    known = model.format
    if known is None:
        return OUTSIDE if model.is_outside else NO_TOKENS
    before, behind = middle.nearest(*asked.around_cursor())
    if token := middle.token_in(before + behind, known, model.tokens):
        return f"The code holds `{token}`, a token of the model's own, so it is asked in words."
    stops = middle.stops(known, model.tokens)
    body = {"prompt": known.prompt(before, behind), **_settings(asked), "stop_token_ids": stops}
    note = f"Fill-in-the-middle with the tokenizer's own tokens, as {known.family} writes it."
    return Request("fim", note, streams.COMPLETIONS, body)


def _settings(asked: Wanted) -> dict[str, Any]:
    settings: dict[str, Any] = {"temperature": asked.temperature, "max_tokens": asked.max_tokens}
    return settings if asked.seed is None else settings | {"seed": asked.seed}


def insertion(answer: str, asked: Wanted, way: Way) -> str:
    """What belongs at the cursor: of an answer in words the code alone, without what stands around the cursor."""
    if way == "fim":
        return answer
    answer = fences.spoken(answer.replace("\r\n", "\n"))
    fenced = list(fences.blocks(answer))
    code = "\n".join(fenced[0].lines) if fenced else answer
    before, behind = asked.around_cursor()
    code = _behind_repeated(code, before)
    return code.removesuffix(behind) if behind.strip() else code


def _behind_repeated(code: str, before: str) -> str:
    """The code without the lines before the cursor, which models like to say again; blank lines do not matter."""
    known = [line.rstrip() for line in before.split("\n") if line.strip()]
    said = [(place, line) for place, line in enumerate(code.split("\n")) if line.strip()]
    same = 0
    while same < min(len(known), len(said)) and said[same][1].rstrip() == known[same]:
        same += 1
    if same == len(said) >= LEAST_REPEATED:
        return ""
    last = len(known) - 1  # the cursor may be in the middle of this line
    if last < 0 or same < last or len(said) <= last or not said[last][1].startswith(known[last]):
        return code
    place, line = said[last]
    rest = "\n".join([line[len(known[last]) :], *code.split("\n")[place + 1 :]])
    return rest.removeprefix(before[len(before.rstrip()) :])
