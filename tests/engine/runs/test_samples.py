"""Fixed prompts of a project, and the timeline of a run's answers in the database."""

import pytest

from engine.errors import NotFoundError, RefusedError
from engine.process import attempts, events
from engine.process.attempts import Seen
from engine.recipes import fixed_prompts
from engine.recipes.recipe import Recipe
from engine.runs import deleting, ingest, runs, samples
from engine.runs.samples import Sample
from storage import db, transitions
from storage.statuses import RunStatus
from storage.tables import DEFAULT_PROJECT, Dataset, Model, Run, RunFacts


@pytest.fixture(autouse=True)
def run(home: object) -> Run:
    return one_run("r1")


def one_run(run_id: str) -> Run:
    with db.session() as session:
        if session.get(Model, "m1") is None:
            session.add(Model(id="m1", source="path", source_id="x", name="m"))
            session.add(Dataset(id="d1", project_id="default", name="d"))
            session.flush()
        made = Run(id=run_id, project_id="default", name="r", model_id="m1", dataset_id="d1", recipe={})
        session.add(made)
    return made


def answers(step: int, *texts: str) -> events.Answered:
    told = [events.FixedAnswer(prompt=f"p{place}", answer=text, tokens=len(text)) for place, text in enumerate(texts)]
    cost = {"seconds": 2.0, "training_seconds": 40.0, "said": ""}
    return events.Answered(step=step, answers=told, cost=cost)


def take_in(run: Run, *seen: events.Event, offset: int = 10) -> Run:
    newer = ingest.take_in(run, Seen(attempts.State.LIVING, list(seen), offset, is_news=True))
    assert newer is not None
    return newer


def test_answers_are_told_by_step_and_prompt_and_reading_them_twice_changes_nothing(run: Run) -> None:
    newer = take_in(run, answers(5, "b", "c"), answers(0, "a", "a"))
    take_in(newer, answers(5, "d", "c"), offset=20)  # a resumed run comes by a step again
    assert samples.of_run("r1") == [
        Sample(0, "p0", "a", 1),
        Sample(0, "p1", "a", 1),
        Sample(5, "p0", "d", 1),
        Sample(5, "p1", "c", 1),
    ]
    assert samples.of_run("r1", limit=1, offset=2) == [Sample(5, "p0", "d", 1)]
    assert newer.facts.answering["seconds"] == 2.0
    with pytest.raises(NotFoundError, match="run"):
        samples.of_run("gone")


def test_a_place_on_the_timeline_comes_with_the_first_step_and_the_one_before(run: Run) -> None:
    assert samples.timeline("r1").place == 0
    take_in(run, *(answers(step, f"at {step}") for step in (0, 10, 20)))
    newest, middle, beyond = samples.timeline("r1"), samples.timeline("r1", 2), samples.timeline("r1", 99)
    assert (newest.step, newest.place, newest.places) == (20, 3, 3)
    assert beyond == newest
    assert (middle.step, middle.before_step) == (10, 0)
    assert [middle.here[0].answer, middle.first[0].answer, middle.before[0].answer] == ["at 10", "at 0", "at 0"]
    assert samples.timeline("r1", 1).before == []


def test_a_million_answers_are_looked_at_by_their_index_alone(run: Run) -> None:
    """Statements that read a step, or count steps, use an index: what other steps say is not read."""
    with db.session() as session:
        plans = [
            str(session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}").all())
            for statement in (
                "SELECT count(*) FROM sample WHERE run_id = 'r1' AND number = 0",
                "SELECT step FROM sample WHERE run_id = 'r1' AND number = 0 ORDER BY step LIMIT 1 OFFSET 9",
                "SELECT * FROM sample WHERE run_id = 'r1' AND step = 5 ORDER BY number",
            )
        ]
    assert "COVERING INDEX ix_sample_run_number_step" in plans[0]
    assert "COVERING INDEX ix_sample_run_number_step" in plans[1]
    assert "SEARCH sample USING INDEX" in plans[2]
    assert not any("TEMP B-TREE" in plan for plan in plans)


def test_deleting_a_run_takes_its_answers_along(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    take_in(run, answers(0, "a"))
    with db.session() as session:
        transitions.move_run(session, run, RunStatus.QUEUED, RunStatus.STOPPED, "test")
    runs.delete_run("r1")
    monkeypatch.setattr(deleting, "UNDO_SECONDS", -10)  # the time to undo is over
    deleting.remove_due()
    assert samples.count("r1") == 0


PROMPTS = ["What is 2 plus 2?", " Tell a joke.\n\nA short one. ", "Who are you?"]


def test_a_project_has_three_to_ten_prompts_or_none_and_its_trainings_are_told(run: Run) -> None:
    assert samples.prompts_of(DEFAULT_PROJECT) == []
    kept = samples.set_prompts(DEFAULT_PROJECT, PROMPTS)
    assert kept == samples.prompts_of(DEFAULT_PROJECT) == [prompt.strip() for prompt in PROMPTS]
    assert samples.spec_part(run)["samples"]["prompts"] == kept
    trial = run.model_copy(update={"facts": RunFacts(trial_of="sweep")})
    assert samples.spec_part(trial) == {}
    assert samples.set_prompts(DEFAULT_PROJECT, []) == []
    with pytest.raises(NotFoundError):
        samples.set_prompts("gone", PROMPTS)


@pytest.mark.parametrize(
    ("prompts", "words"),
    [
        (["one", "two"], "2 prompts are too few"),
        (["one"], "1 prompt is too few"),
        ([str(number) for number in range(11)], "11 prompts are too many"),
        (["one", "  ", "three"], "Prompt 2 is empty"),
        (["one", "two", "x" * 2001], "Prompt 3 has 2,001 characters"),
        (["one", "two", "one "], "Prompt 3 is the same as prompt 1"),
        (["one", "t\x1bwo", "three"], "Prompt 2 has control characters"),
        (["one", "t\u202ewo", "three"], "Prompt 2 has control characters"),
        (["one", "two", "\ud800"], "Prompt 3 has half a character"),
    ],
)
def test_prompts_that_cannot_be_asked_are_refused_by_number(prompts: list[str], words: str) -> None:
    with pytest.raises(RefusedError, match=words):
        samples.set_prompts(DEFAULT_PROJECT, prompts)
    assert samples.prompts_of(DEFAULT_PROJECT) == []


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        ({"method": "reward"}, "gives a number"),
        ({"strategy": "fsdp"}, "fsdp divides the weights"),
        ({"strategy": "deepspeed_zero3"}, "divides the weights"),
        ({"strategy": "ddp"}, ""),
        ({"method": "grpo", "reward_funcs": "length"}, ""),
    ],
)
def test_it_is_said_which_trainings_cannot_answer(recipe: dict[str, str], words: str) -> None:
    said = fixed_prompts.why_not(Recipe.model_validate({"model_id": "m", "dataset_id": "d", **recipe}))
    assert words in said
    assert bool(said) == bool(words)
