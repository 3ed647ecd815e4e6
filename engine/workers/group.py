"""The processes of one training as a group: they begin, take turns, agree and end together. One alone just goes on.

Words between processes go over gloo, from CPU memory: no GPU waits for them, and no pickle is read.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import torch
from torch import distributed
from torch.distributed.tensor import DTensor

from engine.workers import contract, ranks

T = TypeVar("T")

# The first process may tokenise for hours while the others wait. One that dies ends all at once, whatever this says.
PATIENCE = timedelta(hours=24)


def begin(device: str) -> None:
    """Joins the group, when this process was launched with others. `device` is its own (cpu, cuda:1)."""
    if not ranks.launched() or distributed.is_initialized():
        return
    ranks.end_with_launcher()
    on_gpu = device != "cpu"
    if on_gpu:
        torch.cuda.set_device(device)
    distributed.init_process_group("cuda:nccl,cpu:gloo" if on_gpu else "gloo", timeout=PATIENCE)
    contract.at_end(end)


def alone() -> bool:
    """Whether nothing wraps the model: neither DDP, FSDP nor DeepSpeed, which one process may have too."""
    return not distributed.is_initialized()


def end() -> None:
    """Leaves the group."""
    if distributed.is_initialized():
        distributed.destroy_process_group()


def agree(*flags: bool) -> tuple[bool, ...]:
    """For each flag whether any process raises it. All processes must ask at the same place; they wait for each other.

    A few bytes over gloo: about a tenth of a millisecond on one machine.
    """
    if alone() or ranks.total() == 1:
        return flags
    shared = torch.tensor(flags, dtype=torch.int32)
    distributed.all_reduce(shared, op=distributed.ReduceOp.MAX)
    return tuple(bool(flag) for flag in shared.tolist())


def told_by_first(number: int) -> int:
    """The first process's number, in every process. All must ask at the same place."""
    if alone() or ranks.total() == 1:
        return number
    shared = torch.tensor([number], dtype=torch.int64)
    distributed.broadcast(shared, src=0)
    return int(shared.item())


def wait() -> None:
    """Until all processes are here."""
    agree(False)


def in_turn(work: Callable[[], T]) -> T:
    """Does `work` in every process: first in the first, then in the first of each machine, then in the others.

    So what the first writes to disk is found by the others, also where machines share no disk.
    """
    if alone():
        return work()
    turn = 0 if ranks.first() else 1 if ranks.local() == 0 else 2
    for _ in range(turn):
        wait()
    done = work()
    for _ in range(turn, 3):
        wait()
    return done


def held(tensor: torch.Tensor) -> torch.Tensor:
    """What this process has of a tensor: its share where FSDP divides it. To ask about the whole takes everyone."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor
