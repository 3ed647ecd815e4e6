"""`tunesmith notify`, as a person types it."""

import json

from engine.notifications import announce, settings
from engine.notifications.settings import Settings
from tests.app.cli.test_commands import run
from tests.engine.notifications.receiver import receiving


def test_what_happened_is_listed_and_a_place_is_tried_from_the_command_line() -> None:
    nowhere = run("notify", "test")
    assert (nowhere.returncode, "nowhere" in nowhere.stderr) == (1, True)
    with receiving() as receiver:
        sink = {"name": "hook", "service": "webhook", "url": receiver.url}
        settings.change(Settings.model_validate({"allow_private": True, "sinks": [sink]}))
        announce("failed", None, "jokes has failed")
        listed = run("notify", "list").stdout.splitlines()
        assert listed[0].startswith("* ")
        assert listed[0].endswith("failed       jokes has failed")
        assert listed[1].endswith("nothing sent yet")
        assert run("notify", "test").stdout == "ok      hook: It answered 200.\n"
        receiver.answers = [(403, {})]
        failed = run("notify", "test", settings.show()["sinks"][0]["id"])
        assert (failed.returncode, failed.stdout) == (1, "FAILED  hook: It answered 403: ok\n")
    (again, *others) = json.loads(run("notify", "test", "--json").stdout)
    assert (again["name"], again["ok"], others) == ("hook", False, [])
    assert "A test message from Tunesmith  failed  It answered 403: ok" in run("notify", "log").stdout
