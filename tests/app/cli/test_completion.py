"""TAB in a shell, asked as the shells ask: names and ids of what there is, at once, and never an error."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from app.cli.commands import cli
from app.cli.completion import names, quick
from app.cli.late import Listed
from engine import deleted
from engine.recipes import presets
from storage import db, home
from storage.tables import (
    ApiKey,
    Benchmark,
    Chat,
    Dataset,
    Endpoint,
    Evaluation,
    Export,
    Model,
    ModelAlias,
    ModelVersion,
    RegisteredModel,
    Snippet,
    Sweep,
    Tuner,
)
from tests import stored_runs
from tests.app.cli.test_commands import run

ONE_OF_EACH = {"subject": "run:first try", "run": "first try", "model": "tiny", "dataset": "new", "endpoint": "jokes",
               "sweep": "rates", "registry": "kept", "version": "version:kept/3", "project": "Default",
               "key": "editor", "evaluation": "compared", "benchmark": "b1", "tuner": "t1", "export": "x1",
               "chat": "c1", "snippet": "sort"}  # fmt: skip
HEAVY = {"sqlalchemy", "sqlmodel", "storage", "orjson", "app.cli.data"}
LOOK = "import sys; from app.cli.commands import main\ntry: main()\nfinally: print('MODULES', *sys.modules)"


def bash(*words: str) -> list[str]:
    told = run(_TUNESMITH_COMPLETE="complete_bash", COMP_WORDS="\n".join(words), COMP_CWORD=str(len(words) - 1))
    assert told.stderr == ""
    return told.stdout.splitlines()


def other(shell: str, typed: str) -> str:
    action = {"_TYPER_COMPLETE_FISH_ACTION": "get-args"} if shell == "fish" else {}
    return run(_TUNESMITH_COMPLETE=f"complete_{shell}", _TYPER_COMPLETE_ARGS=typed, **action).stdout


@pytest.fixture
def furnished() -> dict[str, str]:
    first = stored_runs.add("first try")
    stored_runs.add("한국어")
    twice = stored_runs.add("twice")
    stored_runs.add("twice")
    stored_runs.add("gone", deleted_at=1.0)
    kept = RegisteredModel(name="kept", project_id="default")
    with db.session() as session:
        session.add(Dataset(id="d2", project_id="default", name="old", family_id="d2"))
        session.add(Dataset(id="d3", project_id="default", name="new", family_id="d2", version=2))
        session.add(Endpoint(id="e1", project_id="default", name="jokes"))
        session.add(Sweep(id="s1", project_id="default", name="rates", spec={}))
        session.add(kept)
        session.add_all(measured_and_kept(first))
        session.flush()
        session.add(ModelVersion(registered_id=kept.id, number=3, kind="adapter", lineage={}, run_id=first))
    return {"first": first, "twice": twice}


def measured_and_kept(run_id: str) -> list[Any]:
    of: dict[str, Any] = {"project_id": "default"}
    endpoint: dict[str, Any] = {"endpoint_id": "e1", "endpoint_name": "jokes", "load": {}}
    return [
        ApiKey(name="editor", sha256="k", scope="all"),
        Evaluation(name="compared", subject="run:a", against="model:b", **of),
        Benchmark(id="b1", model="jokes", **endpoint, **of),
        Tuner(id="t1", backend={}, variants=[], **endpoint, **of),
        Export(id="x1", run_id=run_id, subject=f"run:{run_id}", kind="adapter", options={}),
        Chat(id="c1", title="hello", **of),
        Snippet(name="sort", language="python", **of),
    ]


def test_names_and_ids_are_offered_in_each_shell(furnished: dict[str, str]) -> None:
    offered = bash("tunesmith", "run", "show", "")
    assert {r"first\ try", "한국어", furnished["twice"]} <= set(offered)
    assert not {"twice", "gone"} & set(offered)
    assert bash("tunesmith", "runs", "show", "fir") == bash("tunesmith", "run", "show", r"first\ t") == [r"first\ try"]
    assert furnished["first"] in bash("tunesmith", "run", "show", furnished["first"][:6])
    assert bash("tunesmith", "run", "show", "run", ":", "first\\ t") == [r"first\ try"]
    assert other("zsh", "tunesmith run show fir") == """_arguments '*: :(("first try":"succeeded"))'\n"""
    assert other("fish", "tunesmith run show fir") == "first try\tsucceeded\n"


def test_bash_cuts_a_subject_into_pieces_and_is_given_the_last_one() -> None:
    """As bash itself was seen to hand them over, with what it then puts in place of the last piece."""
    first = stored_runs.add("first try")
    stored_runs.add("second")
    kept = RegisteredModel(name="kept", project_id="default")
    with db.session() as session:
        session.add(kept)
        session.flush()
        version = ModelVersion(registered_id=kept.id, number=3, kind="adapter", lineage={}, run_id=first)
        session.add(version)
        session.flush()
        session.add(ModelAlias(registered_id=kept.id, alias="live", version_id=version.id))
    evaluate = ("tunesmith", "evaluate")
    assert bash(*evaluate, "run", ":", "fir") == [r"first\ try"]
    assert set(bash(*evaluate, "run", ":")) == {r"first\ try", "second"}
    assert set(bash(*evaluate, "version", ":")) == {"kept/3", "kept@live"}
    assert bash(*evaluate, "version", ":", "kept", "@") == ["live"]
    assert bash(*evaluate, "version", ":", "kept/") == ["kept/3"]
    assert bash("tunesmith", "registry", "serve", "version", ":", "kept", "@", "li") == ["live"]
    assert bash(*evaluate, "run", ":", "second", "--against", "=", "run", ":", "fir") == [r"first\ try"]
    assert bash(*evaluate, "run", ":", "second", "--against", "run", ":", "") == [""]  # another word has begun
    assert other("fish", "tunesmith evaluate version:kept@") == "version:kept@live\tversion 3\n"
    assert other("zsh", "tunesmith evaluate run:fir") == """_arguments '*: :(("run\\\\:first try":"succeeded"))'\n"""


PLACES = {
    "model show t": "tiny", "data show n": "new", "data show o": "", "chat j": "jokes", "endpoint sleep j": "jokes",
    "sweeps show r": "rates", "registry show k": "kept", "registry serve v": "version:kept/3", "run ta": "tag",
    "evaluate run:f": "run:first try", "prompts D": "Default", "run show first x": "", "run show --js": "--json",
    "export x --ki": "--kind", "train x.yaml --preset q": "quick try", "registry keep k --run fi": "first try",
}  # fmt: skip


@pytest.mark.usefixtures("furnished")
def test_each_place_has_its_noun() -> None:
    for typed, offered in PLACES.items():
        lines = [line.partition("\t")[0] for line in other("fish", f"tunesmith {typed}").splitlines() if line]
        assert offered in lines if offered else lines == [], (typed, lines)


@pytest.mark.usefixtures("furnished")
def test_the_table_says_what_the_commands_say() -> None:
    """What stands in for a command offers the nouns that the command itself does, in the same places."""
    root: Any = typer.main.get_command(cli)
    taking = {words: said for name, one in root.commands.items() if name != "runs" for words, said in _below(one, name)}
    assert {path: [noun for noun in places if noun] for path, places in quick.PLACES.items()} == taking


def _below(command: Any, words: str) -> Iterator[tuple[str, list[str]]]:
    """Each command that takes names, with the nouns of its arguments."""
    command = command.loaded() if isinstance(command, Listed) else command
    arguments = [one for one in command.params if one.param_type_name == "argument" and one._custom_shell_complete]
    if arguments:
        yield words, [_noun(one) for one in arguments]
    for name, child in getattr(command, "commands", {}).items():
        yield from _below(child, f"{words} {name}")


def _noun(argument: Any) -> str:
    """By what it asks the database for: each noun has something of its own there."""
    offered = {item.value for item in argument._custom_shell_complete(None, argument, "")}
    return next((noun for noun, name in ONE_OF_EACH.items() if name in offered), "")


def test_it_is_quick_and_silent(tmp_path: Path) -> None:
    for place in (tmp_path / "nothing", tmp_path):
        (tmp_path / "studio.db").write_bytes(b"garbage" * 99)
        shell = {"_TUNESMITH_COMPLETE": "complete_bash", "COMP_WORDS": "tunesmith run show ", "COMP_CWORD": "3"}
        asked = os.environ | shell | {"TUNESMITH_HOME": str(place)}
        told = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, env=asked, check=True)
        assert (told.stdout.split("MODULES")[0].strip(), told.stderr) == ("", "")
        assert not HEAVY & set(told.stdout.split())
    assert not (tmp_path / "nothing").exists()


def test_what_is_read_without_the_engine_is_what_the_engine_has() -> None:
    assert {typed for typed, _ in names.offers("preset", "")} == {preset.name for preset in presets.all_presets()}
    assert home.database_file().name == "studio.db"


def test_what_was_deleted_and_could_still_come_back_is_not_offered(furnished: dict[str, str]) -> None:
    assert furnished
    with db.session() as session:
        gone = session.get_one(Model, "m1"), session.get_one(Dataset, "d3"), session.get_one(Sweep, "s1")
        deleted.mark(gone, "d")
    offered = {noun: [typed for typed, _ in names.offers(noun, "")] for noun in ("model", "dataset", "sweep")}
    assert offered["model"] == offered["sweep"] == []
    assert set(offered["dataset"]) == {"rows", "old"}  # the version before is the newest one now
