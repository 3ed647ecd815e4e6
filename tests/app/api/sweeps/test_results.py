"""What is shown of a sweep over REST: the data of its charts, the CSV, the study file."""

import csv
import io
import sqlite3
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from engine.process import work
from engine.sweeps import asking, sweeps
from engine.sweeps.results import importance
from storage.statuses import WORK_MOVING
from tests import recorded_sweep
from tests.waiting import wait_for


@pytest.fixture
def at(home: object) -> str:
    picture = recorded_sweep.picture()
    return f"/api/sweeps/{recorded_sweep.store(picture.model_copy(update={'trials': picture.trials[:12]}))}"


def test_all_charts_share_an_answer_that_is_not_sent_twice(owner: TestClient, at: str) -> None:
    told = owner.get(f"{at}/plots").json()
    assert len(told["trials"]) == 12
    assert told["importance"]["said"] == "Too few trials to say: 12 of the 40 finished ones that it takes."
    again = owner.get(f"{at}/plots?version={told['version']}").json()
    assert again["trials"] is None
    assert again["version"] == told["version"]
    assert owner.get("/api/sweeps/nothing/plots").status_code == 404


def test_looking_changes_no_row_of_a_sweep(owner: TestClient) -> None:
    sweep_id = recorded_sweep.store(recorded_sweep.picture())
    before = sweeps.picture(sweep_id).model_dump(), sweeps.look_up(sweep_id).model_dump()
    for path in ("plots", "trials.csv", "study"):
        owner.get(f"/api/sweeps/{sweep_id}/{path}")
    assert (sweeps.picture(sweep_id).model_dump(), sweeps.look_up(sweep_id).model_dump()) == before
    work.forget_subject(sweep_id)


def test_the_csv_is_a_file_with_every_trial(owner: TestClient, at: str) -> None:
    answer = owner.get(f"{at}/trials.csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="trials-swrecorded60.csv"'
    assert len(list(csv.DictReader(io.StringIO(answer.text)))) == 12


def test_a_study_file_is_made_once_it_is_asked_for(owner: TestClient, at: str, tmp_path: Path) -> None:
    assert owner.get(f"{at}/study").status_code == 409
    assert owner.post(f"{at}/study").json() == {"state": "moving"}
    piece = work.latest("swrecorded60", asking.STUDY_FILE)
    assert piece is not None
    assert work.wait(piece.id, 60).status not in WORK_MOVING
    assert owner.post(f"{at}/study").json() == {"state": "ready"}
    (tmp_path / "study.db").write_bytes(owner.get(f"{at}/study").content)
    with sqlite3.connect(tmp_path / "study.db") as study:
        assert study.execute("select study_name from studies").fetchall() == [("support answers, first sweep",)]
        assert study.execute("select count(*) from trials").fetchone() == (12,)


def test_what_mattered_is_asked_once_and_told_when_it_is_known(owner: TestClient) -> None:
    picture = recorded_sweep.picture()
    at = f"/api/sweeps/{recorded_sweep.store(picture)}/plots"
    assert owner.get(at).json()["importance"]["said"] == "Being computed."

    def told() -> bool:
        work.tick()
        return bool(owner.get(at).json()["importance"]["shares"])

    wait_for(told, 60)
    shares = owner.get(at).json()["importance"]["shares"]
    assert next(iter(shares)) == "learning_rate"
    assert sum(shares.values()) == pytest.approx(1)
    assert len(work.about(picture.id, asking.IMPORTANCE)) == 1
    assert importance.look(picture, may_ask=False)["said"].startswith("From 54 trials")
