"""What every length makes of the rows, known from one counting, is what each training finds at that length."""

import random
from pathlib import Path
from typing import Any

import pytest

from engine.data import row_counts, row_lengths
from engine.recipes.recipe import Recipe
from engine.rows.verdict import Kind
from engine.workers import contract
from engine.workers.tokens import lengths, page, row_tokens
from engine.workers.tokens.row_texts import Texts, prompt_row
from engine.workers.tokens.row_tokens import Counts
from storage.tables import Model
from tests.workers.tokens.vocabularies import spec, turns

CONTEXT = 90
LENGTHS = (*range(8, 40), *range(40, 110, 7), CONTEXT)
WORDS = ("fox", "the quick", "7", "é", "", "a" * 30)
# Of the fourth turn nothing is written that tells where it ends.
HIDES = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' }}"
    "{{ messages|length if loop.index0 == 3 else m['content'] }}{{ '<|im_end|>\n' }}{% endfor %}"
)


def some(randomly: random.Random, most: int = 6) -> str:
    return " ".join(randomly.choices(WORDS, k=randomly.randint(0, most)))


def rows_of(kind: Kind, seed: int, number: int = 30) -> list[dict[str, Any]]:
    """Rows of all lengths, some of them without an answer, some with two that are the same, or begin the same."""
    randomly = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for _ in range(number):
        chat = turns(*(some(randomly) for _ in range(randomly.randint(1, 6))))
        prompt, first, second = some(randomly), some(randomly, 3), some(randomly, 3)
        answer, other = turns("", first)[1:], turns("", randomly.choice((second, first, first + second)))[1:]
        of_kind: dict[str, dict[str, Any]] = {
            "chat": {"messages": chat},
            "completion": {"prompt": prompt, "completion": first},
            "text": {"text": some(randomly, 12)},
            "preference": {"prompt": turns(prompt), "chosen": answer, "rejected": other},
            "unpaired": {"prompt": turns(prompt), "completion": answer, "label": randomly.random() > 0.5},
            "prompt": {"prompt": turns(prompt)},
        }
        rows.append(of_kind[kind])
    return rows


def as_trained(values: dict[str, Any], max_length: int, whole: bool, folder: Path) -> tuple[Counts, list[Any]]:
    """What a training counts at that length, row by row, with its own code; and the labels of the rows it keeps."""
    texts = page.load_texts(values | {"max_length": max_length}, folder)
    counts, labels = Counts(), []
    for rows, _, _ in row_tokens.read(texts.source):
        for row in row_tokens.tokenised(texts, _read(rows, texts), max_length):
            if not row.refusal and whole and row.is_cut(texts.source):  # as engine.workers.tokens.judged_rows
                counts.rows += 1
                counts.untrainable += 1
            elif row_tokens.count(row, texts.source, counts):
                labels.append(row.sides[0].labels)
    return counts, labels


def _read(rows: list[Any], texts: Texts) -> list[Any]:
    return [prompt_row(row) for row in rows] if texts.source.kind == "prompt" else rows


def counted(folder: Path, values: dict[str, Any], context: int = CONTEXT) -> row_lengths.RowLengths:
    out = folder / "out"
    out.mkdir()
    lengths.work(values | {"max_length": context}, out)
    return row_lengths.counted(str(out))


@pytest.mark.parametrize(
    ("kind", "method", "fields"),
    [
        ("chat", "sft", {}),
        ("chat", "sft", {"assistant_only_loss": False}),
        ("completion", "sft", {}),
        ("text", "cpt", {}),
        ("preference", "dpo", {}),
        ("preference", "reward", {}),
        ("unpaired", "kto", {}),
        ("prompt", "grpo", {}),
        ("completion", "rloo", {}),
    ],
)
def test_every_length_keeps_cuts_and_leaves_out_what_the_training_does(
    tmp_path: Path, kind: Kind, method: str, fields: dict[str, Any]
) -> None:
    read_as = "prompt" if method in ("grpo", "rloo") else kind
    values = spec(tmp_path, kind, rows_of(kind, 1), answers_only=fields.get("assistant_only_loss", True))
    values["kind"] = read_as
    found = counted(tmp_path, values)
    kinds = set()
    for max_length in LENGTHS:
        answer = {"max_completion_length": 5} if read_as == "prompt" else {}
        recipe = made(method, max_length, **fields, **answer)
        room = min(max_length, CONTEXT) - answer.get("max_completion_length", 0)
        trained, _ = as_trained(values, room, method in row_counts.SCORED_WHOLE, tmp_path)
        counts = row_counts.of(found, recipe, reading(CONTEXT))
        assert (counts.rows, counts.kept, counts.cut, counts.untrainable, counts.refused) == (
            trained.rows,
            trained.kept,
            trained.truncated,
            trained.untrainable,
            trained.refused,
        ), max_length
        kinds.add((trained.kept, trained.truncated))
    assert len(kinds) > 10  # the lengths were not all the same to these rows


def reading(context_length: int) -> Model:
    """A model that reads so many tokens."""
    return Model(source="path", source_id="m", name="m", context_length=context_length)


def made(method: str, max_length: int, **fields: Any) -> Recipe:
    return Recipe.model_validate(
        {"model_id": "m", "dataset_id": "d", "method": method, "max_length": max_length, **NEEDED.get(method, {})}
        | fields
    )


NEEDED: dict[str, dict[str, Any]] = {
    "grpo": {"reward_funcs": "length", "num_generations": 2},
    "rloo": {"reward_funcs": "length", "num_generations": 2},
    "gkd": {"teacher_id": "t"},
}


def test_prompts_that_leave_no_room_for_the_pupils_answer_are_known_too(tmp_path: Path) -> None:
    values = spec(tmp_path, "chat", rows_of("chat", 3))
    found = counted(tmp_path, values)
    seen = set()
    for max_length in LENGTHS:
        longest = min(max_length, CONTEXT)
        trained, labels = as_trained(values, longest, False, tmp_path)
        for answer in (1, 3, 6):
            recipe = made("gkd", max_length, max_completion_length=answer)
            fits = sum(0 < row_tokens.prompt_tokens(row.tolist()) <= longest - answer for row in labels)
            counts = row_counts.of(found, recipe, reading(CONTEXT))
            assert (counts.kept, counts.without_room) == (fits, trained.kept - fits), (max_length, answer)
            seen.add(counts.without_room)
    assert len(seen) > 4


def test_a_row_is_refused_only_from_the_length_on_at_which_the_answer_in_doubt_is_read(tmp_path: Path) -> None:
    """A training looks at no turn far behind the cut, so a longer one may refuse what a shorter one keeps."""
    long_chat = turns("Q", "A" * 128 * 12, "Q", "lost", "more", "end")
    values = spec(tmp_path, "chat", [{"messages": long_chat}], HIDES)
    found, seen = counted(tmp_path, values), set()
    for length in (8, 10, 11, 12, 13, 14, 15, 40):
        trained, _ = as_trained(values, length, False, tmp_path)
        counts = row_counts.of(found, made("sft", length), reading(CONTEXT))
        assert (counts.kept, counts.cut, counts.refused) == (trained.kept, trained.truncated, trained.refused), length
        seen.add((counts.kept, counts.refused))
    assert {(1, 0), (0, 1)} <= seen


def test_the_length_that_keeps_all_keeps_all_and_one_less_does_not(tmp_path: Path) -> None:
    values = spec(tmp_path, "chat", rows_of("chat", 5))
    found, model = counted(tmp_path, values, 1000), reading(1000)
    short = row_counts.of(found, made("sft", 20), model)
    best = row_counts.of(found, made("sft", short.better_length), model)
    assert short.cut > 0
    assert (best.cut, best.kept) == (0, short.best)
    assert row_counts.of(found, made("sft", short.better_length - 1), model).cut > 0


def test_a_stop_is_heard_while_rows_are_counted(tmp_path: Path) -> None:
    values = spec(tmp_path, "text", [{"text": "one"}])
    (tmp_path / "stop.request").touch()
    with pytest.raises(contract.Stopped):
        lengths.work(values, tmp_path)
