"""Which curves of a run are drawn: what its method is judged by first, then the loss and how the steps went."""

from markupsafe import Markup

from engine.recipes.choices.commas import words
from engine.recipes.methods import GENERATING
from pages.parts import chart, html
from storage.tables import Run

PAIR = Markup('<div class="ts-pair">{}{}</div>')
MOST_CURVES = 4  # in one chart: there are as many colours


def charts(run: Run) -> Markup:
    """The charts, which fetch their points themselves."""
    loss = chart.element("Loss", [("loss", "training"), ("eval_loss", "held out")], run.id, 280)
    rate = chart.element("Learning rate", [("learning_rate", "learning rate")], run.id, 200)
    norm = chart.element("Gradient norm", [("grad_norm", "norm")], run.id, 200)
    if run.recipe.get("method") not in GENERATING:
        return loss + PAIR.format(rate, norm)
    # Their loss hovers about zero and says little.
    reward = chart.element("Reward", [("reward", "training"), ("eval_reward", "held out")], run.id, 280)
    return reward + _rewards(run) + PAIR.format(_small_loss(run), norm)


def _small_loss(run: Run) -> Markup:
    return chart.element("Loss", [("loss", "training")], run.id, 200)


def _rewards(run: Run) -> Markup:
    """Each reward by itself, and how far the answers of a step lie apart in it: without that, nothing is learnt."""
    names = words(str(run.recipe.get("reward_funcs") or ""))
    groups = [names[start : start + MOST_CURVES] for start in range(0, len(names), MOST_CURVES)]
    return html.join(_pair(run, group) for group in groups)


def _pair(run: Run, names: list[str]) -> Markup:
    means = chart.element("Each reward", [(f"rewards/{name}/mean", name) for name in names], run.id, 200)
    spread = chart.element("Spread of each reward", [(f"rewards/{name}/std", name) for name in names], run.id, 200)
    return PAIR.format(means, spread)
