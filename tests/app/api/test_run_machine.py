"""The machine of a run over REST: metrics, what it used, its cost, and what a stuck worker does."""

from dataclasses import asdict
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from engine.process import stack_files
from engine.process.meter import samples
from engine.process.meter.samples import Line, Now, Totals
from engine.runs import machine_samples
from storage import db, home
from storage.statuses import DatasetStatus, ModelStatus, RunStatus
from storage.tables import Dataset, Model, Run, RunFacts
from storage.tables.run_facts import Stuck

USED = Totals(seconds=3600.0, device_seconds=3600.0, gpu_joules={"gpu0": 3.6e6}, gpu_seconds={"gpu0": 3600.0})


@pytest.fixture
def run() -> Run:
    stuck = Stuck(attempt=1, step=4, since=100.0, asked_at=400.0)
    facts = RunFacts(machine=asdict(USED), stuck=stuck, stuck_since=100.0)
    row = Run(project_id="default", name="r", model_id="m1", dataset_id="d1", recipe={}, device="gpu:0", facts=facts)
    row.status = RunStatus.RUNNING
    with db.session() as session:
        session.add(Model(id="m1", source="path", source_id="x", name="m", status=ModelStatus.READY))
        session.add(Dataset(id="d1", project_id="default", name="d", status=DatasetStatus.READY))
        session.flush()
        session.add(row)
    home.ensure_folder(home.run_folder(row.id))
    return row


def test_its_samples_are_metrics_as_any_other(owner: TestClient, run: Run) -> None:
    folder = home.run_folder(run.id)
    for step, percent in ((1, 50.0), (2, 60.0)):
        samples.append(folder, Line(float(step), 2.0, step, {"gpu0_percent": percent, "cpu_percent": 9.0}))
    machine_samples.take_in(run, folder)
    answer = owner.get(f"/api/runs/{run.id}/metrics?name=machine/gpu0_percent").json()
    assert answer["points"] == [[1, 50.0], [2, 60.0]]
    assert owner.get(f"/api/runs/{run.id}/metrics/names").json() == ["machine/cpu_percent", "machine/gpu0_percent"]


def test_energy_costs_what_the_project_says(owner: TestClient, run: Run) -> None:
    address = f"/api/runs/{run.id}/machine"
    assert (owner.get(address).json()["wh"], owner.get(address).json()["energy_cost"]) == (1000.0, None)
    prices = {"price_per_kwh": 0.25, "price_per_device_hour": 3, "currency": " EUR "}
    project = owner.put("/api/projects/default/prices", json=prices).json()
    assert {name: project[name] for name in prices} == prices | {"currency": "EUR"}
    now = Now(at=5.0, values={"gpu0_watts": 300.0}, missing={"Processor power": "Nobody may read it."}, totals=USED)
    samples.keep(home.run_folder(run.id), now)
    answer = owner.get(address).json()
    assert (answer["energy_cost"], answer["device_cost"], answer["currency"]) == (0.25, 3.0, "EUR")
    assert (answer["now"], answer["live"], answer["missing"]) == (now.values, True, now.missing)
    assert [part["wh"] for part in answer["energy"]] == [1000.0, None]
    owner.put("/api/projects/default/prices", json={})
    assert owner.get(address).json()["energy_cost"] is None


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"price_per_kwh": -1}, "price_per_kwh cannot be -1."),
        ({"price_per_device_hour": 1e9}, "price_per_device_hour cannot be 1e+09."),
        ({"currency": "a very long word"}, "'a very long word' cannot be the currency."),
        ({"currency": "E\u202eR"}, "cannot be the currency."),
    ],
)
def test_a_price_that_cannot_be_one_is_refused_by_name(owner: TestClient, body: dict[str, object], words: str) -> None:
    answer = owner.put("/api/projects/default/prices", json=body)
    assert answer.status_code == 422
    assert words in answer.json()["error"]["message"]
    assert owner.get("/api/projects/default").json()["price_per_kwh"] is None
    assert owner.put("/api/projects/default/prices", content='{"price_per_kwh": NaN}').status_code == 422
    assert owner.put("/api/projects/nope/prices", json={}).status_code == 404


def test_a_stuck_run_says_what_it_does_as_text_and_within_bounds(owner: TestClient, run: Run) -> None:
    file: Path = stack_files.file_of(home.run_folder(run.id), 7)
    file.parent.mkdir()
    others = [f'Thread 0x{number:02x} (most recent call first):\n  File "b.py", line 1 in idle' for number in range(40)]
    current = 'Current thread 0xff (most recent call first):\n  File "<img src=x>\x1b[31m.py", line 3 in all_reduce'
    file.write_text("\n\n".join([*others, current]) + "\n" + "x" * 100_000)
    answer = owner.get(f"/api/runs/{run.id}/stuck").json()
    assert (answer["since"], answer["last"]["step"], answer["last"]["attempt"]) == (100.0, 4, 1)
    (stack,) = answer["stacks"]
    assert stack["text"].startswith('Current thread 0xff (most recent call first):\n  File "<img src=x>.py", line 3')
    assert (stack["pid"], stack["state"], stack["left_out"]) == (7, "It has ended.", 29)
    assert len(stack["text"]) <= 64 << 10
    assert owner.get(f"/api/runs/{run.id}").json()["facts"]["stuck_since"] == 100.0
    assert owner.get("/api/runs/nope/stuck").status_code == 404
