"""How many processes work on a training, and what each of them holds. Light: workers know it too."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """The processes of a training: `processes` on each of `machines`, as `strategy` says."""

    strategy: str
    processes: int
    machines: int

    @property
    def world(self) -> int:
        """All processes on all machines."""
        return self.processes * self.machines

    @property
    def zero_stage(self) -> int:
        """1, 2 or 3 with DeepSpeed, else 0."""
        return int(self.strategy[-1]) if self.strategy.startswith("deepspeed") else 0

    @property
    def divides_weights(self) -> bool:
        """Whether no process holds the whole model while it trains."""
        return self.strategy == "fsdp" or self.zero_stage == 3
