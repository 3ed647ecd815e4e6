"""Which fields mattered, by PED-ANOVA in a worker; here: whether enough is known to ask, and what was answered."""

from typing import Any

from engine.sweeps.picture import Picture

FEWEST = 20  # finished trials; with fewer the shares change with every trial


def too_few(picture: Picture) -> dict[str, Any] | None:
    """What is said instead of shares while there are too few finished trials, or only one field; else None."""
    done = picture.counts().get("complete", 0)
    if len(picture.spec.space) < 2:
        return said("none", "There is only one field, so there is nothing to compare it with.")
    if done < FEWEST:
        return said("few", f"Too few trials to say: {done} of the {FEWEST} finished ones that it takes.")
    return None


def said(state: str, words: str) -> dict[str, Any]:
    return {"state": state, "said": words, "shares": {}}


def shares(by_field: dict[str, float], trials: int) -> dict[str, Any]:
    """The answer of the worker: what share each field has, from how many trials."""
    words = f"From {trials} finished trials, by PED-ANOVA: what sets the best tenth apart from all."
    ordered = dict(sorted(by_field.items(), key=lambda pair: -pair[1]))
    return {"state": "done", "said": words, "shares": ordered}
