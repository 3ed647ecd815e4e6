"""How many rows a training will learn from, beside the Train form: counted in the background, guessed meanwhile.

The counting is begun by the panel itself, since another length or rate makes no other counting; only a large dataset
waits for a click. While it is under way the panel follows it, and the page's script asks for the panel anew at its end.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from markupsafe import Markup
from pydantic import ValidationError

from engine.data import row_counts
from engine.data.row_counts import RowCounts
from engine.errors import NotFoundError
from engine.process import work
from engine.recipes.recipe import Recipe
from pages.parts import html
from storage import datasets, models
from storage.db import reading
from storage.statuses import WORK_MOVING, WorkStatus
from storage.tables import Dataset, Model, Work

COUNTED_UNASKED = 200_000  # rows: a minute or two of one core
LIVE = Markup('<ts-live data-keep id="rows-{}" src="/fragments/train/rows?work={}" seconds="1"></ts-live>')
TAG = Markup('{} <span class="tr-source" data-source="{}">{}</span>{}')


@dataclass(frozen=True)
class RowPanel:
    """What the panel says about rows: a verdict while nothing else is wrong, and a line of facts."""

    verdict: str
    state: Literal["good", "warn", "wait"]
    fact: Markup
    is_exact: bool = False


def of(recipe: Recipe | None, model: Model | None, dataset: Dataset | None) -> RowPanel | None:
    """None where rows cannot be counted: what stands in the way is said elsewhere."""
    if recipe is None or model is None or dataset is None or row_counts.spec(recipe, model, dataset) is None:
        return None
    if counts := row_counts.counted(recipe, model, dataset):
        return RowPanel("Ready to start", "good", TAG.format(_words(counts), "measured", "counted", ""), True)
    counting = row_counts.find_work(recipe, model, dataset)
    if counting is None and dataset.train_rows <= COUNTED_UNASKED:
        counting = row_counts.begin(recipe, model, dataset)
    guess = row_counts.guessed(recipe, model, dataset)
    loses = guess is None or bool(guess.cut or guess.left_out)
    return RowPanel(_verdict(counting), "warn" if loses else "wait", _uncounted(counting, guess))


def _verdict(counting: Work | None) -> str:
    if counting and counting.status in WORK_MOVING:
        return "Ready, while rows are counted"
    return "Ready, rows not counted"


def _uncounted(counting: Work | None, guess: RowCounts | None) -> Markup:
    words = _words(guess) if guess else "not known yet"
    if counting and counting.status in WORK_MOVING:
        return TAG.format(words, "estimate", "estimate", LIVE.format(counting.id, counting.id))
    button = html.button("Count", "count", "rows")
    if counting and counting.status == WorkStatus.FAILED:
        button = html.notice(counting.error or "The rows could not be counted.", counting.hint or "", "warn") + button
    return TAG.format(words, "estimate", "estimate", Markup('<span class="tr-count">{}</span>').format(button))


def _words(counts: RowCounts) -> str:
    """ "198 learnt from, 101 of them cut; 102 left out"."""
    about = "" if counts.exact else "about "
    if not counts.left_out and not counts.cut:
        return f"{'' if counts.exact else 'probably '}all whole within {counts.max_length:,} tokens"
    cut = f", {about}{counts.cut:,} of them cut at {counts.max_length:,} tokens" if counts.cut else ""
    left_out = f"; {about}{counts.left_out:,} left out" if counts.left_out else ""
    return f"{about}{counts.kept:,} learnt from{cut}{left_out}"


def begin(values: Mapping[str, Any]) -> None:
    """Counts the rows of the form's recipe, where it is one."""
    try:
        recipe = Recipe.model_validate(values)
    except ValidationError:
        return
    with reading() as session:
        model, dataset = models.get(session, recipe.model_id), datasets.get(session, recipe.dataset_id)
    if model and dataset:
        row_counts.begin(recipe, model, dataset)


def fragment(query: Mapping[str, str]) -> str:
    """How far a counting is, by the id of its work; nothing without one. Raises NotFoundError."""
    if not query.get("work"):
        return ""
    counting = work.look_up(query["work"])
    if counting.kind != row_counts.KIND:
        raise NotFoundError(f"The work `{counting.id}` counts no rows.")
    if counting.status not in WORK_MOVING:
        return str(Markup('<p data-done="{}">Counted.</p>').format(counting.id))
    words = (counting.stage or "counting rows").capitalize()
    return str(Markup("<p>{}</p>{}").format(words, html.progress(counting.progress, words)))
