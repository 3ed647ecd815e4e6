"""`tunesmith registry`, `verify` and `repair`, as a person types them."""

import json

from storage import db, home
from tests.app.cli.test_commands import run
from tests.serving import finished_run, ready_model


def test_a_run_is_kept_promoted_checked_and_brought_back_from_the_command_line() -> None:
    trained = finished_run(ready_model(), "first")
    kept = run("registry", "keep", "jokes", "--run", trained.id, "--note", "works", "--json")
    assert (kept.returncode, json.loads(kept.stdout)["version"]) == (0, 1), kept.stderr
    promoted = run("registry", "promote", "jokes", "production", "1", "--why", "it works")
    assert promoted.stdout.splitlines()[-1] == "production: nothing -> 1"
    assert "production -> 1" in run("registry", "list").stdout
    assert "at the command line: it works" in run("registry", "log", "jokes").stdout
    assert (
        json.loads(run("registry", "change", "jokes", "1", "--stage", "tested", "--json").stdout)["stage"] == "tested"
    )
    assert json.loads(run("registry", "card", "jokes", "1", "--json").stdout)["version"] == 1
    moved = json.loads(run("registry", "promote", "jokes", "next", "1", "--why", "x", "--json").stdout)
    assert (moved["alias"], moved["after"]) == ("next", 1)
    assert json.loads(run("registry", "remove-alias", "jokes", "next", "--json").stdout)["removed"]
    assert json.loads(run("registry", "show", "jokes", "--json").stdout)["name"] == "jokes"
    assert json.loads(run("registry", "log", "jokes", "--json").stdout)[0]["alias"] == "next"
    gated = run("registry", "promote", "jokes", "candidate", "1", "--why", "x", "--gate", "better")
    assert (gated.returncode, "has no report" in gated.stderr) == (1, True)
    verified = run("verify")
    assert verified.stdout.splitlines()[0].startswith("ok       version 1 of `jokes`")
    weights = home.run_folder(trained.id) / "adapter" / "adapter_model.safetensors"
    weights.write_bytes(b"x" * weights.stat().st_size)
    changed = run("verify")
    assert changed.returncode == 1
    assert "adapter_model.safetensors holds other bytes than before." in changed.stdout
    db.forget()
    for path in home.home().glob("studio.db*"):
        path.unlink()
    repaired = run("repair")
    assert repaired.returncode == 0, repaired.stderr
    assert "1 run: first" in repaired.stdout
    assert "1 version: jokes/1" in repaired.stdout
    assert "cannot be made again" in repaired.stdout
    assert "lacks nothing" in run("repair").stdout
    assert json.loads(run("repair", "--json").stdout)["rebuilt"] == {}
    run("registry", "remove-alias", "jokes", "production")
    assert json.loads(run("registry", "delete", "jokes", "--json").stdout)["deleted"]
