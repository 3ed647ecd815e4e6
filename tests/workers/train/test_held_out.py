"""What a training holds out is the same whatever else the recipe says, stays so when it goes on, and takes its time."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import numpy
import pytest
from datasets import Dataset
from transformers import TrainerControl, TrainerState, TrainingArguments

from engine.process import events
from engine.rows.heldout import record
from engine.workers.contract import WorkFailedError
from engine.workers.tokens import training_rows
from engine.workers.tokens.row_texts import Source
from engine.workers.train import training
from engine.workers.train.evaluation import held_out
from engine.workers.train.evaluation.pace import EvaluationPace
from engine.workers.train.spec import Spec
from tests.workers.train.training_runs import chat, spec, steps, write_rows

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")


def rows(count: int, first: int = 0) -> list[list[dict[str, str]]]:
    """Chats with questions of differing lengths and answers of 5 to 45 words, each about something else."""
    told = []
    for number in range(first, first + count):
        say = Random(number)
        answer = " ".join(str(say.randrange(10_000)) for _ in range(say.randrange(5, 45)))
        told.append(chat(f"Number {number}?" + " And then?" * (number % 20), answer))
    return told


def notes(out: Path) -> list[str]:
    return [event.message for event in events.read(out)[0] if isinstance(event, events.Note)]


class Divided:
    """A dataset as a training would divide it, by positions in its file."""

    def __init__(self, tokenizer: Any, values: dict[str, Any], out: Path) -> None:
        out.mkdir(exist_ok=True)
        asked = Spec.read(values)
        source = Source(asked.dataset_path, "chat", asked.recipe.max_length, answers_only=True)
        prepared, self.counts = training_rows.prepare(tokenizer, source, out)
        self.places = {tuple(row["input_ids"]): row["position"] for row in prepared}
        learnt, evaluated = held_out.split(prepared, asked, out)
        self.evaluated_rows = len(evaluated) if evaluated else 0
        self.learnt, self.evaluated = self._positions(learnt), self._positions(evaluated)
        self.record = record.read(out / record.FILE)
        self.notes = notes(out)

    def _positions(self, part: Dataset | None) -> set[int]:
        return set() if part is None else {self.places[tuple(row["input_ids"])] for row in part}

    def held(self, part: str) -> set[int]:
        assert self.record is not None
        return set(self.record.positions(part).tolist())


@pytest.fixture
def many(tmp_path: Path) -> Path:
    return write_rows(tmp_path, "chat", rows(900))


def test_seed_and_length_do_not_matter(tiny_model: Path, tokenizer: Any, many: Path, tmp_path: Path) -> None:
    recipes: list[dict[str, Any]] = [{}, {"seed": 7}, {"max_length": 60}, {"method": "cpt", "learning_rate": 1e-4}]
    told = [
        Divided(tokenizer, spec(tiny_model, many, **{"max_length": 1024, **fields}), tmp_path / f"out{number}")
        for number, fields in enumerate(recipes)
    ]
    first = told[0]
    assert first.counts.kept == 900
    assert (len(first.evaluated), len(first.held("test"))) == (len(first.held("eval")), len(first.held("test")))
    assert 16 <= len(first.evaluated) <= 27
    assert first.learnt == set(range(900)) - first.evaluated - first.held("test")
    assert "rows for the curve" in first.notes[-1]
    for other in told[1:]:
        assert (other.held("eval"), other.held("test")) == (first.held("eval"), first.held("test"))
        assert other.evaluated <= first.evaluated
        assert not other.learnt & (first.evaluated | first.held("test"))


def test_rows_that_are_left_out_do_not_change_what_is_held_out(
    tiny_model: Path, tokenizer: Any, many: Path, tmp_path: Path
) -> None:
    """At this length nothing of the answer is left of most."""
    whole = Divided(tokenizer, spec(tiny_model, many, max_length=1024), tmp_path / "whole")
    short = Divided(tokenizer, spec(tiny_model, many, max_length=40), tmp_path / "short")
    assert short.counts.dropped > 100
    assert short.held("eval") == whole.held("eval")
    assert short.evaluated < whole.evaluated


def test_a_held_out_row_that_is_left_out_is_not_replaced_by_the_next_one(
    tiny_model: Path, tokenizer: Any, tmp_path: Path
) -> None:
    every_other = [chat(f"Number {n}?" + " And then?" * (n % 2) * 40, f"{n * n} or {n + 3}.") for n in range(80)]
    asked = spec(tiny_model, write_rows(tmp_path, "chat", every_other), max_length=60, eval_fraction=0.5)
    divided = Divided(tokenizer, asked, tmp_path / "out")
    assert divided.counts.dropped == 40
    assert divided.evaluated == divided.held("eval") & set(divided.places.values())
    assert divided.evaluated_rows == len(divided.evaluated)


def test_a_run_that_is_trained_further_learns_nothing_that_was_held_out(
    tiny_model: Path, tokenizer: Any, many: Path, tmp_path: Path
) -> None:
    first = Divided(tokenizer, spec(tiny_model, many, max_length=1024), tmp_path / "first")
    again_folder = tmp_path / "again"
    again_folder.mkdir()
    other_version = write_rows(again_folder, "chat", rows(500, first=5000) + rows(900)[::-1])
    values = spec(tiny_model, other_version, max_length=1024, seed=3)
    values |= {"dataset_family": "other", "held_out_path": str(tmp_path / "first" / record.FILE)}
    further = Divided(tokenizer, values, tmp_path / "further")
    moved = {part: {500 + 899 - at for at in first.held(part)} for part in ("eval", "test")}
    assert moved["eval"] <= further.held("eval")
    assert moved["test"] <= further.held("test")
    assert not further.learnt & (moved["eval"] | moved["test"])
    assert any("held out by the run that this one begins with" in note for note in further.notes)

    off = spec(tiny_model, many, max_length=1024, eval_fraction=0.0)
    off["held_out_path"] = str(tmp_path / "further" / record.FILE)
    third = Divided(tokenizer, off, tmp_path / "third")
    assert third.evaluated == set()
    assert not third.learnt & (first.held("eval") | first.held("test"))


def test_nothing_is_held_out_of_few_rows_or_where_the_recipe_says_so(
    tiny_model: Path, tokenizer: Any, many: Path, tmp_path: Path
) -> None:
    off = Divided(tokenizer, spec(tiny_model, many, max_length=1024, eval_fraction=0.0), tmp_path / "off")
    assert (off.evaluated, len(off.learnt), off.notes) == (set(), 900, [])
    few = tmp_path / "few"
    few.mkdir()
    values = spec(tiny_model, write_rows(few, "chat", rows(100)), max_length=1024, early_stopping_patience=2)
    told = Divided(tokenizer, values, few / "out")
    assert (told.evaluated, len(told.learnt)) == (set(), 100)
    assert told.notes[-1] == "No rows are held out for evaluation, so early_stopping_patience cannot do anything."
    values = spec(tiny_model, few / "rows.parquet", max_length=1024, lr_scheduler_type="reduce_lr_on_plateau")
    with pytest.raises(WorkFailedError, match="there are none"):
        Divided(tokenizer, values, few / "plateau")


def test_a_damaged_list_of_held_out_rows_ends_the_training_in_words(
    tiny_model: Path, tokenizer: Any, many: Path, tmp_path: Path
) -> None:
    damaged = tmp_path / "damaged.parquet"
    damaged.write_text("nothing")
    values = spec(tiny_model, many, max_length=1024) | {"held_out_path": str(damaged)}
    with pytest.raises(WorkFailedError, match="cannot be read"):
        Divided(tokenizer, values, tmp_path / "out")
    assert not (tmp_path / "out" / record.FILE).exists()


def test_a_run_of_an_older_studio_goes_on_with_the_rows_it_had(
    tiny_model: Path, tokenizer: Any, many: Path, tmp_path: Path
) -> None:
    values = spec(tiny_model, many, max_length=1024, eval_fraction=0.1, seed=5)
    values["resume_from"] = str(tmp_path / "out" / "checkpoints" / "checkpoint-4")
    told = Divided(tokenizer, values, tmp_path / "out")
    assert told.evaluated == set(numpy.random.default_rng(5).permutation(900)[:90].tolist())
    assert told.record is None


def test_a_training_by_default_measures_held_out_rows_and_says_which_they_are(tiny_model: Path, tmp_path: Path) -> None:
    values = spec(tiny_model, write_rows(tmp_path, "chat", rows(240)), max_steps=20, max_length=512)
    out = tmp_path / "out"
    out.mkdir()
    training.train(values, out)
    recorded = events.read(out)[0]
    facts = next(event.facts for event in recorded if isinstance(event, events.Started))
    kept = record.read(out / record.FILE)
    assert kept is not None
    assert facts["rows"] + facts["eval_rows"] == 240
    assert (facts["eval_rows"], facts["test_rows"], facts["report_rows"]) == (len(kept), 0, "eval")
    evaluated_at = [step for step, point in steps(recorded).items() if "eval_loss" in point]
    assert evaluated_at[-1] == 20
    assert 2 <= len(evaluated_at) <= 10


class Timed:
    """A training by hand: what a step and an evaluation take is said, not waited for."""

    def __init__(self, out: Path, step_seconds: float, evaluation_seconds: float, **recipe: Any) -> None:
        self.now = 0.0
        fields = {"model_id": "m", "dataset_id": "d", **recipe}
        values = {"recipe": fields, "model_path": "m", "dataset_path": "d", "dataset_kind": "chat"}
        self.trainer = SimpleNamespace(eval_dataset=Dataset.from_dict({"row": list(range(60))}))
        self.pace = EvaluationPace(out, Spec.read(values), self.trainer, lambda: self.now)
        self.out, self.step_seconds, self.evaluation_seconds = out, step_seconds, evaluation_seconds
        self.arguments = TrainingArguments(str(out), use_cpu=True, report_to="none")

    def evaluated(self, total: int) -> Iterator[int]:
        """The steps at which an evaluation takes place, as transformers' own flow decides."""
        state, control = TrainerState(max_steps=total, eval_steps=self.pace.every or 5), TrainerControl()
        self.pace.on_train_begin(self.arguments, state, control)
        for step in range(1, total + 1):
            state.global_step = step
            self.pace.on_step_begin()
            self.now += self.step_seconds
            control.should_evaluate = step % state.eval_steps == 0 or step == total
            self.pace.on_step_end(self.arguments, state, control)
            if control.should_evaluate:
                rows_read = len(self.trainer.eval_dataset)
                metrics = {"eval_runtime": self.evaluation_seconds * rows_read / 60}
                self.pace.on_evaluate(self.arguments, state, control, metrics)
                yield step

    @property
    def notes(self) -> list[str]:
        return notes(self.out)


@pytest.mark.parametrize(
    ("seconds", "total", "at_most"),
    [(0.01, 100, 10), (2.0, 100, 10), (4.0, 100, 5), (1.0, 1000, 20), (10.0, 1000, 10), (60.0, 3000, 5)],
)
def test_evaluations_take_at_most_about_a_tenth_of_the_time(
    tmp_path: Path, seconds: float, total: int, at_most: int
) -> None:
    timed = Timed(tmp_path, 1.0, seconds)
    evaluated = list(timed.evaluated(total))
    assert evaluated[-1] == total
    assert 2 <= len(evaluated) <= at_most
    assert timed.pace.spent <= 0.1 * total
    if seconds >= 4:
        assert "at most a tenth of the time" in timed.notes[-1]


def test_where_not_even_two_would_fit_fewer_rows_are_read(tmp_path: Path) -> None:
    timed = Timed(tmp_path, 1.0, 7.5)  # a step of four rows takes a second, and so 60 rows without gradients 7.5
    evaluated = list(timed.evaluated(40))
    assert timed.trainer.eval_dataset["row"] == list(range(15))
    assert timed.notes[0].startswith("Only 15 of the 60 held-out rows for the curve are read")
    assert evaluated[-1] == 40
    assert timed.pace.spent <= 4


def test_what_the_recipe_says_is_done_with_a_remark(tmp_path: Path) -> None:
    timed = Timed(tmp_path, 1.0, 3.0, eval_steps=5)
    assert list(timed.evaluated(40)) == list(range(5, 41, 5))
    assert len(timed.trainer.eval_dataset) == 60
    assert timed.notes == [
        "An evaluation every 5 steps takes 60 % of the time of the steps. Left empty, eval_steps keeps it to a tenth."
    ]


def test_after_a_resume_the_pace_is_the_same(tmp_path: Path) -> None:
    first = Timed(tmp_path, 1.0, 4.0)
    list(first.evaluated(100))
    state = TrainerState(max_steps=100, stateful_callbacks={"EvaluationPace": first.pace.state()})
    again = Timed(tmp_path, 1.0, 4.0)
    again.pace.on_train_begin(again.arguments, state, TrainerControl())
    assert state.eval_steps == first.pace.every > 10
