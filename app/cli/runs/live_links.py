"""`tunesmith links`: addresses at which a run can be watched without a login. `chats share` makes one to a chat."""

import time
from typing import Annotated

import typer

from app.cli.called import RunName
from app.cli.printed import answer, as_json, say, say_json
from engine.accounts import live_links
from storage import db
from storage.settings import settings

COMMANDS = typer.Typer(help="Live links: watch one run without a login.", no_args_is_help=True)


Days = Annotated[float, typer.Option("--days", min=0.001, max=366, help="How long it works.")]
Address = Annotated[str, typer.Option("--address", help="Where others reach the studio.")]


@COMMANDS.command()
def make(run_id: RunName, days: Days = 7, address: Address = "") -> None:
    """Make a link and print its address, this once."""
    print_new("run", run_id, days, address)


@COMMANDS.command("list")
def list_links(run_id: RunName) -> None:
    """List the links that still open a run: id, and when each ends."""
    print_open("run", run_id)


@COMMANDS.command()
def revoke(link: Annotated[str, typer.Argument(metavar="LINK", help="Id of the link.")]) -> None:
    """Revoke a link: it opens nothing from now on."""
    db.prepare()
    live_links.revoke_link(link)
    answer({"id": link, "revoked": True}, f"Link {link} is revoked.")


def print_new(kind: live_links.Kind, id: str, days: float, address: str) -> None:
    """Makes a link to a run or a chat, and prints its address."""
    db.prepare()
    link, token = live_links.create_link(kind, id, days * live_links.DAY_SECONDS)
    here = address.rstrip("/") or f"http://127.0.0.1:{settings().port}"
    url = f"{here}/live/{token}"
    answer({"id": link.id, "expires_at": link.expires_at, "url": url}, url)


def print_open(kind: live_links.Kind, id: str) -> None:
    """Prints the links that still open it."""
    db.prepare()
    links = live_links.open_links(kind, id)
    if as_json():
        return say_json([{"id": row.id, "expires_at": row.expires_at} for row in links])
    for link in links:
        say(f"{link.id}  ends {time.strftime('%Y-%m-%d %H:%M', time.localtime(link.expires_at))}")
    return None
