"""Which steps a fit probe tries, and what follows from them. Pure: the trying itself is given as a function.

A recipe that fits is tried again with twice (or half) the rows: memory grows in a straight line with the rows of a
batch, so two points say how many fit. One that does not fit is made smaller until it does: first the batch, with more
accumulation for the same step; then gradient checkpointing; then shorter rows. Whatever is suggested was tried.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from pydantic import ValidationError

from engine.fit.measurement import Largest, Suggestion, Trial
from engine.recipes.recipe import Recipe

MOST_BATCH = 256  # larger ones are hardly ever of use, and are not looked for
SHORTEST = 64  # tokens: with shorter rows little can be learnt
WORTH_SPEED = 1.05  # a change for speed alone must bring so much

Attempt = Callable[[Recipe], Trial]


@dataclass
class Search:
    """One search: `attempt` does real steps of a recipe; `has_time` is asked before each but the first."""

    recipe: Recipe
    attempt: Attempt
    budget: int  # bytes
    has_time: Callable[[], bool] = lambda: True
    trials: list[Trial] = field(default_factory=list)
    largest: Largest | None = None
    suggestion: Suggestion | None = None

    def run(self) -> None:
        """Tries, and fills `trials`, `largest` and `suggestion`."""
        first = self._try(self.recipe)
        if first.automatic:  # what the worker chose stays while other sizes are compared
            self.recipe = self.recipe.model_copy(update={"gradient_checkpointing": first.gradient_checkpointing})
        self._find(first)
        if first.automatic and self.suggestion and self.suggestion.fields:
            fields = {"gradient_checkpointing": self.recipe.gradient_checkpointing} | self.suggestion.fields
            self.suggestion = self.suggestion.model_copy(update={"fields": fields})

    def _find(self, first: Trial) -> None:
        if first.fits:
            self._grow(first)
        else:
            self._shrink()

    def _try(self, recipe: Recipe) -> Trial:
        trial = self.attempt(recipe)
        self.trials.append(trial)
        return trial

    def _changed(self, **fields: object) -> Recipe | None:
        """The recipe with these fields, or None when they do not go together, or there is no time to try it."""
        return changed(self.recipe, **fields) if self.has_time() else None

    def _grow(self, first: Trial) -> None:
        second_recipe = self._changed(per_device_train_batch_size=second_batch(first, self.budget))
        second = self._try(second_recipe) if second_recipe and second_recipe != self.recipe else None
        self.largest = largest([trial for trial in (first, second) if trial], self.budget)
        self.suggestion = self._faster(first) or Suggestion(reason="It fits as it is.")
        alike = [trial for trial in self.trials if trial.gradient_checkpointing == first.gradient_checkpointing]
        self.largest = largest(alike, self.budget)

    def _faster(self, first: Trial) -> Suggestion | None:
        """The same steps in fewer, larger batches, or without recomputing, where that is faster and fits."""
        for fields, reason in self._faster_ways():
            candidate = self._changed(**fields)
            if candidate is None:
                continue
            earlier = next((trial for trial in self.trials if trial.of(candidate)), None)
            trial = earlier or self._try(candidate)
            if trial.fits and trial.tokens_per_second > WORTH_SPEED * first.tokens_per_second:
                gain = trial.tokens_per_second / first.tokens_per_second - 1
                return Suggestion(fields=fields, reason=f"{reason}: {gain:.0%} faster, and it fits.")
        return None

    def _faster_ways(self) -> Iterator[tuple[dict[str, object], str]]:
        if self.recipe.gradient_checkpointing:
            yield {"gradient_checkpointing": False}, "Activations can be kept instead of computed again"
        most = self.largest.batch if self.largest else 0
        larger = [size for size in batches(self.recipe) if self.recipe.per_device_train_batch_size < size <= most]
        if larger:
            yield split(self.recipe, larger[-1]), "The same step in fewer, larger batches"

    def _shrink(self) -> None:
        for fields, words in smaller_ways(self.recipe):
            candidate = self._changed(**fields)
            if candidate is None:
                continue
            trial = self._try(candidate)
            if trial.fits:
                self._settle(candidate, trial, fields, words)
                return
        reason = "Nothing that was tried fits. Use tuning qlora where it is available, or a smaller model."
        self.suggestion = Suggestion(reason=reason, found=False)

    def _settle(self, fitting: Recipe, trial: Trial, fields: dict[str, object], reason: str) -> None:
        """`fitting` is small enough; perhaps a larger batch is, too."""
        self.suggestion = Suggestion(fields=fields, reason=reason)
        self.largest = Largest(batch=trial.batch, tried=True)
        sizes = [size for size in batches(self.recipe) if trial.batch < size < self.recipe.per_device_train_batch_size]
        second = changed(fitting, **split(self.recipe, sizes[0])) if sizes and self.has_time() else None
        if second is None:
            return
        points = [trial, self._try(second)]
        self.largest = largest(points, self.budget)
        best = [size for size in sizes if size <= self.largest.batch][-1:]
        candidate = changed(fitting, **split(self.recipe, best[0])) if best else None
        if candidate is None:
            return
        candidate_trial = next((earlier for earlier in self.trials if earlier.of(candidate)), None)
        if candidate_trial is None and self.has_time():
            candidate_trial = self._try(candidate)
        if candidate_trial is not None and candidate_trial.fits:
            self.suggestion = Suggestion(fields=fields | split(self.recipe, best[0]), reason=reason)
            self.largest = largest([*points, candidate_trial], self.budget)


def changed(recipe: Recipe, **fields: object) -> Recipe | None:
    """The recipe with other values, or None when they do not go together."""
    try:
        return Recipe.model_validate(recipe.model_dump() | fields)
    except ValidationError:
        return None


def batches(recipe: Recipe) -> list[int]:
    """The batch sizes that make up the same step, ascending: divisors of batch times accumulation."""
    step = recipe.per_device_train_batch_size * recipe.gradient_accumulation_steps
    return [size for size in range(1, min(step, MOST_BATCH) + 1) if step % size == 0]


def split(recipe: Recipe, batch: int) -> dict[str, object]:
    """The fields for the recipe's own step in batches of that size."""
    step = recipe.per_device_train_batch_size * recipe.gradient_accumulation_steps
    return {"per_device_train_batch_size": batch, "gradient_accumulation_steps": step // batch}


def second_batch(first: Trial, budget: int) -> int:
    """Where to measure the second point: twice the rows when that is sure to fit, else half of them."""
    growth = max(0, first.peak_bytes - first.before_bytes)
    doubled = min(2 * first.batch, MOST_BATCH)
    return doubled if first.peak_bytes + growth <= budget else max(1, first.batch // 2)


def largest(points: Iterable[Trial], budget: int) -> Largest:
    """The largest batch that stays within `budget`, beyond the measured points on the steepest line between two."""
    by_batch = sorted(points, key=lambda trial: trial.batch)
    fitting = [trial for trial in by_batch if trial.fits]
    largest_fitting = fitting[-1]
    pairs = [(low, up) for low, up in pairwise(fitting) if low.batch < up.batch]
    bytes_per_row = max(((up.peak_bytes - low.peak_bytes) / (up.batch - low.batch) for low, up in pairs), default=0)
    if bytes_per_row <= 0:  # one point alone, or so small that the noise of the system is larger
        return Largest(batch=largest_fitting.batch, at_least=True, tried=True)
    computed = int(largest_fitting.batch + (budget - largest_fitting.peak_bytes) / bytes_per_row)
    smallest_refused = min((trial.batch for trial in by_batch if not trial.fits), default=MOST_BATCH + 1)
    best = max(min(computed, smallest_refused - 1, MOST_BATCH), largest_fitting.batch)
    return Largest(
        batch=best,
        at_least=computed > MOST_BATCH and smallest_refused > MOST_BATCH,
        tried=best == largest_fitting.batch,
    )


def smaller_ways(recipe: Recipe) -> Iterator[tuple[dict[str, object], str]]:
    """Fields that need less and less memory, each with the words that go with them."""
    least = next((size for size in batches(recipe) if changed(recipe, **split(recipe, size))), None)
    fields: dict[str, object] = split(recipe, least) if least else {}
    if least and least < recipe.per_device_train_batch_size:
        yield fields, "The same step in smaller batches fits."
    if not recipe.gradient_checkpointing:
        fields = fields | {"gradient_checkpointing": True}
        yield fields, "It fits when activations are computed again instead of kept, about a third slower."
    length = recipe.max_length // 2
    while length >= SHORTEST:
        yield fields | {"max_length": length}, f"Only rows of up to {length} tokens fit; longer ones are cut."
        length //= 2
