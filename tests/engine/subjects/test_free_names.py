"""Names on /v1 that the studio proposes: of what is served, in letters that an address takes, and free."""

import pytest

from engine import names
from engine.serve import endpoints
from engine.subjects import free_names
from storage import db
from storage.tables import Dataset, Endpoint, Model
from tests.serving import finished_run, ready_model


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Jokes, v2", "jokes-v2"),
        ("Größe à la carte", "grosse-a-la-carte"),
        ("한국어 말투 v3", "v3"),
        ("한국어", ""),
        ("x" * 39 + " yz", "x" * 39),
    ],
)
def test_a_text_becomes_what_an_address_takes(text: str, name: str) -> None:
    assert names.for_address(text) == name
    assert not name or names.in_address(name, "endpoint") == name


def test_a_run_that_is_named_in_other_letters_is_served_under_its_datasets_or_its_bases_name() -> None:
    model = ready_model()
    run = finished_run(model, "한국어 말투 3")
    assert free_names.of_run(run) == "rows"
    with db.session() as session:
        session.get_one(Dataset, run.dataset_id).name = "한국어 대화"
        session.get_one(Model, model.id).name = "owner/SmolLM2-135M-Instruct-with-a-long-name"
        session.add(Endpoint(project_id="default", name="smollm2-135m-instruct-with-a-long-tuned"))
    assert free_names.of_run(run) == "smollm2-135m-instruct-with-a-long-tuned-2"
    with db.session() as session:
        session.get_one(Model, model.id).name = "모델"
    assert free_names.of_run(run) == "run"
    assert free_names.of_model(model.id) == "model"


def test_a_run_in_latin_letters_is_served_under_its_own_name() -> None:
    run = finished_run(ready_model())
    assert endpoints.serve_run(run.id).name == "jokes-v2"
    assert free_names.of_run(run) == "jokes-v2-2"
