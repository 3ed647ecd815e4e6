"""The words that say where a run, model, dataset, backend or piece of work is on its way."""

from enum import StrEnum


class RunStatus(StrEnum):
    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"  # found dead; can be resumed


RUN_MOVING = (RunStatus.QUEUED, RunStatus.STARTING, RunStatus.RUNNING, RunStatus.STOPPING)
RUN_ALIVE = (RunStatus.STARTING, RunStatus.RUNNING, RunStatus.STOPPING)
RUN_RESUMABLE = (RunStatus.STOPPED, RunStatus.FAILED, RunStatus.INTERRUPTED)


class ModelStatus(StrEnum):
    QUEUED = "queued"  # waiting, or being fetched: `progress` says how far
    READY = "ready"
    FAILED = "failed"


class DatasetStatus(StrEnum):
    IMPORTING = "importing"
    READY = "ready"
    NEEDS_MAPPING = "needs_mapping"
    FAILED = "failed"


class WorkStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"


WORK_MOVING = (WorkStatus.QUEUED, WorkStatus.RUNNING)


class SweepStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    STOPPING = "stopping"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"


SWEEP_MOVING = (SweepStatus.QUEUED, SweepStatus.RUNNING, SweepStatus.STOPPING)


class EndpointStatus(StrEnum):
    QUEUED = "queued"
    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    ASLEEP = "asleep"  # holds no device; the next request wakes it
    STOPPED = "stopped"
    FAILED = "failed"


# What the loop looks at. A backend that is asleep needs no look.
SERVING_MOVING = (EndpointStatus.QUEUED, EndpointStatus.STARTING, EndpointStatus.READY, EndpointStatus.DRAINING)
SERVING_KEPT = (*SERVING_MOVING, EndpointStatus.ASLEEP)  # what is served, or will be at the next request


class AdapterStatus(StrEnum):
    """Of one load of an adapter into a backend."""

    LOADING = "loading"
    LOADED = "loaded"
    DRAINING = "draining"  # no new question reaches it; unloaded when its last answer is written
    FAILED = "failed"  # could not be loaded again after a restart
