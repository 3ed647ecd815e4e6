"""`--json`: every command has it, and prints one JSON value with it, and nothing else there."""

import ast
import fcntl
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from app.cli.commands import cli
from app.cli.late import Listed
from engine.chat import chat
from storage import db, home
from storage.statuses import DatasetStatus, RunStatus, SweepStatus, WorkStatus
from storage.tables import Benchmark, Dataset, Sweep, Tuner
from tests import stored_evaluations, stored_runs
from tests.app.cli.test_commands import run
from tests.engine.sweeps import stored_sweeps
from tests.serving import finished_run, ready_model

WITHOUT = {"serve", "worker"}  # they run until they are stopped
HIDDEN = "runs"  # `run` by its old name
# Each of them needs what is not here: a file of rows, a server, a graphics card, the hub, a sandbox; or takes seconds.
ELSEWHERE_ONLY_IN_WORDS = {
    "registry rollback", "script", "probe", "check", "tune-endpoint", "evaluate", "report", "data push", "data sample",
    "data tokens", "data health", "model search", "model cancel", "endpoint adapter remove", "endpoint rollback",
    "endpoint sleep", "endpoint parity", "endpoint look", "runtime cancel", "runtime back", "run resume",
    "sweeps resume", "sweeps rerun", "sweeps full", "sweeps train-on", "chats dataset", "data found", "data fix",
    "data ignore", "data statistics", "data add", "data edit", "data look", "data cancel", "model retry",
    "endpoint create", "endpoint start", "endpoint promote", "queue free", "sweeps pick", "tuners apply",
    "evaluations rows", "notify add", "notify set", "notify remove", "lesson", "exports show", "exports delete",
    "sweeps estimate", "run delete-checkpoint", "chats delete-message",
}  # fmt: skip

# In this order, on the home that `furnished` makes.
QUICK = """
list runs
presets
model list
model show spare
run list
run show first
run rename first renamed
run note renamed good
run tag nice renamed
run archive renamed
run archive --off renamed
run favourite renamed
run log renamed
run log renamed --search nothing
run recipe renamed
run recipe renamed --names
run stop waiting
run delete waiting
run undo
metrics renamed
samples renamed
prompts
compare renamed second
diagnose renamed
links make renamed
links list renamed
queue
queue pause
queue resume
queue order also-waiting
queue change also-waiting --priority 5
queue set --after-failure go-on
notify list
notify log
registry list
sweeps list
sweeps show rates
sweeps more rates 2
sweeps stop rates
sweeps delete ended
endpoint list
hub-token --remove
runtime list
runtime log vllm
data list
data show unused
data versions unused
data delete unused
data undo
chats list
chats show CHAT
chats show CHAT --to KEPT
chats share CHAT
chats links CHAT
chats votes
verify
train RECIPE
sweep SWEEP
export-sky RECIPE
serve-run SERVED --name puns
registry keep kept --run SERVED
registry promote kept best 1 --why tried
registry serve version:kept@best --name kept-one
registry follow kept-one
endpoint adapter list puns
endpoint code puns --client curl
endpoint stop puns
registry clean-up
endpoint show puns
endpoint idle puns never
endpoint delete puns --yes
run machine renamed
run stuck renamed
run checkpoints renamed
sweeps save rates TRIALS
data lineage rows
data change rows --tag nice
model change spare --description small
log run:renamed
log studio
chats rename CHAT hello
chats delete CHAT
project list
project create Spare
project show Spare
project rename Spare Other
project price Other --kwh 0.3 --currency EUR
project archive Other
project restore Other
project prompts Other
project delete Other --yes
key list
key create editor --requests 5
key revoke editor
usage
requests
system
exports list
evaluations list
evaluations show compared
evaluations tag compared nice
evaluations save compared REPORT
evaluations stop compared
evaluations delete compared
benchmarks list
benchmarks show b1
benchmarks compare b1 b1
benchmarks save FIGURES b1
benchmarks stop b1
benchmarks delete b1
tuners list
tuners show t1
tuners stop t1
tuners delete t1
snippets keep sort SOURCE
snippets list
snippets show sort
snippets versions sort
snippets update sort CHANGED
snippets diff sort 1 1
snippets save sort ARCHIVE
snippets rename sort sorted
snippets delete sorted
recipe schema
recipe save mine RECIPE
recipe list
recipe show mine
recipe diff mine RECIPE
recipe rename mine yours
recipe delete yours
notify show
notify read
model delete spare
model undo
""".strip().splitlines()


def tree() -> dict[str, Any]:
    """Every command by the words that call it."""

    def below(command: Any, words: str) -> Iterator[tuple[str, Any]]:
        command = command.loaded() if isinstance(command, Listed) else command
        children = getattr(command, "commands", {})
        if not children or command.invoke_without_command:
            yield words, command
        for name, child in children.items():
            yield from below(child, f"{words} {name}")

    root: Any = typer.main.get_command(cli)
    return {words: one for name, command in root.commands.items() for words, one in below(command, name)}


@pytest.fixture
def _studio_runs() -> Iterator[None]:
    """A studio seems to move things on this home: the commands leave the work to it, and do not wait."""
    with home.engine_lock().open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def test_every_command_has_it() -> None:
    options = {words: [option for one in command.params for option in one.opts] for words, command in tree().items()}
    assert {words for words, found in options.items() if "--json" not in found} == WITHOUT


def test_every_command_is_tried_with_it() -> None:
    tried = {line for line in QUICK} | {" ".join(words) for words in _called_with_json()}
    names = set(tree()) - WITHOUT - ELSEWHERE_ONLY_IN_WORDS
    untried = {name for name in names if not any(f"{line} ".startswith(f"{name} ") for line in tried)}
    assert {name for name in untried if not name.startswith(f"{HIDDEN} ")} == set()


def _called_with_json() -> Iterator[list[str]]:
    """The words of each call in the tests of the command line that asks for JSON."""
    for file in Path(__file__).parents[1].rglob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call | ast.List):
                values = node.args if isinstance(node, ast.Call) else node.elts
                words = [one.value for one in values if isinstance(one, ast.Constant) and isinstance(one.value, str)]
                if "--json" in words:
                    yield words


@pytest.fixture
def furnished(_studio_runs: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """Runs, a sweep, a model; what the capital words of QUICK stand for."""
    stored_sweeps.furnish(monkeypatch)
    recipe = {"model_id": "m1", "dataset_id": "d1", "method": "sft"}
    for name, status in (("first", RunStatus.SUCCEEDED), ("second", RunStatus.FAILED)):
        run_id = stored_runs.add(name, status, recipe=recipe)
        (home.run_folder(run_id)).mkdir(parents=True)
        stored_runs.add_points(run_id, "loss", [0.9, 0.5])
    for name in ("waiting", "also-waiting"):
        stored_runs.add(name, RunStatus.QUEUED, recipe=recipe)
    stored_sweeps.create(parallel=4)
    with db.session() as session:
        session.get_one(Sweep, stored_sweeps.create(name="ended")).status = SweepStatus.SUCCEEDED
    ready_model(name="spare")
    served = finished_run(ready_model(name="served"), "served")
    with db.session() as session:
        session.add(Dataset(id="d2", project_id="default", name="unused", status=DatasetStatus.READY))
    stored_evaluations.add("compared", "run:a", "model:m")
    measured: dict[str, Any] = {"project_id": "default", "endpoint_id": "e", "endpoint_name": "e", "load": {}}
    with db.session() as session:
        session.add(Benchmark(id="b1", model="puns", status=WorkStatus.SUCCEEDED, **measured))
        variant: dict[str, Any] = {"options": {}, "score": None, "numbers": {}, "error": None, "status": "waiting"}
        ended: dict[str, Any] = {"stage": "over", "status": WorkStatus.STOPPED}
        session.add(Tuner(id="t1", backend={}, variants=[variant], **ended, **measured))
    (tmp_path / "recipe.yaml").write_text("model_id: m1\ndataset_id: d1\n")
    (tmp_path / "sweep.yaml").write_text(json.dumps(stored_sweeps.asked(name="more rates")))
    return {
        "RECIPE": str(tmp_path / "recipe.yaml"),
        "SWEEP": str(tmp_path / "sweep.yaml"),
        "SERVED": served.id,
        "CHAT": chat.new_chat().id,
        "KEPT": str(tmp_path / "chat.md"),
        "TRIALS": str(tmp_path / "trials.csv"),
        "REPORT": str(tmp_path / "report.html"),
        "FIGURES": str(tmp_path / "figures.csv"),
        "SOURCE": str(tmp_path / "recipe.yaml"),
        "CHANGED": str(tmp_path / "sweep.yaml"),
        "ARCHIVE": str(tmp_path / "code.zip"),
    }


def test_it_is_one_value_and_the_words_are_elsewhere(furnished: dict[str, str]) -> None:
    for line in QUICK:
        ended = run(*(furnished.get(word, word) for word in line.split()), "--json")
        assert ended.returncode == (line == "verify"), (line, ended)  # the files of the dataset are not there
        value = json.loads(ended.stdout)
        assert isinstance(value, dict | list), line
