"""Projects and API keys on the command line, and what came through /v1."""

import io
import json
import sys

import pytest

from engine.accounts import keys, projects
from storage import db
from storage import projects as stored
from tests.app.cli.test_commands import run
from tests.engine.projects import full


def test_a_project_is_made_renamed_priced_hidden_and_shown_again() -> None:
    project_id = json.loads(run("project", "create", "Support", "--json").stdout)["id"]
    assert run("project", "rename", "Support", "Support bot").returncode == 0
    priced = json.loads(run("project", "price", "Support bot", "--kwh", "0.3", "--currency", "EUR", "--json").stdout)
    assert (priced["price_per_kwh"], priced["price_per_device_hour"], priced["currency"]) == (0.3, None, "EUR")
    priced = json.loads(run("project", "price", "Support bot", "--device-hour", "2", "--json").stdout)
    assert (priced["price_per_kwh"], priced["price_per_device_hour"]) == (0.3, 2)  # what is left out stays
    assert "0.3 EUR" in run("project", "price", "Support bot", "--device-hour", "none").stdout
    run("project", "archive", project_id)
    assert "Support bot" not in run("project", "list").stdout
    assert "Support bot  (archived)" in run("project", "list", "--archived").stdout
    run("project", "restore", "Support bot")
    assert not projects.look_up(project_id).archived
    assert "Support bot" in run("project", "show", "Suport bot").stderr  # did you mean


def test_a_project_is_deleted_once_its_name_was_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    project_id = full.project("Support")
    monkeypatch.setattr(sys, "stdin", io.StringIO("Suport\n"))
    asked = run("project", "delete", "Support")
    assert "'Suport' is not the name" in asked.stderr
    assert asked.returncode != 0
    assert "With Support go for good: 1 run, 1 version of a dataset" in asked.stderr
    assert projects.look_up(project_id).name == "Support"
    assert "cannot be deleted" in run("project", "delete", "Default", "--yes").stderr
    monkeypatch.setattr(sys, "stdin", io.StringIO("Support\n"))
    gone = json.loads(run("project", "delete", "Support", "--json").stdout)
    assert (gone["deleted"], gone["counts"]["runs"]) == (True, 1)
    with db.reading() as session:
        assert stored.get(session, project_id) is None


def test_a_key_opens_the_door_until_it_is_revoked_by_its_name() -> None:
    made = run("key", "create", "editor", "--model", "jokes*", "--requests", "60", "--tokens", "1000", "--days", "7")
    secret = made.stdout.strip()
    assert secret not in made.stderr
    key = keys.verify(secret)
    assert key is not None
    assert (key.scope, key.models, key.requests_per_minute, key.tokens_per_day) == ("inference", ["jokes*"], 60, 1000)
    assert key.expires_at is not None
    listed = run("key", "list").stdout
    assert "models jokes*  60 requests a minute  1,000 tokens a day  until " in listed
    assert secret not in listed
    assert "cannot be limited" in run("key", "create", "owner", "--everything", "--requests", "5").stderr
    assert "cannot be the name of a model" in run("key", "create", "odd", "--model", "a b").stderr
    assert "`editor`" in run("key", "revoke", "editr").stderr  # did you mean
    assert run("key", "revoke", "editor").returncode == 0
    assert keys.verify(secret) is None
    assert "no API key" in run("key", "revoke", "editor").stderr


def test_two_keys_of_one_name_are_told_apart_by_their_ids() -> None:
    first, _ = keys.create_key("editor")
    second, _ = keys.create_key("editor")
    refused = run("key", "revoke", "editor").stderr
    assert first.id in refused
    assert second.id in refused
    run("key", "revoke", first.id)
    assert run("key", "revoke", "editor").returncode == 0
