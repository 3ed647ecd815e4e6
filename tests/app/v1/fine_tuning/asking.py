"""Rows as OpenAI's clients write them, and a file or a job made of them."""

import json
from typing import Any

from openai import OpenAI

from engine.data import importing
from engine.finetuning import moving
from storage import db, home
from storage import runs as stored_runs
from storage.statuses import RunStatus
from storage.tables import Run
from storage.transitions import move_run
from tests.serving import ready_model, write_adapter
from tests.waiting import wait_for

CHAT = {"messages": [{"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": "4", "weight": 1}]}
PREFERENCE = {
    "input": {"messages": [{"role": "user", "content": "2 + 2?"}], "tools": [], "parallel_tool_calls": True},
    "preferred_output": [{"role": "assistant", "content": "4"}],
    "non_preferred_output": [{"role": "assistant", "content": "5"}],
}


def lines(*rows: dict[str, Any]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def uploaded(client: OpenAI, *rows: dict[str, Any], name: str = "rows.jsonl") -> str:
    return str(client.files.create(file=(name, lines(*rows)), purpose="fine-tune").id)


def read(client: OpenAI, file_id: str) -> str:
    """The status of a file when its import has ended."""

    def status() -> str | None:
        importing.tick()
        now = client.files.retrieve(file_id).status
        return now if now != "uploaded" else None

    return str(wait_for(status, 60))


def succeed(run_id: str) -> None:
    """What a training leaves, and supervision writes down."""
    write_adapter(home.run_folder(run_id) / "adapter", run_id)
    for status in (RunStatus.STARTING, RunStatus.RUNNING, RunStatus.SUCCEEDED):
        with db.session() as session:
            run = session.get_one(Run, run_id)
            columns: Any = {"artifact": "adapter", "ended_at": 1e9} if status == RunStatus.SUCCEEDED else {}
            assert move_run(session, run, run.status, status, **columns)


def trained(client: OpenAI) -> Any:
    """A job that has succeeded, and its run's id."""
    ready_model(name="tiny")
    file_id = uploaded(client, CHAT)
    read(client, file_id)
    job = client.fine_tuning.jobs.create(model="tiny", training_file=file_id)
    moving.tick()
    (run,) = (row for row in runs_made() if row.name.startswith("ft-"))
    succeed(run.id)
    return client.fine_tuning.jobs.retrieve(job.id), run.id


def runs_made() -> list[Run]:
    with db.reading() as session:
        return list(stored_runs.recent(session))
