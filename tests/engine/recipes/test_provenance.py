"""Where values came from: what is shown follows from the values, and every field can go back."""

from typing import Any

import pytest
from hypothesis import given as any_case
from hypothesis import settings
from hypothesis import strategies as st

from engine.errors import RefusedError
from engine.recipes import provenance as origins
from engine.recipes.recipe import Recipe

PRESET = origins.named("preset", "balanced")


def values(**changes: Any) -> dict[str, Any]:
    return Recipe(model_id="m", dataset_id="d", **changes).model_dump()


def test_a_recipe_of_defaults_shows_nothing_and_the_subjects_are_never_marked() -> None:
    assert origins.shown(values(), origins.give({}, values(), PRESET)) == {}


def test_a_given_value_shows_its_origin_until_it_is_touched_or_back_at_its_default() -> None:
    given = origins.give({}, {"learning_rate": 1e-3, "seed": 7}, PRESET)
    assert origins.shown(values(learning_rate=1e-3, seed=7), given) == {"learning_rate": PRESET, "seed": PRESET}
    assert origins.shown(values(learning_rate=1e-2, seed=7), given) == {"learning_rate": "you", "seed": PRESET}
    assert origins.shown(values(seed=7), given) == {"seed": PRESET}


def test_a_later_source_stands_over_an_earlier_one() -> None:
    given = origins.give(origins.give({}, {"max_length": 4096}, PRESET), {"max_length": 512}, origins.MODEL_CARD)
    assert origins.shown(values(max_length=512), given) == {"max_length": "model card"}
    assert origins.shown(values(max_length=4096), given) == {"max_length": "you"}


def test_a_field_goes_back_to_what_it_was_given_and_then_to_its_default() -> None:
    given = origins.give({}, {"learning_rate": 1e-3}, PRESET)
    assert origins.put_back("learning_rate", values(learning_rate=0.1), given, {}) == (1e-3, PRESET)
    assert origins.put_back("learning_rate", values(learning_rate=1e-3), given, {}) == (2e-4, "default")
    assert origins.put_back("seed", values(seed=1), given, {}) == (42, "default")
    basis = {"learning_rate": (origins.METHOD, 2e-5)}
    assert origins.put_back("learning_rate", values(learning_rate=1e-3), given, basis) == (2e-5, "method")


def test_a_source_taken_back_leaves_what_the_person_changed() -> None:
    given = origins.give({}, {"learning_rate": 1e-3, "seed": 7}, PRESET)
    after, left = origins.without(given, values(learning_rate=0.1, seed=7), [PRESET])
    assert (after["learning_rate"], after["seed"], left) == (0.1, 42, {})
    assert origins.shown(after, left) == {"learning_rate": "you"}


def test_fields_of_other_methods_do_not_count_as_changed() -> None:
    assert origins.changed({**values(), "beta": 0.5}) == []
    assert origins.changed({**values(method="dpo", beta=0.5)}) == ["method", "beta"]


@any_case(st.dictionaries(st.sampled_from(sorted(Recipe.model_fields)), st.none() | st.booleans() | st.integers()))
@settings(deadline=None, max_examples=40)
def test_what_the_form_carries_comes_back_as_it_was(found: dict[str, Any]) -> None:
    given = origins.give({}, found, origins.PROBE)
    assert origins.from_json(origins.to_json(given)) == given


@pytest.mark.parametrize(
    "text", [None, "", "{", "[]", '"x"', '{"seed": 1}', '{"seed": ["magic", 1]}', '{"x": ["you", 1]}']
)
def test_what_a_browser_kept_and_nobody_can_read_is_left_out(text: str | None) -> None:
    assert origins.from_json(text) == {}


def test_only_known_fields_and_sources_are_taken_from_a_caller() -> None:
    assert origins.checked({"seed": "probe", "beta": "preset: a b"}) == {"seed": "probe", "beta": "preset: a b"}
    for wrong in ({"nothing": "you"}, {"seed": "magic"}, {"seed": "preset: " + "x" * 100}, {"seed": "run: a\nb"}):
        with pytest.raises(RefusedError):
            origins.checked(wrong)
    with pytest.raises(ValueError, match="not a field"):
        origins.give({}, {"nothing": 1}, "you")
    with pytest.raises(ValueError, match="not an origin"):
        origins.give({}, {"seed": 1}, "magic")
