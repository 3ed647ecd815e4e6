"""`tunesmith registry`, `verify` and `repair`, as a person types them."""

from storage import db, home
from tests.app.cli.test_commands import run
from tests.serving import finished_run, ready_model


def test_a_run_is_kept_promoted_checked_and_brought_back_from_the_command_line() -> None:
    trained = finished_run(ready_model(), "first")
    kept = run("registry", "keep", "jokes", "--run", trained.id, "--note", "works")
    assert (kept.returncode, kept.stdout.splitlines()[-1]) == (0, "version:jokes/1"), kept.stderr
    promoted = run("registry", "promote", "jokes", "production", "1", "--why", "it works")
    assert promoted.stdout.splitlines()[-1] == "production: nothing -> 1"
    assert "production -> 1" in run("registry", "list").stdout
    assert "at the command line: it works" in run("registry", "log", "jokes").stdout
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
