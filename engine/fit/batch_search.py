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
            tried = {"gradient_checkpointing": self.recipe.gradient_checkpointing} | self.suggestion.fields
            self.suggestion = self.suggestion.model_copy(update={"fields": tried})

    def _find(self, first: Trial) -> None:
        if first.fits:
            self._grow(first)
        else:
            self._shrink()

    def _try(self, recipe: Recipe) -> Trial:
        found = self.attempt(recipe)
        self.trials.append(found)
        return found

    def _changed(self, **fields: object) -> Recipe | None:
        """The recipe with these fields, or None when they do not go together, or there is no time to try it."""
        return changed(self.recipe, **fields) if self.has_time() else None

    def _grow(self, first: Trial) -> None:
        again = self._changed(per_device_train_batch_size=second_batch(first, self.budget))
        second = self._try(again) if again and again != self.recipe else None
        self.largest = largest([one for one in (first, second) if one], self.budget)
        self.suggestion = self._faster(first) or Suggestion(reason="It fits as it is.")
        alike = [one for one in self.trials if one.gradient_checkpointing == first.gradient_checkpointing]
        self.largest = largest(alike, self.budget)

    def _faster(self, first: Trial) -> Suggestion | None:
        """The same steps in fewer, larger batches, or without recomputing, where that is faster and fits."""
        for fields, reason in self._faster_ways():
            wanted = self._changed(**fields)
            if wanted is None:
                continue
            known = next((one for one in self.trials if one.of(wanted)), None)
            found = known or self._try(wanted)
            if found.fits and found.tokens_per_second > WORTH_SPEED * first.tokens_per_second:
                gain = found.tokens_per_second / first.tokens_per_second - 1
                return Suggestion(fields=fields, reason=f"{reason}: {gain:.0%} faster, and it fits.")
        return None

    def _faster_ways(self) -> Iterator[tuple[dict[str, object], str]]:
        if self.recipe.gradient_checkpointing:
            yield {"gradient_checkpointing": False}, "Activations can be kept instead of computed again"
        most = self.largest.batch if self.largest else 0
        bigger = [size for size in batches(self.recipe) if self.recipe.per_device_train_batch_size < size <= most]
        if bigger:
            yield split(self.recipe, bigger[-1]), "The same step in fewer, larger batches"

    def _shrink(self) -> None:
        for fields, words in smaller_ways(self.recipe):
            wanted = self._changed(**fields)
            if wanted is None:
                continue
            found = self._try(wanted)
            if found.fits:
                self._settle(wanted, found, fields, words)
                return
        reason = "Nothing that was tried fits. Use tuning qlora where it is available, or a smaller model."
        self.suggestion = Suggestion(reason=reason, found=False)

    def _settle(self, fitting: Recipe, found: Trial, fields: dict[str, object], words: str) -> None:
        """`fitting` is small enough; perhaps a larger batch is, too."""
        self.suggestion = Suggestion(fields=fields, reason=words)
        self.largest = Largest(batch=found.batch, tried=True)
        sizes = [size for size in batches(self.recipe) if found.batch < size < self.recipe.per_device_train_batch_size]
        second = changed(fitting, **split(self.recipe, sizes[0])) if sizes and self.has_time() else None
        if second is None:
            return
        points = [found, self._try(second)]
        self.largest = largest(points, self.budget)
        best = [size for size in sizes if size <= self.largest.batch][-1:]
        wanted = changed(fitting, **split(self.recipe, best[0])) if best else None
        if wanted is None:
            return
        known = next((one for one in self.trials if one.of(wanted)), None)
        if known is None and self.has_time():
            known = self._try(wanted)
        if known is not None and known.fits:
            self.suggestion = Suggestion(fields=fields | split(self.recipe, best[0]), reason=words)
            self.largest = largest([*points, known], self.budget)


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
    grows = max(0, first.peak_bytes - first.before_bytes)
    doubled = min(2 * first.batch, MOST_BATCH)
    return doubled if first.peak_bytes + grows <= budget else max(1, first.batch // 2)


def largest(points: Iterable[Trial], budget: int) -> Largest:
    """The largest batch that stays within `budget`, beyond the measured points on the steepest line between two."""
    known = sorted(points, key=lambda one: one.batch)
    fitting = [one for one in known if one.fits]
    high = fitting[-1]
    pairs = [(low, up) for low, up in pairwise(fitting) if low.batch < up.batch]
    each = max(((up.peak_bytes - low.peak_bytes) / (up.batch - low.batch) for low, up in pairs), default=0)
    if each <= 0:  # one point alone, or so small that the noise of the system is larger
        return Largest(batch=high.batch, at_least=True, tried=True)
    fit = int(high.batch + (budget - high.peak_bytes) / each)
    refused = min((one.batch for one in known if not one.fits), default=MOST_BATCH + 1)
    best = max(min(fit, refused - 1, MOST_BATCH), high.batch)
    return Largest(batch=best, at_least=fit > MOST_BATCH and refused > MOST_BATCH, tried=best == high.batch)


def smaller_ways(recipe: Recipe) -> Iterator[tuple[dict[str, object], str]]:
    """Fields that need less and less memory, each with the words that go with them."""
    least = next((size for size in batches(recipe) if changed(recipe, **split(recipe, size))), None)
    small: dict[str, object] = split(recipe, least) if least else {}
    if least and least < recipe.per_device_train_batch_size:
        yield small, "The same step in smaller batches fits."
    if not recipe.gradient_checkpointing:
        small = small | {"gradient_checkpointing": True}
        yield small, "It fits when activations are computed again instead of kept, about a third slower."
    length = recipe.max_length // 2
    while length >= SHORTEST:
        yield small | {"max_length": length}, f"Only rows of up to {length} tokens fit; longer ones are cut."
        length //= 2
