"""What a training makes of the rows of its dataset, before it starts: learnt from whole, cut, or left out.

A worker counts them once for a dataset, a model and a way to read rows (engine.workers.tokens.lengths); the counts of
every length, and of each method's own rules, follow from what it leaves. They are those that the training itself
finds. Until then there is a guess.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from engine.data import row_lengths, tokens
from engine.data.row_lengths import RowLengths
from engine.errors import NotFoundError, TunesmithError
from engine.process import work
from engine.process.work_kinds import same_work
from engine.recipes import continuation
from engine.recipes.methods import GENERATING, METHODS, answered_share
from engine.recipes.recipe import Recipe
from storage.statuses import WorkStatus
from storage.tables import Dataset, Model, Work

KIND = "token_lengths"
MOST_TOKENS = 1_048_576  # of a row: no recipe has a greater max_length
SCORED_WHOLE = ("reward", *GENERATING)  # methods that leave out what is too long, and cut nothing


@dataclass(frozen=True)
class RowCounts:
    """What becomes of so many `rows`. `exact` as the training will count them, or else a guess."""

    rows: int
    kept: int  # learnt from
    cut: int  # longer than max_length and cut at the end, of the rows with something to learn
    untrainable: int  # nothing to learn within max_length
    refused: int  # by the chat template
    without_room: int  # no prompt that leaves room for an answer of max_completion_length
    max_length: int  # tokens that a row, or a prompt that is answered, may have
    least_length: int  # the least max_length of a recipe that keeps whole what can be kept
    longest_length: int  # what the model reads
    best: int  # rows that are kept whole with the better of both
    learnt_length: int  # the least max_length with which no row is left out that a longer one would keep
    row_tokens: float  # of a row that is kept, all its texts together, as far as they are not cut: about so many
    refusal: str = ""
    exact: bool = True

    @property
    def left_out(self) -> int:
        return self.rows - self.kept

    @property
    def better_length(self) -> int:
        """The max_length that keeps whole as many rows as the model can read."""
        return min(self.least_length, self.longest_length)


def find_work(recipe: Recipe, model: Model, dataset: Dataset) -> Work | None:
    """The work that counts, or has counted, these rows, whatever became of it. None when there is none yet."""
    work_spec = spec(recipe, model, dataset)
    return work.find(KIND, dataset.id, work_spec) if work_spec else None


def begin(recipe: Recipe, model: Model, dataset: Dataset) -> Work | None:
    """Counts the rows, or hands out the work that does or did. None where there is nothing that could be counted."""
    work_spec = spec(recipe, model, dataset)
    return work.start(KIND, dataset.id, work_spec) if work_spec else None


def spec(recipe: Recipe, model: Model, dataset: Dataset) -> dict[str, Any] | None:
    """What the worker is told; None while rows or model are not ready, or the method does not learn from such rows.

    Nothing in it depends on a length of the recipe, so another length is no other work.
    """
    if dataset.kind not in METHODS[recipe.method].kinds:
        return None
    try:
        # A training that goes on from all weights of another reads as its result does.
        path = continuation.start_of(recipe, model).model_path
        work_spec = tokens.spec(dataset, model, MOST_TOKENS, recipe.assistant_only_loss or recipe.method != "sft", path)
    except TunesmithError:
        return None
    if not Path(work_spec["dataset"]).is_file():
        return None  # its rows were removed by hand
    kind = "prompt" if recipe.method in GENERATING else dataset.kind
    return {**work_spec, "kind": kind}


def counted(recipe: Recipe, model: Model, dataset: Dataset) -> RowCounts | None:
    """What the training will count, if it is known. Cheap, since many ask while a person types."""
    work_spec = spec(recipe, model, dataset)
    if work_spec is None:
        return None
    try:
        folder = _folder(dataset.id, same_work(KIND, dataset.id, work_spec))
        if row_lengths.is_there(folder):
            return of(row_lengths.counted(folder), recipe, model)
        _folder.cache_clear()
    except (NotFoundError, OSError, ValueError, KeyError):  # not counted, or removed by hand
        pass
    return None


@lru_cache(maxsize=256)
def _folder(dataset_id: str, key: str) -> str:
    """What a finished counting has left. Raises NotFoundError, which is not remembered."""
    for counting in work.about(dataset_id, KIND):
        if counting.key == key and counting.status == WorkStatus.SUCCEEDED:
            return str(work.folder(counting))
    raise NotFoundError("The rows are not counted yet.")


def learnt_rows(recipe: Recipe, model: Model, dataset: Dataset) -> int:
    """The rows that will be learnt from: as counted, or else all of the dataset."""
    counts = counted(recipe, model, dataset)
    return counts.kept if counts else dataset.train_rows


def guessed(recipe: Recipe, model: Model, dataset: Dataset) -> RowCounts | None:
    """About how it will be: from another model's count of the same rows, or from the texts of some of them."""
    work_spec = spec(recipe, model, dataset)
    if work_spec is None or not dataset.train_rows:
        return None
    lengths = _of_another_model(dataset, work_spec) or row_lengths.guessed(
        work_spec["dataset"], work_spec["kind"], dataset.train_rows
    )
    return of(lengths, recipe, model, exact=False) if lengths else None


def _of_another_model(dataset: Dataset, work_spec: dict[str, Any]) -> RowLengths | None:
    same = {name: work_spec[name] for name in ("dataset", "kind", "answers_only")}
    for counting in work.about(dataset.id, KIND):
        if counting.status == WorkStatus.SUCCEEDED and counting.spec | same == counting.spec:
            try:
                return row_lengths.counted(str(work.folder(counting)))
            except (OSError, ValueError, KeyError):
                continue
    return None


def of(lengths: RowLengths, recipe: Recipe, model: Model, exact: bool = True) -> RowCounts:
    """The counts of one length and method."""
    longest_length = min(MOST_TOKENS, model.context_length or MOST_TOKENS)
    max_length, answer = min(recipe.max_length, longest_length), answer_tokens(recipe)
    room = max_length - answer if recipe.method in GENERATING else max_length
    refused, whole = lengths.refused.at_most(room), lengths.whole.at_most(room)
    learnt = whole if recipe.method in SCORED_WHOLE else lengths.kept(room)
    without_room = lengths.without_room(room, answer) if exact and recipe.method == "gkd" and answer else 0
    least_length = least_length_of(lengths, recipe, exact)
    best_room = min(least_length, longest_length) - (answer if recipe.method in GENERATING else 0)
    return RowCounts(
        rows=lengths.rows,
        kept=learnt - without_room,
        cut=learnt - whole,
        untrainable=lengths.rows - learnt - refused,
        refused=refused,
        without_room=without_room,
        max_length=room,
        least_length=least_length,
        longest_length=longest_length,
        best=lengths.whole.at_most(best_room),
        learnt_length=lengths.needed.numbers[-1] if lengths.needed.numbers else 0,
        row_tokens=lengths.sides.mean(room) * lengths.sides.total / max(1, lengths.whole.total),
        refusal=lengths.refusal if refused else "",
        exact=exact,
    )


def least_length_of(lengths: RowLengths, recipe: Recipe, exact: bool = True) -> int:
    """The least max_length with which no row is cut or left out that another length would keep whole."""
    answer = answer_tokens(recipe)
    if recipe.method in GENERATING:
        return lengths.longest + answer
    if exact and answer:
        return max(lengths.longest, lengths.longest_prompt() + answer)
    return lengths.longest


def answer_tokens(recipe: Recipe) -> int:
    """Tokens that have to be free behind a prompt, where a model answers it while it trains."""
    share = answered_share(recipe.method, recipe.lmbda, recipe.seq_kd)
    return recipe.max_completion_length if share else 0
