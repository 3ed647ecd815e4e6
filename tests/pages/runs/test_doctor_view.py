"""What to do next: the card on the page of a run, and where its button leads."""

from urllib.parse import parse_qs, urlsplit

import pytest

from engine.errors import RefusedError
from engine.recipes import provenance
from pages.runs import doctor_view
from pages.train import recipe_source
from storage.statuses import RunStatus
from tests.curves import record
from tests.engine.runs.doctor.test_diagnosis import store

OFFERED = recipe_source.Choices([], [], [])


def start_at(address: str) -> recipe_source.Start:
    """What the Train form begins with at that address."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    return recipe_source.start_values("", query, OFFERED)


def test_a_finding_stands_there_with_its_words_its_place_and_a_button_that_fills_in_the_remedy() -> None:
    run = store("v1", record.read("rate_high"))
    shown = str(doctor_view.show(run, {}))
    assert "Learning rate too high" in shown
    assert 'data-tone="warn"' in shown
    assert "loss, step" in shown
    address = shown.partition('class="ts-button" href="')[2].partition('"')[0].replace("&amp;", "&")
    begun = start_at(address)
    assert begun.recipe["learning_rate"] == pytest.approx(0.03)
    assert begun.recipe["warmup_steps"] == 10
    assert begun.recipe["per_device_train_batch_size"] == 8  # as the run had it
    assert begun.given["learning_rate"] == (provenance.REMARK, begun.recipe["learning_rate"])
    assert provenance.source_run(begun.given) == "v1"


def test_a_run_in_which_nothing_goes_wrong_says_so_and_one_that_waits_says_nothing() -> None:
    assert "Nothing looks wrong" in str(doctor_view.show(store("v2", record.read("healthy_dpo")), {}))
    waiting = record.read("healthy_dpo") | {"curves": {}}
    assert doctor_view.show(store("v3", waiting, RunStatus.RUNNING), {}) == ""


def test_bands_of_the_charts_are_where_the_findings_are() -> None:
    (band,) = doctor_view.bands(store("v4", record.read("overfit")))
    assert (band.metric, band.first, band.last, band.severity) == ("eval_loss", 30, 100, "warning")
    assert band.title == "Held-out loss rises while loss falls"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ("{", "cannot be read"),
        ("[1]", "cannot be read"),
        ('{"learning_rate": "fast"}', "not valid"),
        ('{"learning_rate": 7}', "not valid"),
        ('{"nonsense": 1}', "not valid"),
        ('{"reward_code": "def reward(): 1"}', "cannot be set by an address"),
    ],
)
def test_what_an_address_sets_is_checked_by_the_recipe(changes: str, words: str) -> None:
    store("v5", record.read("flat"))
    with pytest.raises(RefusedError) as caught:
        recipe_source.start_values("", {"from": "v5", "set": changes}, OFFERED)
    assert words in str(caught.value)


def test_an_address_without_changes_repeats_the_recipe_as_it_was() -> None:
    run = store("v6", record.read("flat"))
    assert recipe_source.address_with(run.id, {}) == "/train?from=v6"
    assert start_at("/train?from=v6").recipe["learning_rate"] == 1e-9
