"""`tunesmith links`, as a person types it."""

import json

from engine.accounts import live_links
from storage import db
from storage.tables import Run
from tests.app.cli.test_commands import run
from tests.browser.stored_runs import add_run


def test_a_link_is_made_listed_and_revoked_from_the_command_line() -> None:
    run_id = add_run("jokes")
    made = run("links", "make", run_id, "--days", "1", "--address", "https://studio.example/")
    assert made.stdout.startswith("https://studio.example/live/"), made.stderr
    token = made.stdout.strip().rpartition("/")[2]
    assert live_links.opened_by(token) == live_links.Opened("run", run_id)
    (link_id, *rest) = run("links", "list", f"run:{run_id}").stdout.split()
    assert rest[0] == "ends"
    assert json.loads(run("links", "revoke", link_id, "--json").stdout) == {"id": link_id, "revoked": True}
    assert live_links.opened_by(token) is None
    assert "no link" in run("links", "revoke", link_id).stderr
    with db.reading() as session:
        assert session.get(Run, run_id) is not None
