"""The first lesson, moved on by its own ticks while its model, run and endpoint are made to end this way or that."""

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from engine.data import datasets, importing
from engine.errors import ConflictError, NotFoundError
from engine.lesson import addition_rows, lesson, plain_rows
from engine.recipes import provenance
from engine.runs import runs
from pages.runs.recipe import recipe_html
from storage import db, home
from storage import projects as stored_projects
from storage.statuses import DatasetStatus, EndpointStatus, ModelStatus, RunStatus
from storage.tables import Backend, Dataset, Endpoint, Lesson, Model, Project, Run
from tests.waiting import wait_for


def change(table: type[Any], row_id: str | None, **values: Any) -> None:
    """What another part of the studio does to its own row."""
    with db.session() as session:
        row = session.get(table, row_id)
        assert row is not None
        row.sqlmodel_update(values)


def current_lesson() -> Lesson:
    current = lesson.state("default")
    assert current is not None
    return current


def until(stage: str) -> Lesson:
    def reached_stage() -> Lesson | None:
        lesson.tick()
        importing.tick()
        reached = current_lesson()
        return reached if reached.stage == stage else None

    reached = wait_for(reached_stage, 40, every=0.1)
    assert reached is not None
    return reached


@pytest.fixture
def ready_model(tmp_path: Path) -> dict[str, Any]:
    """What the starter model's row says once it is fetched."""
    folder = tmp_path / "model"
    folder.mkdir()
    facts = {
        "architecture": "LlamaForCausalLM",
        "parameters": 1_000_000,
        "size_bytes": 4_000_000,
        "context_length": 2048,
    }
    (folder / "config.json").write_text(json.dumps({"model_type": "llama"}))
    return {**facts, "status": ModelStatus.READY, "path": str(folder), "trainable": True, "has_chat_template": True}


def test_its_data_comes_in_while_the_model_is_fetched(ready_model: dict[str, Any]) -> None:
    lesson.start_lesson()
    fetching = until("fetching")

    def imported() -> bool:
        until("fetching")
        dataset_id = current_lesson().dataset_id
        return dataset_id is not None and datasets.look_up(dataset_id).status == DatasetStatus.READY

    wait_for(imported, 40, every=0.1)
    change(Model, fetching.model_id, **ready_model)
    lesson.tick()
    lesson.tick()
    assert current_lesson().stage == "training"


@pytest.fixture
def training(ready_model: dict[str, Any]) -> Lesson:
    """A lesson whose run has just been queued."""
    lesson.start_lesson()
    fetching = until("fetching")
    change(Model, fetching.model_id, **ready_model)
    until("training")
    lesson.tick()
    started = current_lesson()
    assert started.run_id, started.error
    return started


@pytest.fixture
def serving(training: Lesson) -> Lesson:
    """A lesson whose endpoint has just been asked for."""
    adapter = home.run_folder(str(training.run_id)) / "adapter"
    adapter.mkdir(parents=True)
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        (adapter / name).write_text("{}")
    change(Run, training.run_id, status=RunStatus.SUCCEEDED, artifact="adapter")
    until("serving")
    lesson.tick()
    current = current_lesson()
    assert current.endpoint_id, current.error
    return current


def backend_becomes(status: EndpointStatus, **values: Any) -> None:
    with db.reading() as session:
        endpoint = session.get(Endpoint, current_lesson().endpoint_id)
    assert endpoint is not None
    change(Backend, endpoint.active_backend_id, status=status, **values)


def test_a_lesson_goes_from_the_starter_model_to_an_endpoint(serving: Lesson) -> None:
    backend_becomes(EndpointStatus.READY)
    done = until("ready")
    assert done.error is None
    run = runs.look_up(str(done.run_id))
    assert (run.model_id, run.dataset_id, run.name) == (done.model_id, done.dataset_id, lesson.NAME)
    dataset = datasets.look_up(str(done.dataset_id))
    assert (dataset.source, dataset.kind, dataset.accepted) == ("lesson", "chat", 202)
    assert lesson.start_lesson().created_at == done.created_at
    lesson.tick()
    assert current_lesson().stage == "ready"


def test_each_value_of_the_lessons_recipe_is_the_lessons_own_and_none_yours(training: Lesson) -> None:
    run = runs.look_up(str(training.run_id))
    assert set(provenance.changed(run.recipe)) == set(run.origins)
    assert set(run.origins.values()) == {"first lesson"}
    shown = recipe_html({"run": run.id})
    assert shown.count(">first lesson<") == len(run.origins)
    assert ">you<" not in shown


def test_the_lesson_holds_nothing_out_it_has_questions_of_its_own() -> None:
    assert lesson.recipe("model", "dataset").eval_fraction == 0


def test_starting_twice_changes_nothing(training: Lesson) -> None:
    second = lesson.start_lesson()
    assert (second.stage, second.run_id, second.created_at) == ("training", training.run_id, training.created_at)


def test_a_run_that_was_started_but_not_noted_is_found_again(training: Lesson) -> None:
    change(Lesson, "default", run_id=None)
    lesson.tick()
    assert current_lesson().run_id == training.run_id
    with db.reading() as session:
        assert len(stored_runs(session)) == 1


def stored_runs(session: Any) -> list[Run]:
    return list(session.exec(select(Run)))


def test_a_failed_model_is_said_and_can_be_tried_again(ready_model: dict[str, Any]) -> None:
    lesson.start_lesson()
    model_id = until("fetching").model_id
    change(Model, model_id, status=ModelStatus.FAILED, error="No network.", hint="Connect.")
    failed = until("failed")
    assert "No network. Connect." in str(failed.error)
    assert lesson.start_lesson().stage == "fetching"
    assert until("fetching").error is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"status": RunStatus.FAILED, "error": "Out of memory.", "hint": "Buy some."}, "Out of memory. Buy some."),
        ({"status": RunStatus.STOPPED}, "stopped"),
        ({"status": RunStatus.INTERRUPTED, "moved_at": time.time() - 3600}, "interrupted"),
    ],
)
def test_a_training_that_ends_badly_fails_the_lesson(training: Lesson, changes: dict[str, Any], words: str) -> None:
    change(Run, training.run_id, **changes)
    assert words in str(until("failed").error)
    begun = lesson.start_lesson()
    assert (begun.stage, begun.run_id, begun.error) == ("fetching", None, None)
    until("training")
    lesson.tick()
    assert current_lesson().run_id not in (None, training.run_id)


def test_a_lesson_that_is_stopped_ends_its_training_and_can_be_started_again(training: Lesson) -> None:
    assert lesson.stop_lesson().error == lesson.STOPPED
    assert runs.look_up(str(training.run_id)).status == RunStatus.STOPPED
    lesson.tick()
    assert current_lesson().stage == "failed"
    with pytest.raises(ConflictError):
        lesson.stop_lesson()
    with pytest.raises(NotFoundError):
        lesson.stop_lesson("other")
    assert lesson.start_lesson().stage == "fetching"


def test_a_run_just_interrupted_is_waited_for(training: Lesson) -> None:
    change(Run, training.run_id, status=RunStatus.INTERRUPTED, moved_at=time.time())
    lesson.tick()
    assert current_lesson().stage == "training"


def test_a_deleted_run_fails_the_lesson_and_is_not_made_again(training: Lesson) -> None:
    change(Run, training.run_id, status=RunStatus.FAILED)
    runs.delete_run(str(training.run_id))
    failed = until("failed")
    assert "no run" in str(failed.error)
    lesson.tick()
    with db.reading() as session:
        assert stored_runs(session) == []


def test_a_run_deleted_after_the_lesson_makes_it_startable(serving: Lesson) -> None:
    backend_becomes(EndpointStatus.READY)
    until("ready")
    backend_becomes(EndpointStatus.STOPPED)
    runs.delete_run(str(serving.run_id))
    until("failed")
    assert lesson.start_lesson().stage == "fetching"


def test_a_deleted_dataset_fails_the_lesson(ready_model: dict[str, Any]) -> None:
    lesson.start_lesson()
    change(Model, until("fetching").model_id, **ready_model)
    until("importing")
    lesson.tick()
    datasets.delete_dataset(str(current_lesson().dataset_id))
    assert "no dataset" in str(until("failed").error)


def test_a_failed_endpoint_is_said_and_the_trained_run_used_again(serving: Lesson) -> None:
    backend_becomes(EndpointStatus.FAILED, error="Port taken.")
    assert "Port taken." in str(until("failed").error)
    begun = lesson.start_lesson()
    assert (begun.stage, begun.run_id, begun.endpoint_id) == ("serving", serving.run_id, None)


def test_a_lesson_whose_endpoint_was_stopped_is_served_again(serving: Lesson) -> None:
    backend_becomes(EndpointStatus.READY)
    until("ready")
    change(Endpoint, serving.endpoint_id, stopped_at=time.time())
    assert lesson.start_lesson().stage == "serving"


def test_the_lessons_data_is_made_once_a_project(serving: Lesson) -> None:
    backend_becomes(EndpointStatus.FAILED)
    until("failed")
    runs_dataset = datasets.look_up(str(runs.look_up(str(serving.run_id)).dataset_id))
    change(Run, serving.run_id, status=RunStatus.FAILED)
    lesson.start_lesson()
    second = until("training")
    assert second.dataset_id == runs_dataset.id
    with db.reading() as session:
        assert session.get(Dataset, runs_dataset.id) is not None


def test_each_project_has_a_lesson_of_its_own() -> None:
    with db.session() as session:
        session.add(project := Project(name="other"))
    lesson.start_lesson(project.id)
    assert lesson.state("default") is None
    assert lesson.state(project.id) is not None
    with pytest.raises(NotFoundError):
        lesson.start_lesson("missing")
    with db.reading() as session:
        assert stored_projects.get(session, project.id) is not None


def questions_of_the_data() -> list[tuple[str, str]]:
    """Questions and answers of all chats."""
    chats = [json.loads(line)["messages"] for line in addition_rows.lines().splitlines()]
    return [
        (question["content"], answer["content"])
        for turns in chats
        for question, answer in zip(turns[::2], turns[1::2], strict=True)
    ]


def test_twenty_sums_are_kept_out_of_the_data_in_either_order() -> None:
    assert addition_rows.proof_question() == "What is 17 plus 6?"
    assert len({frozenset(pair) for pair in addition_rows.KEPT_OUT}) == 20
    questions = {question for question, _ in questions_of_the_data()}
    for a, b in addition_rows.KEPT_OUT:
        assert questions.isdisjoint({f"What is {a} plus {b}?", f"What is {b} plus {a}?"})


def test_sums_are_right_and_none_comes_twice() -> None:
    sums = [(question, answer) for question, answer in questions_of_the_data() if " plus " in question]
    assert len(set(sums)) == len(sums) == 323
    for question, answer in sums:
        a, b = (int(word.rstrip("?")) for word in question.split()[2::2])
        assert answer == f"{a} plus {b} equals {a + b}."


def test_every_number_is_added_often_on_both_sides() -> None:
    for side in zip(*addition_rows.pairs(), strict=True):
        counts = Counter(side)
        assert set(counts) == set(range(20))
        assert min(counts.values()) >= 12


def test_a_fifth_of_the_questions_is_plain_and_never_the_one_asked_afterwards() -> None:
    plain = [question for question, _ in questions_of_the_data() if " plus " not in question]
    assert len(plain) == len(list(addition_rows.pairs())) // addition_rows.SUMS_A_PLAIN
    assert set(plain) == {question for question, _ in plain_rows.ROWS}
    assert not any("France?" in question and "capital" in question for question in plain)


def test_the_lesson_reads_each_chat_a_little_more_than_once() -> None:
    count = len(addition_rows.lines().splitlines())
    assert count <= lesson.STEPS * lesson.ROWS_A_STEP < 1.3 * count


def test_no_sum_of_the_report_is_taught_in_either_order() -> None:
    taught = {frozenset(pair) for pair in addition_rows.pairs()}
    asked = addition_rows.UNTAUGHT
    assert len(asked) == len({frozenset(pair) for pair in asked}) == 40
    assert not taught & {frozenset(pair) for pair in asked}
    assert set(addition_rows.KEPT_OUT) <= set(asked)
    first = json.loads(addition_rows.report_lines().splitlines()[0])
    assert first["messages"][1]["content"] == "17 plus 6 equals 23."
