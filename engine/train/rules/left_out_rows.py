"""Which rows would be cut, or left out, at this length: said where they have been counted. A check reads no rows."""

from engine.data import row_counts
from engine.data.row_counts import RowCounts
from engine.recipes import methods
from engine.recipes.recipe import Recipe
from engine.train.rules.problem import Problem, Problems
from storage.tables import Dataset, Model


def _rows(recipe: Recipe, model: Model, dataset: Dataset) -> Problems:
    counts = row_counts.counted(recipe, model, dataset)
    if counts is None or not counts.rows or not (counts.left_out or counts.cut):
        return
    instead = {"max_length": counts.better_length} if other_length_helps(counts) else {}
    field = "max_length" if instead or not counts.refused else "dataset_id"
    hint = " ".join(part for part in (_remedy(counts, recipe, model), _refusal(counts, model)) if part)
    if counts.kept:
        yield Problem(field, in_words(counts, recipe), hint, "warning", instead)
        return
    message = f"Nothing of {dataset.name} would be learnt: all of its {counts.rows:,} rows would be left out. "
    yield Problem(field, f"{message}{', '.join(_reasons(counts, recipe))}.", hint, instead=instead)


def in_words(counts: RowCounts, recipe: Recipe) -> str:
    """Such as "198 of 300 rows are learnt from, 101 of them cut at 512 tokens. 102 hold nothing and are left out."."""
    noun = "prompts" if recipe.method in methods.GENERATING else "rows"
    cut = f", {counts.cut:,} of them cut at {counts.max_length:,} tokens" if counts.cut else ""
    learnt = f"{counts.kept:,} of {counts.rows:,} {noun} {_verb(counts.kept, 'is', 'are')} learnt from{cut}."
    return f"{learnt} {_left_out(counts, recipe)}".rstrip()


def _left_out(counts: RowCounts, recipe: Recipe) -> str:
    reasons = _reasons(counts, recipe)
    if not reasons:
        return ""
    if len(reasons) > 1:
        return f"{', '.join(reasons)}: these are left out."
    return f"{reasons[0]} and {_verb(counts.left_out, 'is', 'are')} left out."


def _reasons(counts: RowCounts, recipe: Recipe) -> list[str]:
    reasons = []
    if number := counts.untrainable:
        reasons.append(f"{number:,} {_nothing(number, counts, recipe)}")
    if number := counts.without_room:
        have, answer = _verb(number, "has", "have"), row_counts.answer_tokens(recipe)
        reasons.append(f"{number:,} {have} no prompt that leaves room for an answer of {answer:,} tokens")
    if number := counts.refused:
        reasons.append(f"{number:,} {_verb(number, 'is', 'are')} refused by the chat template")
    return reasons


def _nothing(number: int, counts: RowCounts, recipe: Recipe) -> str:
    be = _verb(number, "is", "are")
    if recipe.method in methods.GENERATING:
        return f"{be} longer than the {counts.max_length:,} tokens that an answer leaves"
    if recipe.method == "reward":
        return f"{be} longer than {counts.max_length:,} tokens, or empty,"
    return f"{_verb(number, 'holds', 'hold')} nothing to learn within {counts.max_length:,} tokens"


def other_length_helps(counts: RowCounts) -> bool:
    """Whether another length keeps more rows whole."""
    return counts.best > counts.kept - counts.cut


def _remedy(counts: RowCounts, recipe: Recipe, model: Model) -> str:
    if counts.least_length > counts.longest_length:
        reads = f"The longest row needs {counts.least_length:,} tokens, and {model.name} reads at most "
        return f"{reads}{counts.longest_length:,}. With that length {counts.best:,} rows are whole."
    if other_length_helps(counts):
        still = counts.rows - counts.best
        rest = f"; {still:,} {_verb(still, 'is', 'are')} left out with any" if still else ""
        return f"{_enough(counts, recipe)}With {counts.better_length:,} tokens no row is cut{rest}."
    alike = ", or both answers are the same" if "preference" in methods.METHODS[recipe.method].kinds else ""
    return f"No length helps: there is no answer in them{alike}." if counts.untrainable else ""


def _enough(counts: RowCounts, recipe: Recipe) -> str:
    """A length between, with which rows are cut and none is left out for it: the longest row may be a single one."""
    cuts = recipe.method not in row_counts.SCORED_WHOLE and not counts.without_room
    if not cuts or not counts.max_length < counts.learnt_length < counts.better_length:
        return ""
    return f"{counts.learnt_length:,} tokens are enough to leave none out for its length. "


def _refusal(counts: RowCounts, model: Model) -> str:
    return f"The chat template of {model.name} says: {counts.refusal}" if counts.refused else ""


def _verb(number: int, singular: str, plural: str) -> str:
    return singular if number == 1 else plural


RULES = (_rows,)
