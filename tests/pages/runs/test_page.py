"""The Runs page: list, one run, and what its buttons do."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlmodel import select

from engine.process import events
from engine.recipes.recipe import Recipe
from engine.runs import runs as engine_runs
from engine.weights import checkpoints
from pages.runs import page as runs
from pages.runs.checkpoints_view import checkpoints_html
from pages.runs.listing import list_view
from pages.runs.state import share_done, step_words, time_left_or_taken, time_words
from storage import db, home
from storage import runs as stored_runs
from storage.statuses import EndpointStatus, ModelStatus, RunStatus
from storage.tables import Backend, Dataset, Endpoint, Export, Model, Run, RunFacts, Transition
from storage.tables.run_facts import Adjustment
from tests.pages.clicks import Click
from tests.serving import finished_checkpoint, write_adapter

HOSTILE = "<img src=x onerror=alert(1)>${alert(2)} C:\\users"
DEFAULT = {"project": "default"}
Make = Callable[..., str]


@pytest.fixture
def make() -> Make:
    """Puts a run into the database and returns its id."""
    with db.session() as session:
        session.add(Model(id="m1", source="path", source_id="/m", name=f"model {HOSTILE}", status=ModelStatus.READY))
        session.add(Dataset(id="d1", project_id="default", name=f"data {HOSTILE}"))

    def put(name: str = "run", status: RunStatus = RunStatus.SUCCEEDED, **values: Any) -> str:
        recipe = Recipe(model_id="m1", dataset_id="d1", learning_rate=3e-4).model_dump()
        run = Run(project_id="default", name=name, model_id="m1", dataset_id="d1", recipe=recipe, status=status)
        for field, value in values.items():
            setattr(run, field, value)
        with db.session() as session:
            session.add(run)
        return run.id

    return put


def click(act: str, id: str, /, **values: str) -> None:
    event: Any = Click(act, id, **values)
    runs.act(event)


def status_of(run_id: str) -> RunStatus:
    return engine_runs.look_up(run_id).status


def test_an_empty_project_says_what_a_run_is_and_where_to_begin() -> None:
    shown = runs.runs_html(DEFAULT)
    assert "No runs yet" in shown
    assert 'href="/train"' in shown


def test_the_list_shows_names_as_text(make: Make) -> None:
    make(HOSTILE)
    shown = runs.runs_html(DEFAULT)
    assert "<img" not in shown
    assert "C:\\users" in shown


def test_the_list_shows_how_far_a_run_is(make: Make) -> None:
    make("live", RunStatus.RUNNING, step=412, max_steps=1200, loss=1.23456, tokens_per_second=318.4, eta_seconds=65)
    shown = runs.runs_html(DEFAULT)
    for words in ("412 of 1,200", "1.235", ">318<", "1 min 5 s left", 'data-act="stop"'):
        assert words in shown


@pytest.mark.parametrize(
    ("status", "acts"),
    [
        (RunStatus.QUEUED, {"stop"}),
        (RunStatus.STARTING, {"stop"}),
        (RunStatus.RUNNING, {"stop"}),
        (RunStatus.STOPPING, set()),
        (RunStatus.SUCCEEDED, {"serve", "delete"}),
        (RunStatus.FAILED, {"resume", "delete"}),
        (RunStatus.STOPPED, {"resume", "delete"}),
        (RunStatus.INTERRUPTED, {"resume", "delete"}),
    ],
)
def test_a_run_offers_what_its_state_allows(make: Make, status: RunStatus, acts: set[str]) -> None:
    make("run", status)
    shown = runs.runs_html(DEFAULT)
    assert {act for act in runs.ACTS if f'data-act="{act}"' in shown} == acts | {"favourite"}


def test_the_list_is_turned_page_by_page(make: Make) -> None:
    for number in range(list_view.ROWS + 1):
        make(f"run {number:03}", created_at=float(number))
    first, second = runs.runs_html(DEFAULT), runs.runs_html({**DEFAULT, "page": "2"})
    assert "run 050" in first
    assert "run 000" not in first
    assert "run 000" in second
    assert "Page 2 of 2" in second
    assert runs.runs_html({**DEFAULT, "page": "99"}) == second
    assert runs.runs_html({**DEFAULT, "page": "-1"}) == runs.runs_html({**DEFAULT, "page": "x"}) == first


def test_another_projects_runs_are_not_listed(make: Make) -> None:
    make("mine")
    assert "No runs yet" in runs.runs_html({"project": "other"})


def test_one_run_in_full(make: Make) -> None:
    noted = {"rows": 1234, "note": HOSTILE, "packing": False, "memory_bytes": 25_276_059_648, "trl": "1.16.0"}
    facts = RunFacts.model_validate(noted)
    run_id = make(HOSTILE, RunStatus.RUNNING, step=5, max_steps=10, device="cpu", facts=facts)
    with db.session() as session:
        moved = Transition(subject_id=run_id, attempt=1, sequence=0, before="queued", after="starting")
        moved.reason = HOSTILE
        session.add(moved)
    tabs = {tab: runs.runs_html({**DEFAULT, "run": run_id, "tab": tab}) for tab in ("overview", "recipe", "log", "x")}
    for shown in tabs.values():
        assert "<img" not in shown
    for tab, words in (
        ("overview", f'run="{run_id}"'),
        ("recipe", "/fragments/runs/recipe"),
        ("recipe", "engine.workers"),
        ("recipe", "1,234"),
        ("recipe", "<dt>Packing</dt><dd>no</dd>"),
        ("recipe", "<dt>Memory of the machine</dt><dd>25.3 GB</dd>"),
        ("recipe", "<dt>TRL</dt><dd>1.16.0</dd>"),
        ("log", "queued &rarr; starting"),
        ("log", f'href="/runs?run={run_id}&amp;tab=log" aria-current="true"'),
    ):
        assert words in tabs[tab]
    shown = tabs["overview"]
    assert tabs["x"] == shown
    assert f'href="/train?from={run_id}"' in shown
    for metrics in ("loss\neval_loss", "learning_rate", "grad_norm"):
        assert f'metrics="{metrics}"' in shown


def test_a_failed_run_says_why_and_what_next(make: Make) -> None:
    run_id = make("bad", RunStatus.FAILED, error="Out of memory.", hint="Use a smaller batch.")
    shown = runs.runs_html({**DEFAULT, "run": run_id})
    for words in ("Out of memory.", "Use a smaller batch.", "Resume continues from the last good checkpoint."):
        assert words in shown


def test_the_last_words_of_a_run_that_broke_off_stand_first(make: Make) -> None:
    run_id = make("bad", RunStatus.FAILED, error="It died.")
    log = home.ensure_folder(home.run_folder(run_id)) / "output.log"
    log.write_text("<b>fine</b>\nRuntimeError: token=abcdef1234\n")
    shown = runs.runs_html({**DEFAULT, "run": run_id})
    assert "&lt;b&gt;fine&lt;/b&gt;\nRuntimeError: token=[hidden]" in shown
    assert shown.index("It died.") < shown.index("Its last words") < shown.index('metrics="loss')
    assert "last words" not in runs.runs_html({**DEFAULT, "run": make("good")})


def test_a_queued_run_says_that_it_waits(make: Make) -> None:
    assert "Waiting for its turn" in runs.runs_html({**DEFAULT, "run": make("later", RunStatus.QUEUED)})


def test_a_stopped_run_is_no_trouble(make: Make) -> None:
    assert "ts-notice" not in runs.runs_html({**DEFAULT, "run": make("stopped", RunStatus.STOPPED)})


def test_a_recipe_of_another_version_does_not_break_the_page(make: Make) -> None:
    run_id = make("old", recipe={"method": "magic"})
    for part in (runs.runs_html, runs.FRAGMENTS["recipe"]):
        assert "The recipe is not valid." in part({**DEFAULT, "run": run_id, "tab": "recipe"})


def test_a_run_that_answers_links_to_its_chat(make: Make) -> None:
    run_id = make("served")
    with db.session() as session:
        endpoint = Endpoint(project_id="default", name="served-model", active_backend_id="b1")
        session.add(endpoint)
        session.flush()
        ready = Backend(id="b1", endpoint_id=endpoint.id, kind="transformers", adapters=[run_id])
        ready.status = EndpointStatus.READY
        session.add(ready)
    assert 'href="/chat?endpoint=served-model"' in runs.runs_html({**DEFAULT, "run": run_id})


@pytest.mark.parametrize("run_id", ["gone", "../../etc", "${x}"])
def test_a_run_that_is_not_there_is_said_kindly(run_id: str) -> None:
    assert "no longer exists" in runs.runs_html({**DEFAULT, "run": run_id})


def test_checkpoints_are_listed_newest_first_with_their_state(make: Make) -> None:
    run_id = make("saved", RunStatus.STOPPED)
    for step in (10, 20):
        folder = checkpoints.folder_of(home.run_folder(run_id)) / f"checkpoint-{step}"
        folder.mkdir(parents=True)
        (folder / "weights").write_text("x" * 1500)
        checkpoints.write_manifest(folder, step)
    (folder / "weights").write_text("cut")
    shown = checkpoints_html({"run": run_id})
    assert shown.index("step 20") < shown.index("step 10")
    assert shown.count(">newest<") == shown.count("damaged") == 1


def test_the_best_and_the_newest_checkpoint_are_marked_with_what_was_measured(make: Make) -> None:
    run_id = make("best")
    for step, held_out in ((10, 1.25), (20, 1.75)):
        folder = checkpoints.folder_of(home.run_folder(run_id)) / f"checkpoint-{step}"
        folder.mkdir(parents=True)
        (folder / "weights").write_text("x")
        checkpoints.write_manifest(folder, step, {"loss": 0.5, "eval_loss": held_out})
    shown = checkpoints_html({"run": run_id})
    assert shown.index(">newest<") < shown.index("1.25") < shown.index(">best<")
    assert "Held out" in shown


def test_a_run_tells_what_was_changed_by_itself_and_where_it_came_from(make: Make) -> None:
    first = make("teacher", artifact="adapter")
    recipe = Recipe(model_id="m1", dataset_id="d1", start_from=first).model_dump()
    facts = RunFacts(
        notes=[f"Attempt 1: There was not enough memory. {HOSTILE}"],
        adjustments={"per_device_train_batch_size": 2, "gradient_checkpointing": True},
        healed=[Adjustment(attempt=1, step=0, words="x")],
    )
    second = make("pupil", recipe=recipe, facts=facts)
    shown = runs.runs_html({**DEFAULT, "run": second})
    for words in ("not enough memory", "per_device_train_batch_size 2 (4)", "gradient_checkpointing on", "Began with"):
        assert words in shown
    assert f'href="/runs?run={first}"' in shown
    assert "<img" not in shown
    shown = runs.runs_html({**DEFAULT, "run": first})
    assert "Trained further in" in shown
    assert f'href="/train?further={first}"' in shown
    gone = make("orphan", recipe=recipe | {"start_from": "gone"})
    assert "the run gone, which was deleted" in runs.runs_html({**DEFAULT, "run": gone})


def test_no_checkpoints_and_no_run_are_words_too(make: Make) -> None:
    assert "None yet" in checkpoints_html({"run": make("new", RunStatus.QUEUED)})
    assert "None yet" in checkpoints_html({})


def test_stop_before_the_start_stops_at_once(make: Make) -> None:
    run_id = make("waiting", RunStatus.QUEUED)
    click("stop", run_id)
    assert status_of(run_id) == RunStatus.STOPPED


def test_resume_queues_the_run_again(make: Make) -> None:
    run_id = make("again", RunStatus.INTERRUPTED)
    click("resume", run_id)
    assert status_of(run_id) == RunStatus.QUEUED


def test_rename_and_delete(make: Make) -> None:
    run_id = make("old name")
    events.append(home.ensure_folder(home.run_folder(run_id)), events.Started())
    click("rename", run_id, name="new name")
    assert engine_runs.look_up(run_id).name == "new name"
    click("delete", run_id)
    with db.reading() as session:
        assert stored_runs.get(session, run_id) is None


def test_what_the_engine_refuses_is_a_toast(make: Make, toasts: list[str]) -> None:
    run_id = make("live", RunStatus.RUNNING)
    click("delete", run_id)
    click("stop", "gone")
    assert len(toasts) == 2
    assert status_of(run_id) == RunStatus.RUNNING


def test_serve_starts_an_endpoint_and_says_so(make: Make, toasts: list[str]) -> None:
    run_id = make("Jokes v2", artifact="adapter")
    write_adapter(home.run_folder(run_id) / "adapter", run_id)
    with db.session() as session:
        model = session.get(Model, "m1")
        assert model
        model.path = str(home.ensure_folder(home.model_folder("m1")))
    click("serve", run_id)
    assert len(toasts) == 1
    assert toasts[0].startswith("jokes-v2 is starting.")
    assert '<a class="ts-link" href="/serve">See jokes-v2 on the Serve page</a>' in toasts[0]


def saved(make: Make, status: RunStatus, **values: Any) -> Run:
    """A run with whole checkpoints of steps 10 and 20 on a model that can be served."""
    run = engine_runs.look_up(make("Jokes v2", status, **values))
    for step in (10, 20):
        finished_checkpoint(run, step)
    with db.session() as session:
        session.get_one(Model, "m1").path = str(home.ensure_folder(home.model_folder("m1")))
    return run


def test_each_checkpoint_is_served_asked_exported_and_deleted_alone(make: Make, toasts: list[str]) -> None:
    run = saved(make, RunStatus.STOPPED)
    shown = checkpoints_html({"run": run.id})
    for act in ("serve-checkpoint", "export-checkpoint", "delete-checkpoint"):
        assert shown.count(f'data-act="{act}"') == 2
    assert f'href="/evaluate?subject=run:{run.id}@20"' in shown
    assert "Resume needs it: without it the training would continue from step 10. It cannot be undone." in shown
    click("serve-checkpoint", f"{run.id}@20")
    assert toasts[-1].startswith("jokes-v2-step-20 is starting.")
    with db.session() as session:
        backend = session.exec(select(Backend)).one()
        assert backend.adapters == [f"{run.id}@20"]
        backend.status = EndpointStatus.READY
    assert 'href="/chat?endpoint=jokes-v2-step-20"' in checkpoints_html({"run": run.id})
    click("delete-checkpoint", f"{run.id}@20")
    assert "The endpoint `jokes-v2-step-20` serves step 20" in toasts[-1]
    click("export-checkpoint", f"{run.id}@10", kind="adapter")
    shown = checkpoints_html({"run": run.id})
    assert "Adapter, step 10" in shown
    with db.reading() as session:
        export = session.exec(select(Export)).one()
    assert f'href="/api/exports/{export.id}/download"' in shown
    click("delete-export", export.id)
    click("delete-checkpoint", f"{run.id}@10")
    assert toasts[-1].startswith("The checkpoint of step 10 was deleted: ")
    assert [checkpoint["step"] for checkpoint in engine_runs.checkpoints(run.id)] == [20]
    click("delete-checkpoint", f"{run.id}@x")
    assert "There is: step 20." in toasts[-1]


def test_checkpoints_of_a_moving_run_and_those_that_cannot_be_opened_offer_no_more_than_they_can(make: Make) -> None:
    run = saved(make, RunStatus.RUNNING)
    shown = checkpoints_html({"run": run.id})
    assert "data-act" not in shown
    assert "until then they come and go" in shown
    whole = saved(make, RunStatus.SUCCEEDED, artifact="adapter")
    (checkpoints.folder_of(home.run_folder(whole.id)) / "checkpoint-20" / "adapter_config.json").unlink()
    folder = checkpoints.folder_of(home.run_folder(whole.id)) / "checkpoint-20"
    checkpoints.write_manifest(folder, 20)
    shown = checkpoints_html({"run": whole.id})
    assert shown.count("only to resume from") == shown.count('data-act="serve-checkpoint"') == 1
    assert shown.count('data-act="delete-checkpoint"') == 2


def test_words_of_a_run() -> None:
    def run(status: RunStatus, **values: Any) -> Run:
        run = Run(project_id="p", name="n", model_id="m", dataset_id="d", recipe={}, status=status)
        for name, value in values.items():
            setattr(run, name, value)
        return run

    assert [step_words(run(RunStatus.QUEUED)), step_words(run(RunStatus.STARTING))] == ["waiting", "preparing"]
    assert step_words(run(RunStatus.RUNNING, step=3)) == "step 3"
    assert share_done(run(RunStatus.STARTING)) is None
    assert share_done(run(RunStatus.SUCCEEDED)) == 1.0
    assert share_done(run(RunStatus.STOPPED, step=5, max_steps=10)) == 0.5
    assert share_done(run(RunStatus.QUEUED)) == 0.0
    assert time_words(run(RunStatus.SUCCEEDED, started_at=10.0, ended_at=75.0)) == "1 min 5 s"
    assert time_words(run(RunStatus.RUNNING, started_at=time.time() - 61)) == "1 min 1 s so far"
    now = time.time()
    for status, values, said in (
        (RunStatus.RUNNING, {"started_at": now - 61, "eta_seconds": 30.0}, ("Time left", "30 s")),
        (RunStatus.RUNNING, {"started_at": now - 61}, ("So far", "1 min 1 s")),
        (RunStatus.STOPPING, {"started_at": now - 61, "eta_seconds": 30.0}, ("So far", "1 min 1 s")),
        (RunStatus.STOPPED, {"started_at": 10.0, "ended_at": 75.0}, ("Took", "1 min 5 s")),
    ):
        assert time_left_or_taken(run(status, **values)) == said
