"""Which way a metric is better, by its name. Pure."""

from typing import Literal

Direction = Literal["lower", "higher"]

# Names as TRL and transformers write them, without eval_ before them.
_LOWER = ("loss", "nll_loss", "perplexity")
_HIGHER = ("reward", "accuracy", "mean_token_accuracy")
_HIGHER_ENDINGS = ("/accuracies", "/margins", "/mean")  # rewards/margins, rewards/NAME/mean


def of(name: str) -> Direction | None:
    """Whether less or more of a metric is better; None where neither is (learning rate, entropy, lengths)."""
    plain = name.removeprefix("eval_")
    if plain in _LOWER or plain.endswith("_loss"):
        return "lower"
    if plain in _HIGHER or (plain.startswith("rewards/") and plain.endswith(_HIGHER_ENDINGS)):
        return "higher"
    return None
