"""The models that a training asks: which may be named, what the worker is told, and that they stay while they train."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine.errors import ConflictError, NotFoundError, RefusedError
from engine.fit import memory
from engine.models import deleting
from engine.recipes import auxiliary_models
from engine.recipes.recipe import Recipe
from engine.runs import runs
from engine.train import check
from storage import db, home
from storage.statuses import DatasetStatus, ModelStatus, RunStatus
from storage.tables import DEFAULT_PROJECT, Dataset, Model, Run

DEFAULT: Any = {"project_id": DEFAULT_PROJECT}
WORDS = {"model": {"vocab": {"a": 0, "b": 1}}, "added_tokens": [{"content": "<end>", "id": 2}]}
OTHERS = {"model": {"vocab": {"a": 1, "b": 0}}, "added_tokens": []}


def model(folder: Path, name: str, vocabulary: Any = WORDS, **config: Any) -> Model:
    """A model in the list, with the files that are looked at."""
    path = folder / name
    path.mkdir()
    (path / "config.json").write_text(json.dumps({"architectures": ["LlamaForCausalLM"], **config}))
    (path / "tokenizer.json").write_text(json.dumps(vocabulary))
    row = Model(
        source="path", source_id=str(path), name=name, path=str(path), status=ModelStatus.READY, parameters=1_000_000
    )
    model_row: Model = stored(row)
    return model_row


def stored(row: Any) -> Any:
    with db.session() as session:
        session.add(row)
        session.flush()
        session.refresh(row)
        session.expunge(row)
    return row


def dataset(kind: str = "chat") -> Dataset:
    row: Dataset = stored(
        Dataset(**DEFAULT, name="rows", status=DatasetStatus.READY, kind=kind, rows=100, accepted=100, size_bytes=9000)
    )
    return row


def run(base: Model, data: Dataset, status: RunStatus = RunStatus.SUCCEEDED, **recipe: Any) -> Run:
    """A run with its result, an adapter."""
    fields = {"model_id": base.id, "dataset_id": data.id, **recipe}
    row: Run = stored(
        Run(
            **DEFAULT,
            name="earlier",
            model_id=base.id,
            dataset_id=data.id,
            status=status,
            artifact="adapter",
            recipe=fields,
        )
    )
    (home.run_folder(row.id) / "adapter").mkdir(parents=True)
    return row


def gkd(student: Model, data: Dataset, teacher: str) -> Recipe:
    return Recipe(model_id=student.id, dataset_id=data.id, method="gkd", teacher_id=teacher, bf16=False)


def judged(student: Model, data: Dataset, judge: str) -> Recipe:
    fields: dict[str, Any] = {"method": "grpo", "reward_funcs": "length, reward_model", "reward_model_id": judge}
    return Recipe(model_id=student.id, dataset_id=data.id, **fields)


def test_the_worker_is_told_where_the_teacher_lies(tmp_path: Path) -> None:
    student, teacher, data = model(tmp_path, "small"), model(tmp_path, "large"), dataset()
    assert auxiliary_models.spec_part(gkd(student, data, teacher.id)) == {
        "companion": {"path": teacher.path, "adapter": None}
    }
    earlier = run(teacher, data)
    adapter = str(home.run_folder(earlier.id) / "adapter")
    assert auxiliary_models.spec_part(gkd(student, data, earlier.id)) == {
        "companion": {"path": teacher.path, "adapter": adapter}
    }
    assert auxiliary_models.spec_part(Recipe(model_id=student.id, dataset_id=data.id)) == {}


def test_what_is_not_there_is_told_in_words(tmp_path: Path) -> None:
    student, data = model(tmp_path, "small"), dataset()
    with pytest.raises(NotFoundError, match="teacher_id is empty"):
        auxiliary_models.of(gkd(student, data, ""))
    with pytest.raises(NotFoundError, match="'nobody', which is neither a model nor a run"):
        auxiliary_models.of(gkd(student, data, "nobody"))
    with pytest.raises(RefusedError, match=r"has no result \(running\)"):
        auxiliary_models.of(gkd(student, data, run(student, data, RunStatus.RUNNING).id))
    missing = model(tmp_path, "gone")
    (Path(missing.path or "") / "config.json").unlink()
    with pytest.raises(RefusedError, match="whose files are missing"):
        auxiliary_models.of(gkd(student, data, missing.id))


def problems(recipe: Recipe, student: Model, data: Dataset, field: str) -> list[str]:
    return [problem.message for problem in check.check(recipe, student, data) if problem.field == field]


def test_a_teacher_that_cannot_teach_is_refused_before_the_start(tmp_path: Path) -> None:
    student, data = model(tmp_path, "small"), dataset()

    def messages(teacher: str) -> list[str]:
        return problems(gkd(student, data, teacher), student, data, "teacher_id")

    assert messages(model(tmp_path, "large").id) == []
    (other,) = messages(model(tmp_path, "other", OTHERS).id)
    assert "another vocabulary than small" in other
    assert "cannot teach itself" in messages(student.id)[0]
    assert "teacher_id is empty" in messages("")[0]
    assert "gives scores and writes no text" in messages(run(student, data, method="reward").id)[0]


def test_a_judge_has_to_answer_with_one_number(tmp_path: Path) -> None:
    student, data = model(tmp_path, "small"), dataset("prompt")
    head = {"architectures": ["LlamaForSequenceClassification"]}

    def messages(judge: str) -> list[str]:
        return problems(judged(student, data, judge), student, data, "reward_model_id")

    assert messages(run(student, data, method="reward").id) == []
    assert messages(model(tmp_path, "one", id2label={"0": "LABEL_0"}, **head).id) == []
    assert "is not a reward model" in messages(model(tmp_path, "two", id2label={"0": "bad", "1": "good"}, **head).id)[0]
    assert "is not a reward model" in messages(run(student, data, method="sft").id)[0]


def test_what_a_moving_run_asks_cannot_be_deleted(tmp_path: Path) -> None:
    student, teacher, data = model(tmp_path, "small"), model(tmp_path, "large"), dataset()
    judge = run(student, data, method="reward")
    learning = run(student, data, RunStatus.RUNNING, method="gkd", teacher_id=teacher.id)
    answering = run(student, data, RunStatus.QUEUED, method="grpo", reward_model_id=judge.id)
    with pytest.raises(ConflictError, match="uses the model large while it trains"):
        deleting.delete_model(teacher.id)
    with pytest.raises(ConflictError, match="uses the result of `earlier`"):
        runs.delete_run(judge.id)
    with db.session() as session:
        for run_row in (learning, answering):
            session.delete(session.get_one(Run, run_row.id))
    deleting.delete_model(teacher.id)
    runs.delete_run(judge.id)


def test_the_memory_counts_the_model_that_is_asked(tmp_path: Path) -> None:
    student, teacher, data = model(tmp_path, "small"), model(tmp_path, "large"), dataset()
    assert memory.memory(student, gkd(student, data, teacher.id)).companion == 4_000_000
    assert memory.memory(student, gkd(student, data, "nobody")).companion == 0


def test_vocabularies_are_compared_token_by_token(tmp_path: Path) -> None:
    as_list = {"model": {"vocab": [["a", -1.0], ["b", -2.0], ["<end>", 0]]}}
    folders = [
        Path(model(tmp_path, name, vocabulary).path or "") for name, vocabulary in (("x", WORDS), ("y", as_list))
    ]
    assert auxiliary_models.same_vocabulary(*folders) is True
    (folders[1] / "tokenizer.json").write_text("{")
    assert auxiliary_models.same_vocabulary(*folders) is None  # the worker will look
