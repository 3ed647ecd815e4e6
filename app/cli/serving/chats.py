"""`tunesmith chats`: what was said in the studio, taken away or shared; votes and ratings, made into datasets."""

from pathlib import Path
from typing import Annotated, get_args

import typer

from app.cli import running_studio
from app.cli.called import PROJECT, ProjectName
from app.cli.completion import names
from app.cli.data import follow
from app.cli.printed import answer, as_json, say, say_json, say_text
from app.cli.runs.live_links import Address, Days, print_new, print_open
from app.cli.undone import UndoId, say_undo, take_back
from engine.chat import chat, deleting, opinion_rows, transcript
from engine.errors import RefusedError
from engine.evaluate import votes as counted
from storage import db
from storage.tables import DEFAULT_PROJECT

COMMANDS = typer.Typer(
    help="Chats of the studio: listed, shown, renamed, shared, deleted, undone; votes made into datasets.",
    no_args_is_help=True,
)
OfProject = Annotated[str, typer.Option("--project", help="The project that the chats belong to.", **PROJECT)]


ChatId = Annotated[str, typer.Argument(metavar="CHAT", help="Id of the chat.", autocompletion=names.of("chat"))]


@COMMANDS.command("list")
def list_chats(
    words: Annotated[str, typer.Argument(help="Words in a title, or in what was said.")] = "",
    project: OfProject = DEFAULT_PROJECT,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 20,
) -> None:
    """List chats: id and title, where something was said last first."""
    db.prepare()
    titles = [(one.id, one.title) for one, _ in chat.recent_chats(project, limit, words)]
    if as_json():
        return say_json([{"id": id, "title": title} for id, title in titles])
    for id, title in titles:
        say(f"{id}  {title or '(empty)'}")
    return None


@COMMANDS.command()
def show(
    chat_id: ChatId,
    to: Annotated[Path | None, typer.Option("--to", help="A file: .md or .json.")] = None,
) -> None:
    """Show a chat as Markdown or JSON, or write it to a file."""
    db.prepare()
    if to is not None:
        return _write(chat_id, to)
    if as_json():
        return say_json(transcript.as_json(chat_id))
    return say_text(transcript.as_markdown(chat_id))


def _write(chat_id: str, to: Path) -> None:
    if to.suffix not in (".md", ".json"):
        raise RefusedError(f"`{to.name}` says neither Markdown nor JSON.", "End the name in .md or .json.")
    if to.exists():
        raise RefusedError(f"`{to}` is there already.", "Choose another name.")
    is_json = to.suffix == ".json"
    text = transcript.json_text(chat_id) if is_json else transcript.as_markdown(chat_id).encode()
    to.write_bytes(text)
    answer({"path": str(to), "bytes": len(text)}, f"Written to {to}.")


@COMMANDS.command()
def rename(chat_id: ChatId, title: Annotated[str, typer.Argument(help="The new title.")]) -> None:
    """Give a chat another title."""
    db.prepare()
    renamed = chat.rename_chat(chat_id, title)
    answer({"id": chat_id, "title": renamed.title}, f"{chat_id}  {renamed.title}")


@COMMANDS.command()
def delete(chat_id: ChatId) -> None:
    """Delete a chat with its earlier versions. `undo` brings it back for half a minute."""
    db.prepare()
    say_undo("chats", chat_id, deleting.delete_chat(chat_id))


@COMMANDS.command("delete-message")
def delete_message(
    chat_id: ChatId,
    message_id: Annotated[int, typer.Argument(metavar="NUMBER", help="Its `id` in `chats show CHAT --json`.")],
) -> None:
    """Delete a question with its answers, or one answer. `undo` brings it back for half a minute."""
    db.prepare()
    say_undo("chats", str(message_id), deleting.delete_message(chat_id, message_id))


@COMMANDS.command()
def undo(undo_id: UndoId = None) -> None:
    """Bring back the chat or message that was deleted last, or another one by the id that the deletion gave."""
    db.prepare()
    take_back(deleting.waiting(), undo_id, deleting.undo)


@COMMANDS.command()
def share(chat_id: ChatId, days: Days = 7, address: Address = "") -> None:
    """Make a link at which a chat can be read without a login, and print its address, this once."""
    print_new("chat", chat_id, days, address)


@COMMANDS.command()
def links(chat_id: ChatId) -> None:
    """List the links that still open a chat: id, and when each ends. `tunesmith links revoke` ends one."""
    print_open("chat", chat_id)


@COMMANDS.command()
def votes(project: OfProject = DEFAULT_PROJECT) -> None:
    """Say for each two models how often each was found better, and whether that is more than chance."""
    db.prepare()
    standings = counted.standings(project)
    if as_json():
        return say_json([one.__dict__ | {"words": one.words()} for one in standings])
    for one in standings:
        say(one.words())
    if not standings:
        say("No votes yet. The Chat page asks for them under two answers.")
    return None


@COMMANDS.command()
def dataset(
    opinion: Annotated[str, typer.Argument(metavar="votes|ratings", help="What it is made of.")],
    name: Annotated[str, typer.Option(help="What lists show.")] = "",
    project: ProjectName = DEFAULT_PROJECT,
) -> None:
    """Make a dataset of all votes (preferences, for DPO) or ratings (marked answers, for KTO) of a project."""
    if opinion not in get_args(opinion_rows.Opinion):
        raise RefusedError(f"`{opinion:.40}` is neither votes nor ratings.", "Say which.")
    with running_studio.engine(True):
        follow(opinion_rows.make_dataset(opinion, project, name))  # type: ignore[arg-type]  # looked at above
