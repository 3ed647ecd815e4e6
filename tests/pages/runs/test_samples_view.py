"""The answers of a run: the timeline, marked words, the prompts of the project, and runs side by side."""

import pytest

from engine.errors import RefusedError
from engine.process import events
from engine.recipes import fixed_prompts
from engine.runs import samples
from pages.parts import toasts
from pages.runs import page
from storage import db
from storage.statuses import RunStatus
from storage.tables import Run
from tests.engine.runs.test_comparing import two
from tests.engine.runs.test_samples import one_run, take_in

__all__ = ["two"]


def told(step: int, answer: str, is_cut: bool = False) -> events.Answered:
    one = events.FixedAnswer(prompt="Who <b>?", answer=answer, tokens=len(answer.split()), is_cut=is_cut)
    return events.Answered(
        step=step, answers=[one], cost={"seconds": 2.0, "training_seconds": 50.0, "said": "Some were cut."}
    )


@pytest.fixture
def run(home: object) -> Run:
    run = one_run("r1")
    return take_in(run, told(0, "I am a cat"), told(10, "I am a dog"), told(20, "You are a dog <script>"))


def shown(**query: str) -> str:
    return page.runs_html({"project": "default", "run": "r1", "tab": "answers", **query})


def test_the_newest_answers_are_marked_against_step_0_or_the_step_before(run: Run) -> None:
    text = shown()
    assert "Step <b>20</b> <small>3 of 3</small>" in text
    assert "Who &lt;b&gt;?" in text
    assert "<del>I am</del><ins>You are</ins> a <del>cat</del><ins>dog &lt;script&gt;</ins>" in text
    assert "<del>I am</del><ins>You are</ins> a dog<ins> &lt;script&gt;</ins>" in shown(against="before")
    assert "<del>" not in shown(against="none")
    assert "2.0 s, 4.0 % of the 50 s of training so far. Some were cut." in text


def test_a_slider_goes_from_the_first_to_the_last_and_the_address_names_the_place(run: Run) -> None:
    text = shown(place="2", against="before")
    assert 'type="range" name="place" min="1" max="3" step="1" value="2"' in text
    assert 'aria-valuetext="Step 10"' in text
    assert 'place=1&amp;against=before" data-soft>Before</a>' in text
    assert "Newest</a>" in text
    assert "Step <b>0</b>" in shown(place="1")
    assert "<ins>" not in shown(place="1")
    assert "Step <b>20</b>" in shown(place="99")
    assert "Step <b>20</b>" in shown(place="x")


def test_what_a_cut_answer_lacks_at_its_end_is_no_change(home: object) -> None:
    take_in(one_run("r1"), told(0, "one two three four"), told(10, "one two", is_cut=True))
    text = shown()
    assert "<del>" not in text
    assert "2 tokens, cut here" in text


def test_a_run_without_answers_says_why(home: object) -> None:
    one_run("r1")
    assert "after the first loss point" in shown()
    recipe = {"model_id": "m1", "dataset_id": "d1", "method": "reward"}
    with db.session() as session:
        run = session.get_one(Run, "r1")
        run.recipe = recipe
    assert "gives a number" in shown()
    with db.session() as session:
        run = session.get_one(Run, "r1")
        run.recipe, run.status = {**recipe, "method": "sft"}, RunStatus.STOPPED
    assert "has answered no prompts" in shown()


def test_prompts_are_changed_from_there_and_empty_fields_left_out(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(toasts, "done", said.append)
    assert "questions of 4 held-out rows" in shown()
    assert shown().count("<textarea") == fixed_prompts.MOST
    values = {"prompt1": "One </textarea>?", "prompt2": " ", "prompt3": "Two?", "prompt7": "Three?"}
    page.ACTS["prompts"]("default", values)
    assert samples.prompts_of("default") == ["One </textarea>?", "Two?", "Three?"]
    assert "One &lt;/textarea&gt;?</textarea>" in shown()
    assert said == ["3 prompts are asked by every training that starts from now on."]
    with pytest.raises(RefusedError, match="too few"):
        page.ACTS["prompts"]("default", {"prompt1": "One?"})


def test_runs_side_by_side_show_their_newest_answers_to_each_prompt(two: list[str]) -> None:
    with db.reading() as session:
        first, second = session.get_one(Run, "a"), session.get_one(Run, "b")
    assert "fixed prompts" not in page.runs_html({"project": "default", "compare": "a,b"})
    take_in(first, told(0, "meow"), told(3, "woof"))
    text = page.runs_html({"project": "default", "compare": "a,b"})
    assert "woof" in text
    assert "meow" not in text
    assert "Not asked." in text
    take_in(second, told(2, "moo"))
    text = page.runs_html({"project": "default", "compare": "a,b"})
    assert text.index("woof") < text.index("moo")
    assert "<small>step 3</small>" in text
