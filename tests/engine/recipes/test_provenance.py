"""Where values came from: what is shown follows from the values, and every field can go back."""

from typing import Any

import pytest
from hypothesis import given as any_case
from hypothesis import settings
from hypothesis import strategies as st

from engine.errors import RefusedError
from engine.recipes import provenance
from engine.recipes.recipe import Recipe

PRESET = provenance.named("preset", "balanced")


def values(**changes: Any) -> dict[str, Any]:
    return Recipe(model_id="m", dataset_id="d", **changes).model_dump()


def test_a_recipe_of_defaults_shows_nothing_and_the_subjects_are_never_marked() -> None:
    assert provenance.origins_to_show(values(), provenance.note_origin({}, values(), PRESET)) == {}


def test_a_given_value_shows_its_origin_until_it_is_touched_or_back_at_its_default() -> None:
    given = provenance.note_origin({}, {"learning_rate": 1e-3, "seed": 7}, PRESET)
    assert provenance.origins_to_show(values(learning_rate=1e-3, seed=7), given) == {
        "learning_rate": PRESET,
        "seed": PRESET,
    }
    assert provenance.origins_to_show(values(learning_rate=1e-2, seed=7), given) == {
        "learning_rate": "you",
        "seed": PRESET,
    }
    assert provenance.origins_to_show(values(seed=7), given) == {"seed": PRESET}


def test_a_later_source_stands_over_an_earlier_one() -> None:
    given = provenance.note_origin(
        provenance.note_origin({}, {"max_length": 4096}, PRESET), {"max_length": 512}, provenance.MODEL_CARD
    )
    assert provenance.origins_to_show(values(max_length=512), given) == {"max_length": "model card"}
    assert provenance.origins_to_show(values(max_length=4096), given) == {"max_length": "you"}


def test_a_field_goes_back_to_what_it_was_given_and_then_to_its_default() -> None:
    given = provenance.note_origin({}, {"learning_rate": 1e-3}, PRESET)
    assert provenance.put_back("learning_rate", values(learning_rate=0.1), given, {}) == (1e-3, PRESET)
    assert provenance.put_back("learning_rate", values(learning_rate=1e-3), given, {}) == (2e-4, "default")
    assert provenance.put_back("seed", values(seed=1), given, {}) == (42, "default")
    basis = {"learning_rate": (provenance.METHOD, 2e-5)}
    assert provenance.put_back("learning_rate", values(learning_rate=1e-3), given, basis) == (2e-5, "method")


def test_a_source_taken_back_leaves_what_the_person_changed() -> None:
    given = provenance.note_origin({}, {"learning_rate": 1e-3, "seed": 7}, PRESET)
    remaining_values, remaining_given = provenance.without(given, values(learning_rate=0.1, seed=7), [PRESET])
    assert (remaining_values["learning_rate"], remaining_values["seed"], remaining_given) == (0.1, 42, {})
    assert provenance.origins_to_show(remaining_values, remaining_given) == {"learning_rate": "you"}


def test_fields_of_other_methods_do_not_count_as_changed() -> None:
    assert provenance.changed({**values(), "beta": 0.5}) == []
    assert provenance.changed({**values(method="dpo", beta=0.5)}) == ["method", "beta"]


@any_case(st.dictionaries(st.sampled_from(sorted(Recipe.model_fields)), st.none() | st.booleans() | st.integers()))
@settings(deadline=None, max_examples=40)
def test_what_the_form_carries_comes_back_as_it_was(values_set: dict[str, Any]) -> None:
    given = provenance.note_origin({}, values_set, provenance.PROBE)
    assert provenance.from_json(provenance.to_json(given)) == given


@pytest.mark.parametrize(
    "text", [None, "", "{", "[]", '"x"', '{"seed": 1}', '{"seed": ["magic", 1]}', '{"x": ["you", 1]}']
)
def test_what_a_browser_kept_and_nobody_can_read_is_left_out(text: str | None) -> None:
    assert provenance.from_json(text) == {}


def test_only_known_fields_and_sources_are_taken_from_a_caller() -> None:
    assert provenance.checked({"seed": "probe", "beta": "preset: a b"}) == {"seed": "probe", "beta": "preset: a b"}
    for wrong in ({"nothing": "you"}, {"seed": "magic"}, {"seed": "preset: " + "x" * 100}, {"seed": "run: a\nb"}):
        with pytest.raises(RefusedError):
            provenance.checked(wrong)
    with pytest.raises(ValueError, match="not a field"):
        provenance.note_origin({}, {"nothing": 1}, "you")
    with pytest.raises(ValueError, match="not an origin"):
        provenance.note_origin({}, {"seed": 1}, "magic")
