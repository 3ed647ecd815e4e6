"""Rows that a training would cut or leave out are counted before it starts, and a length that keeps them is offered."""

from pathlib import Path
from typing import Any

import pytest

from engine.data import row_counts
from engine.errors import RefusedError
from engine.process import work
from engine.process.work_kinds import same_work
from engine.recipes.recipe import Recipe
from engine.runs import runs
from engine.train.rules import left_out_rows
from engine.train.rules.problem import Problem
from engine.workers.tokens import lengths
from storage import db, home
from storage.statuses import WorkStatus
from storage.tables import Dataset, Model, Work
from tests.workers.tokens.vocabularies import furnish, turns, vocabulary

REFUSES = "{{ raise_exception('Only on Sundays') if messages[0]['content'] == 'Q0' }}{{ messages }}"


def recipe(dataset: Dataset, model: Model, **fields: Any) -> Recipe:
    return Recipe.model_validate({"model_id": model.id, "dataset_id": dataset.id} | fields)


def count(dataset: Dataset, model: Model, **fields: Any) -> None:
    """What the work that counts for such a recipe leaves, made in this process."""
    spec = row_counts.spec(recipe(dataset, model, **fields), model, dataset)
    assert spec is not None
    key = same_work(row_counts.KIND, dataset.id, spec)
    done = Work(kind=row_counts.KIND, subject_id=dataset.id, key=key, spec=spec, status=WorkStatus.SUCCEEDED)
    done.result = lengths.work(spec, home.ensure_folder(work.folder(done)))
    with db.session() as session:
        session.add(done)


def said(dataset: Dataset, model: Model, **fields: Any) -> list[Problem]:
    return list(left_out_rows._rows(recipe(dataset, model, **fields), model, dataset))


def test_every_length_is_known_from_one_counting(tmp_path: Path) -> None:
    rows = [*[turns("Q", "A")] * 4, turns("Q", "A" * 99), turns("Q" * 99, "A")]
    dataset, model = furnish(tmp_path, "chat", [{"messages": chat} for chat in rows])
    assert said(dataset, model) == []  # not counted yet
    counting = row_counts.begin(recipe(dataset, model, max_length=64), model, dataset)
    assert counting is not None
    assert work.wait(counting.id, 60).status == WorkStatus.SUCCEEDED
    (short,) = said(dataset, model, max_length=64)
    assert (short.level, short.field) == ("warning", "max_length")
    assert short.message == (
        "5 of 6 rows are learnt from, 1 of them cut at 64 tokens. "
        "1 holds nothing to learn within 64 tokens and is left out."
    )
    assert "no row is cut" in short.hint
    assert said(dataset, model, **short.instead) == []
    (almost,) = said(dataset, model, max_length=short.instead["max_length"] - 1)
    assert "cut at" in almost.message
    again = row_counts.begin(recipe(dataset, model, max_length=2000), model, dataset)
    assert again is not None
    assert again.id == counting.id
    assert said(dataset, model, max_length=2000) == []


def test_a_recipe_that_would_learn_nothing_does_not_start(tmp_path: Path) -> None:
    dataset, model = furnish(tmp_path, "chat", [{"messages": turns("Q" * 300, "A")}] * 6)
    count(dataset, model)
    (problem,) = said(dataset, model, max_length=64)
    assert problem.level == "error"
    assert "all of its 6 rows would be left out" in problem.message
    assert said(dataset, model, **problem.instead) == []
    with pytest.raises(RefusedError, match="all of its 6 rows"):
        runs.start_run("nothing", recipe(dataset, model, max_length=64))


def test_what_no_length_can_help_is_said(tmp_path: Path) -> None:
    prompt, same = turns("Q"), turns("", "same")[1:]
    rows = [{"prompt": prompt, "chosen": turns("", f"good {n}")[1:], "rejected": same} for n in range(4)]
    rows += [{"prompt": prompt, "chosen": same, "rejected": same}]
    dataset, model = furnish(tmp_path, "preference", rows)
    count(dataset, model, method="dpo")
    (problem,) = said(dataset, model, method="dpo")
    assert problem.message.startswith("4 of 5 rows are learnt from. 1 holds nothing to learn")
    assert "No length helps" in problem.hint
    assert "both answers are the same" in problem.hint
    assert problem.instead == {}


def test_a_length_beyond_what_the_model_reads_is_not_offered(tmp_path: Path) -> None:
    lengths = (2, 200, 4000)
    dataset, model = furnish(tmp_path, "chat", [{"messages": turns("Q", "A" * length)} for length in lengths])
    count(dataset, model)
    (problem,) = said(dataset, model, max_length=64)
    assert problem.instead == {"max_length": model.context_length}
    assert f"reads at most {model.context_length:,}. With that length 2 rows are whole." in problem.hint
    (problem,) = said(dataset, model, max_length=2048)
    assert problem.instead == {}
    assert "1 of them cut at 2,048 tokens" in problem.message


def test_rows_are_left_out_by_their_method(tmp_path: Path) -> None:
    prompt, other = turns("Q"), turns("", "other")[1:]
    rows = [{"prompt": prompt, "chosen": turns("", "A" * length)[1:], "rejected": other} for length in (3, 4, 300)]
    dataset, model = furnish(tmp_path, "preference", rows)
    count(dataset, model, method="dpo")
    (pairs,) = said(dataset, model, max_length=64, method="dpo")
    assert pairs.message == "3 of 3 rows are learnt from, 1 of them cut at 64 tokens."
    (scored,) = said(dataset, model, max_length=64, method="reward")
    assert scored.message.endswith("1 is longer than 64 tokens, or empty, and is left out.")


def test_prompts_have_to_leave_room_for_an_answer(tmp_path: Path) -> None:
    dataset, model = furnish(tmp_path, "prompt", [{"prompt": turns("Q" * length)} for length in (2, 4, 300)])
    fields = {"method": "grpo", "max_length": 128, "max_completion_length": 64}
    count(dataset, model, **fields)
    (problem,) = said(dataset, model, **fields)
    assert problem.message.startswith("2 of 3 prompts are learnt from. 1 is longer than the 64 tokens")
    assert said(dataset, model, **fields | problem.instead) == []


def test_what_the_template_refuses_is_told_in_its_words(tmp_path: Path) -> None:
    rows = [{"messages": turns(f"Q{number}", "A")} for number in range(3)]
    dataset, model = furnish(tmp_path, "chat", rows, REFUSES)
    count(dataset, model, assistant_only_loss=False)
    (problem,) = said(dataset, model, assistant_only_loss=False)
    assert "1 is refused by the chat template" in problem.message
    assert "Only on Sundays" in problem.hint


def test_until_it_is_counted_there_is_a_guess_and_another_models_count_is_a_better_one(tmp_path: Path) -> None:
    rows = [{"messages": turns("the quick brown fox " * 10, "jumps " * length)} for length in (1, 1, 1, 400)] * 5
    dataset, model = furnish(tmp_path, "chat", rows)
    guess = row_counts.guessed(recipe(dataset, model, max_length=256), model, dataset)
    assert guess is not None
    assert (guess.exact, guess.rows, guess.cut) == (False, 20, 5)
    with db.session() as session:
        twin = Model(**model.model_dump(exclude={"id"}))
        session.add(twin)
    spec = row_counts.spec(recipe(dataset, twin), twin, dataset)
    assert spec is not None
    vocabulary().save(Path(spec["cache"]))
    count(dataset, twin)
    # The twin's folder is the model's own, so the count is the same; only its length of text differs from the guess.
    known = row_counts.guessed(recipe(dataset, model, max_length=256), model, dataset)
    exact = row_counts.counted(recipe(dataset, twin, max_length=256), twin, dataset)
    assert known is not None
    assert exact is not None
    assert (known.exact, exact.exact) == (False, True)
    assert known.least_length == exact.least_length != guess.least_length


def test_what_is_not_ready_or_does_not_fit_is_not_counted(tmp_path: Path) -> None:
    dataset, model = furnish(tmp_path, "text", [{"text": "fox"}])
    assert row_counts.begin(recipe(dataset, model, method="sft"), model, dataset) is None
    assert row_counts.begin(recipe(dataset, model, method="cpt", start_from="gone"), model, dataset) is None
    dataset.sha256 = None
    assert row_counts.begin(recipe(dataset, model, method="cpt"), model, dataset) is None
    assert row_counts.guessed(recipe(dataset, model, method="cpt"), model, dataset) is None
