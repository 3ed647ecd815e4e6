"""`tunesmith chat`: a served model asked in the terminal, its answer as it comes."""

import sys
from collections.abc import Iterator
from contextlib import closing
from typing import Annotated

import typer

from app.cli import running_studio
from app.cli.completion import names
from app.cli.printed import as_json, say, say_json, say_text
from engine.chat import chat as chats
from engine.chat.sampling import Sampling
from engine.errors import NotFoundError, RefusedError
from engine.names import did_you_mean
from engine.serve import routing
from storage import db, endpoints

Turns = list[dict[str, str]]
Served = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="A served name, as on /v1, such as jokes:base.",
        autocompletion=names.of("endpoint"),
    ),
]


def chat(
    model: Served,
    text: Annotated[str, typer.Argument(help="The question; left out, questions are read line by line.")] = "",
    system: Annotated[str, typer.Option(help="What the model is told before the first question.")] = "",
    temperature: Annotated[float, typer.Option(min=0, max=2, help="0 is the most likely answer.")] = 0.7,
    max_tokens: Annotated[int, typer.Option(min=1, help="The longest answer.")] = 512,
    seed: Annotated[int | None, typer.Option(help="The same seed may give the same answer.")] = None,
) -> None:
    """Ask a served model, once or as a talk.

    Without a question it is a talk, a question a line; an empty line or Ctrl+D ends it.
    """
    if as_json() and not text:
        raise RefusedError("--json needs a question.", 'Such as `tunesmith chat jokes "Tell me one." --json`.')
    with running_studio.engine(False):
        refuse_unserved(model)
        turns: Turns = [{"role": "system", "content": system}] if system.strip() else []
        for question in [text] if text else _questions():
            turns.append({"role": "user", "content": question})
            pieces: list[str] = []
            with closing(chats.stream(model, turns, Sampling(temperature, max_tokens, seed=seed))) as stream:
                for piece in stream:
                    pieces.append(piece)
                    if not as_json():
                        say_text(piece)
            turns.append({"role": "assistant", "content": "".join(pieces)})
            if as_json():
                say_json({"model": model, "answer": "".join(pieces)})
            else:
                say("")


def _questions() -> Iterator[str]:
    """What somebody types, or what is piped in; a prompt only for people."""
    while True:
        if sys.stdin.isatty():
            say_text("> ", err=True)
        line = sys.stdin.readline().strip()
        if not line:
            return
        yield line


def refuse_unserved(model: str) -> None:
    """Raises NotFoundError with what is served where nothing answers to the name."""
    with db.reading() as session:
        rows = endpoints.live(session)
    names = [name for endpoint, backend in rows for name in routing.served_names(endpoint, backend)]
    if model not in names:
        there_are = f"There are: {', '.join(names[:20])}." if names else "Serve a run: tunesmith serve-run RUN."
        raise NotFoundError(f"No endpoint answers to `{model:.80}`.", did_you_mean(model, names) or there_are)
