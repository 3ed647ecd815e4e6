"""Metrics over REST: several curves at once, the charts they make, every point as CSV."""

import math

import pytest
from starlette.testclient import TestClient

from storage import db
from storage import runs as stored_runs
from storage.tables import Dataset, Model, Run

STEPS = 5000


@pytest.fixture
def at(home: object) -> str:
    with db.session() as session:
        session.add(Model(id="m1", source="path", source_id="x", name="m"))
        session.add(Dataset(id="d1", project_id="default", name="d"))
        session.flush()
        session.add(Run(id="r1", project_id="default", name="r", model_id="m1", dataset_id="d1", recipe={}))
        session.flush()
        stored_runs.add_metrics(session, [("r1", "loss", step, 1 / step) for step in range(1, STEPS + 1)])
        stored_runs.add_metrics(session, [("r1", "eval_loss", 100, math.inf), ("r1", "wall_time", 3, 1764500000.125)])
    return "/api/runs/r1"


def test_several_curves_come_by_one_request_in_the_order_they_are_named(owner: TestClient, at: str) -> None:
    answer = owner.get(f"{at}/curves?name=eval_loss&name=loss&from=0&from=4997&max_points=100").json()
    assert [curve["name"] for curve in answer["curves"]] == ["eval_loss", "loss"]
    assert answer["curves"][0] == {"name": "eval_loss", "steps": [100], "values": [None], "thinned": False}
    assert answer["curves"][1]["steps"] == [4997, 4998, 4999, 5000]
    assert answer["curves"][1]["values"][0] == pytest.approx(1 / 4997, rel=1e-6)
    assert (answer["step"], answer["ended"], answer["started_at"]) == (0, False, None)
    long = owner.get(f"{at}/curves?name=loss&name=nothing&max_points=100").json()["curves"]
    assert (len(long[0]["steps"]) <= 100, long[0]["thinned"], long[1]["steps"]) == (True, True, [])


def test_times_and_counts_keep_their_digits(owner: TestClient, at: str) -> None:
    (curve,) = owner.get(f"{at}/curves?name=wall_time").json()["curves"]
    assert curve["values"] == [1764500000.125]


def test_what_does_not_fit_together_is_refused_in_words(owner: TestClient, at: str) -> None:
    refused = owner.get(f"{at}/curves?name=loss&name=eval_loss&from=1")
    assert refused.status_code == 422
    assert refused.json()["error"]["message"] == "There are 2 `name` and 1 `from`."
    assert owner.get(f"{at}/curves").status_code == 422
    assert owner.get(f"{at}/curves?{'name=a&' * 61}").status_code == 422
    assert owner.get("/api/runs/nobody/curves?name=loss").status_code == 404


def test_charts_have_words_groups_and_units(owner: TestClient, at: str) -> None:
    (loss, *others) = owner.get(f"{at}/charts").json()
    assert loss == {
        "group": "quality",
        "title": "Loss",
        "unit": "",
        "series": [{"name": "loss", "label": "training"}, {"name": "eval_loss", "label": "held out"}],
    }
    assert others == []


def test_every_point_can_be_downloaded(owner: TestClient, at: str) -> None:
    answer = owner.get(f"{at}/metrics.csv?name=loss")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="metrics-r1.csv"'
    lines = answer.text.splitlines()
    assert (lines[0], lines[3], len(lines)) == ("step,loss", f"3,{1 / 3}", STEPS + 1)
    assert owner.get(f"{at}/metrics.csv").text.startswith("step,eval_loss,loss,wall_time\n1,,1.0,\n")
    missing = owner.get(f"{at}/metrics.csv?name=los")
    assert (missing.status_code, missing.json()["error"]["message"]) == (404, "Run `r` has no metric `los`.")
