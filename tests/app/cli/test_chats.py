"""`tunesmith chats`: listed, shown, written to a file; votes counted."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.cli.commands import cli
from engine.accounts import live_links
from engine.chat import chat, opinions
from engine.errors import NotFoundError, RefusedError
from storage.tables import Message


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, ["chats", *words])


def test_chats_are_listed_shown_and_written_and_their_votes_counted(tmp_path: Path) -> None:
    assert "No votes yet." in run("votes").stdout
    talk = chat.new_chat()
    asked = chat.ask(talk.id, "Which \x1b[31mone?")
    for side in ("tuned", "base"):
        chat._store(Message(chat_id=talk.id, side=side, model=side, content=f"{side} says"))
    opinions.vote(asked.id or 0, "base")
    assert run("list").stdout == f"{talk.id}  Which <U+001B>[31mone?\n"
    assert json.loads(run("list", "base says", "--json").stdout)[0]["id"] == talk.id
    assert "base won 1 of 1 against tuned; that may be chance." in run("votes").stdout
    assert json.loads(run("votes", "--json").stdout)[0]["first"] == ["base", ""]
    assert "## base" in run("show", talk.id).stdout
    for name in ("talk.md", "talk.json"):
        assert run("show", talk.id, "--to", str(tmp_path / name)).exit_code == 0
    assert json.loads((tmp_path / "talk.json").read_text())["messages"][0]["better"] == "base"
    assert (tmp_path / "talk.md").read_text().endswith("*base was found better.*\n")


def test_a_chat_is_shared_by_a_link_that_is_listed_and_revoked() -> None:
    talk = chat.new_chat()
    made = run("share", talk.id, "--days", "1", "--address", "https://studio.example/")
    assert made.stdout.startswith("https://studio.example/live/"), made.stderr
    token = made.stdout.strip().rpartition("/")[2]
    assert live_links.opened_by(token) == live_links.Opened("chat", talk.id)
    link_id, *_ = run("links", talk.id).stdout.split()
    assert CliRunner().invoke(cli, ["links", "revoke", link_id]).exit_code == 0
    assert live_links.opened_by(token) is None
    assert run("links", talk.id).stdout == ""
    assert isinstance(run("share", "gone").exception, NotFoundError)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("show", "gone"), NotFoundError),
        (("show", "gone", "--to", "x.exe"), RefusedError),
        (("dataset", "likes"), RefusedError),
    ],
)
def test_what_cannot_be_done_is_said(words: tuple[str, ...], error: type[Exception]) -> None:
    assert isinstance(run(*words).exception, error)


def test_a_message_and_a_chat_are_deleted_and_had_back() -> None:
    talk = chat.new_chat()
    asked = chat.ask(talk.id, "one")
    chat._store(Message(chat_id=talk.id, side="tuned", model="jokes", content="1"))
    renamed = CliRunner().invoke(cli, ["chats", "rename", talk.id, "Numbers", "--json"])
    assert json.loads(renamed.stdout) == {"id": talk.id, "title": "Numbers"}
    gone = CliRunner().invoke(cli, ["chats", "delete-message", talk.id, str(asked.id), "--json"])
    assert chat.messages(talk.id) == []
    back = CliRunner().invoke(cli, ["chats", "undo", json.loads(gone.stdout)["undo"], "--json"])
    assert json.loads(back.stdout)["undone"] == "Question and answer deleted: “one”"
    assert json.loads(CliRunner().invoke(cli, ["chats", "delete", talk.id, "--json"]).stdout)["deleted"]
    assert run("list").stdout == ""
    assert run("undo").stdout == "Undone for 1: Numbers deleted\n"
    assert len(chat.messages(talk.id)) == 2
    assert isinstance(run("undo").exception, RefusedError)
