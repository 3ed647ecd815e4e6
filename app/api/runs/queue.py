"""The queue of trainings over REST."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field

from app.answers.errors import CONFLICT, NOT_FOUND
from app.answers.fields import Answer, Body, Limit, Offset, RowId
from engine.runs.queue import changes, freeing, holders, waits
from storage.statuses import RunStatus
from storage.tables import QueueState

router = APIRouter(prefix="/queue", tags=["runs"])


class SettingsAnswer(Answer):
    paused_at: float | None = Field(description="Since when nothing starts; null while the queue goes on.")
    pause_reason: str = Field(description="Why it paused by itself; empty when a person did it.")
    stop_after_failure: bool = Field(description="Whether it pauses by itself when a run has failed.")
    sleep_idle_minutes: float | None = Field(
        description="Endpoints without a request for so long sleep while a run trains on their device; null: never."
    )


class RunningAnswer(Answer):
    id: str = Field(description="The run's id.")
    name: str = Field(description="What lists show.")
    project_id: str = Field(description="The project it belongs to.")
    status: RunStatus = Field(description="starting, running or stopping.")
    device: str | None = Field(description="The device it holds.")
    step: int = Field(description="Optimiser steps done.")
    max_steps: int | None = Field(description="Steps there will be; null until the worker has counted its batches.")
    eta_seconds: float | None = Field(description="Seconds until the end, estimated.")


class WaitAnswer(Answer):
    kind: waits.Kind = Field(description="device, paused, turn, after, blocked, dataset or model.")
    words: str = Field(description="The same in a sentence.")
    remedy: str = Field(description="What to do about it; empty where it starts by itself.")


class WaitingAnswer(Answer):
    id: str = Field(description="The run's id.")
    name: str = Field(description="What lists show.")
    project_id: str = Field(description="The project it belongs to.")
    place: int = Field(description="Its place in line, from 1.")
    priority: int = Field(description="From -100 to 100; a greater one starts earlier.")
    after: str | None = Field(description="The run at whose end it starts.")
    only_if_succeeded: bool = Field(description="Whether that run must have succeeded; else any end will do.")
    waits_for: WaitAnswer = Field(description="What it waits for.")


class HolderAnswer(Answer):
    kind: str = Field(description="training, endpoint, evaluation, export, measurement or work.")
    id: str = Field(description="Id of the run, endpoint, evaluation or work.")
    name: str = Field(description="What it is called.")
    status: str = Field(description="How far it is.")
    exclusive: bool = Field(description="Whether it has the device for itself.")
    memory_bytes: int | None = Field(description="Memory of the machine that its processes have; null: not known.")
    device_memory_bytes: int | None = Field(description="Memory of GPUs that they have; null: not known, or none.")
    since: float | None = Field(description="When it began, in seconds since 1970.")
    free: list[holders.Free] = Field(description="What `POST /api/queue/free` can do about it.")


class DeviceAnswer(Answer):
    name: str = Field(description="cpu (the machine itself), gpu:0 ...")
    memory_bytes: int = Field(description="Its memory.")
    free_bytes: int | None = Field(description="How much is free; null: not known.")
    holders: list[HolderAnswer] = Field(description="Who computes there.")


class QueueAnswer(Answer):
    settings: SettingsAnswer = Field(description="How the queue is set.")
    running: list[RunningAnswer] = Field(description="What runs.")
    waiting: list[WaitingAnswer] = Field(description="What waits, in order.")
    total: int = Field(description="How many wait in all.")
    devices: list[DeviceAnswer] = Field(description="The devices and who holds them, at most two seconds old.")


class OrderBody(Body):
    run_ids: Annotated[list[RowId], Field(min_length=1, max_length=10_000)] = Field(
        description="Runs that wait, in the order wanted. They take the places that they have among them now."
    )


class SettingsBody(Body):
    stop_after_failure: bool = Field(description="Whether the queue pauses by itself when a run has failed.")
    sleep_idle_minutes: float | None = Field(
        default=None, description="Endpoints without a request for so long sleep while a run trains; null: never."
    )


class FreeBody(Body):
    act: Literal["stop_run", "stop_endpoint", "sleep_endpoint", "stop_evaluation", "stop_work"] = Field(
        description="One of the holder's `free`."
    )
    id: RowId = Field(description="The holder's id.")


@router.get("", summary="Show the queue")
def show_queue(offset: Offset = 0, limit: Limit = 100) -> QueueAnswer:
    """What runs, what waits and for what, and who holds the devices."""
    queue = waits.look(limit, offset)
    return QueueAnswer(
        settings=SettingsAnswer.model_validate(queue.settings),
        running=[RunningAnswer.model_validate(run) for run in queue.running],
        waiting=[WaitingAnswer.model_validate(_waiting(row)) for row in queue.waiting],
        total=queue.total,
        devices=[DeviceAnswer.model_validate(device) for device in holders.by_device()],
    )


def _waiting(row: waits.Waiting) -> dict[str, Any]:
    run = row.run
    own = {name: getattr(run, name) for name in ("id", "name", "project_id", "priority")}
    after = {"after": run.after_run_id, "only_if_succeeded": run.after_success}
    return own | after | {"place": row.place, "waits_for": row.wait}


@router.post("/pause", summary="Pause the queue", response_model=SettingsAnswer)
def pause_queue() -> QueueState:
    """Starts no run any more, also after a restart of the studio. What runs goes on."""
    return changes.pause()


@router.post("/resume", summary="Let the queue go on", response_model=SettingsAnswer)
def resume_queue() -> QueueState:
    """Starts runs again."""
    return changes.go_on()


@router.put("/order", status_code=204, summary="Change the order", responses=NOT_FOUND | CONFLICT)
def change_queue_order(body: OrderBody) -> None:
    """Has the runs named take their places in this order. Refused whole when one of them does not wait any more."""
    changes.reorder(body.run_ids)


@router.put("/settings", summary="Set how the queue behaves", response_model=SettingsAnswer)
def change_queue_settings(body: SettingsBody) -> QueueState:
    """What happens after a failure, and with endpoints that nobody asks while a run trains."""
    return changes.set_behaviour(body.stop_after_failure, body.sleep_idle_minutes)


@router.post("/free", status_code=204, summary="Free a device", responses=NOT_FOUND | CONFLICT)
def free_device(body: FreeBody) -> None:
    """Stops a run, endpoint, evaluation or piece of work, or sends an endpoint to sleep, so that its memory is free."""
    freeing.free(body.act, body.id)
