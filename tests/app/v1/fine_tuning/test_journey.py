"""OpenAI's own client, unchanged, from a file to a chat with what was trained; real training, real serving."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from app.server import create_app
from engine.data import datasets
from engine.models import models
from engine.recipes.methods import METHODS
from storage import db
from storage import runs as stored_runs
from storage.statuses import ModelStatus
from storage.tables import Model
from tests.rest import TOKEN, make_access
from tests.serving import end_all, http_server
from tests.waiting import wait_for

ENDED = ("succeeded", "failed", "cancelled")


@pytest.fixture
def client(tiny_model: Path) -> Iterator[OpenAI]:
    """OpenAI's client to a living studio with the tiny model, called `tiny`."""
    with http_server(create_app(make_access(), with_window=False)) as address:
        model = models.add_model("path", str(tiny_model))
        wait_for(lambda: models.look_up(model.id).status == ModelStatus.READY, 60)
        with db.session() as session:
            session.get_one(Model, model.id).name = "tiny"
        yield OpenAI(base_url=f"{address}/v1", api_key=TOKEN, max_retries=0, timeout=120)
        end_all()


def lines(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def chat(question: str, answer: str) -> dict[str, Any]:
    turns = [
        {"role": "user", "content": question},
        {"role": "assistant", "content": "no", "weight": 0},
        {"role": "user", "content": "Again."},
        {"role": "assistant", "content": answer, "weight": 1},
    ]
    return {"messages": turns}


def test_the_official_client_goes_from_a_file_to_a_chat(client: OpenAI) -> None:
    rows = [chat(f"What is {number} plus 1?", f"It is {number + 1}.") for number in range(24)]
    checks = [chat(f"What is {number} minus 1?", f"It is {number - 1}.") for number in range(40, 46)]
    training = client.files.create(file=("train.jsonl", lines(rows)), purpose="fine-tune")
    validation = client.files.create(file=("check.jsonl", lines(checks)), purpose="fine-tune")
    job = client.fine_tuning.jobs.create(
        model="tiny",
        training_file=training.id,
        validation_file=validation.id,
        method={
            "type": "supervised",
            "supervised": {"hyperparameters": {"n_epochs": 2, "batch_size": 8, "learning_rate_multiplier": 0.5}},
        },
        suffix="Sums, v2",
        seed=7,
        metadata={"team": "tests"},
    )
    assert job.status == "validating_files"
    assert client.files.wait_for_processing(training.id, poll_interval=0.2).status == "processed"
    wait_for(lambda: client.fine_tuning.jobs.retrieve(job.id).status in ENDED, 150, every=0.5)
    job = client.fine_tuning.jobs.retrieve(job.id)
    assert job.status == "succeeded", job.error
    assert job.fine_tuned_model
    assert (job.model, job.seed, job.metadata, job.validation_file) == ("tiny", 7, {"team": "tests"}, validation.id)
    assert job.hyperparameters.model_dump() == {"batch_size": 8, "learning_rate_multiplier": 0.5, "n_epochs": 2}
    assert job.finished_at
    assert job.finished_at >= job.created_at

    with db.reading() as session:
        (run,) = stored_runs.recent(session)
    assert (run.facts.rows, run.facts.eval_rows, run.max_steps) == (24, 6, 6)  # every check is held out, no row more
    assert run.recipe["learning_rate"] == pytest.approx(0.5 * METHODS["sft"].rate("lora"))
    first = datasets.rows(run.dataset_id, limit=1)[0]["messages"]
    assert [turn.get("train") for turn in first] == [None, False, None, None]  # weight 0 is not learnt

    events = list(client.fine_tuning.jobs.list_events(job.id, limit=5))  # the client turns the pages
    assert len({event.id for event in events}) == len(events)
    assert (events[0].message, events[-1].message) == (
        "The job has successfully completed",
        f"Created fine-tuning job: {job.id}",
    )
    steps = [event.data for event in events if event.type == "metrics"]
    assert {"valid_loss", "train_loss"} <= {name for step in steps for name in step}
    (checkpoint,) = client.fine_tuning.jobs.checkpoints.list(job.id)
    assert (checkpoint.step_number, checkpoint.fine_tuning_job_id) == (6, job.id)
    assert checkpoint.metrics.valid_loss

    assert job.trained_tokens
    (result,) = job.result_files
    numbers = client.files.content(result).text.splitlines()
    assert (numbers[0].split(",")[:2], len(numbers)) == (["step", "train_loss"], 7)
    assert "valid_loss" in numbers[0]
    assert client.files.retrieve(result).bytes == len(client.files.content(result).content)

    assert client.models.retrieve(job.fine_tuned_model).id == job.fine_tuned_model
    answer = client.chat.completions.create(
        model=job.fine_tuned_model, messages=[{"role": "user", "content": "What is 3 plus 1?"}], max_tokens=8
    )
    assert answer.model == job.fine_tuned_model
    assert answer.usage
    assert answer.usage.completion_tokens
