"""Where the values of a trial's recipe came from: the search, or what all trials of the sweep share."""

from engine.recipes import provenance
from engine.sweeps import trial_recipes
from engine.sweeps.parsing import parse
from tests.engine.sweeps import stored_sweeps as given


def test_a_trial_says_which_values_were_searched_and_which_all_trials_share() -> None:
    recipe = given.RECIPE | {"lora_r": 32, "max_steps": 200}
    spec = parse(given.asked(recipe=recipe, proxy={"max_steps": 50, "full": 1}))
    params = {"learning_rate": 3e-3}
    searched = trial_recipes.of(spec, params)
    assert trial_recipes.origins(spec, params, searched) == {
        "learning_rate": "sweep",
        "max_steps": "sweep",  # shortened while searching
        "lora_r": "sweep's recipe",
    }
    in_full = trial_recipes.of(spec, params, "full")
    assert trial_recipes.origins(spec, params, in_full)["max_steps"] == "sweep's recipe"
    assert provenance.is_origin("sweep's recipe")
