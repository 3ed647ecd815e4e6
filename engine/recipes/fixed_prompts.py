"""Fixed prompts: what a training answers again and again, so that one can read how it goes. Pure; the worker asks too.

They are the project's own, or the questions of the first held-out rows where it has none.
"""

from collections.abc import Sequence
from unicodedata import category

from engine.errors import RefusedError
from engine.recipes.parallelism import Spread
from engine.recipes.recipe import Recipe

FEWEST, MOST = 3, 10
LONGEST = 2000  # characters of one
FREE_SECONDS = 3.0  # answers may take so long in all, or a tenth of the training's time where that is more
FROM_ROWS = 4  # held-out rows whose questions are asked where a project has no prompts
ALLOWED = "\n\t\u200c\u200d"  # lines, and joiners that some scripts and emoji are written with


def checked(prompts: Sequence[str]) -> list[str]:
    """The prompts without blanks around them. Raises RefusedError, naming the one that is wrong."""
    texts = [prompt.replace("\r\n", "\n").strip() for prompt in prompts]
    if texts and not FEWEST <= len(texts) <= MOST:
        count = "1 prompt is" if len(texts) == 1 else f"{len(texts)} prompts are"
        hint = f"Give {FEWEST} to {MOST} prompts, or none to ask what held-out rows ask."
        raise RefusedError(f"{count} too {'few' if len(texts) < FEWEST else 'many'}.", hint)
    for number, text in enumerate(texts, 1):
        _check(number, text, texts[: number - 1])
    return texts


def _check(number: int, text: str, earlier: Sequence[str]) -> None:
    if not text:
        raise RefusedError(f"Prompt {number} is empty.", "Write a text, or leave the prompt out.")
    if len(text) > LONGEST:
        message = f"Prompt {number} has {len(text):,} characters; {LONGEST:,} are the most."
        raise RefusedError(message, "Shorten it: every evaluation answers it again.")
    if any(letter not in ALLOWED and category(letter) in ("Cc", "Cf") for letter in text):
        raise RefusedError(f"Prompt {number} has control characters.", "Type it anew, as plain text.")
    if any(0xD800 <= ord(letter) <= 0xDFFF for letter in text):
        raise RefusedError(f"Prompt {number} has half a character.", "Type it anew, as plain text.")
    if text in earlier:
        raise RefusedError(f"Prompt {number} is the same as prompt {earlier.index(text) + 1}.", "Change one of them.")


def why_not(recipe: Recipe) -> str:
    """Why a training of this recipe answers no prompts; empty where it does."""
    if recipe.method == "reward":
        return "A reward model gives a number and writes no answers."
    if Spread(recipe.strategy, recipe.num_processes or 1, recipe.num_machines).divides_weights:
        return f"{recipe.strategy} divides the weights over the processes, so no single one can answer on the way."
    return ""
