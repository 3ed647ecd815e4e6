"""How a training is spread over several devices, or several machines."""

from typing import ClassVar, Literal

from pydantic import BaseModel, Field

Strategy = Literal["none", "ddp", "fsdp", "deepspeed_zero1", "deepspeed_zero2", "deepspeed_zero3"]


class Distributed(BaseModel):
    """How a training is spread over several devices, or several machines."""

    TITLE: ClassVar = "Several devices"

    strategy: Strategy = Field(
        default="none",
        title="Strategy",
        description="none trains in one process. ddp copies the model to every device and shares out the rows. fsdp "
        "(PyTorch's FSDP2) and deepspeed_zero3 divide weights, gradients and optimiser among the devices; "
        "deepspeed_zero2 divides gradients and optimiser, deepspeed_zero1 the optimiser alone.",
    )
    num_processes: int = Field(
        default=0,
        ge=0,
        le=64,
        title="Processes",
        description="Processes on each machine, one a GPU; 0 takes every device of this machine.",
    )
    offload: Literal["none", "cpu"] = Field(
        default="none",
        title="Offload",
        description="cpu keeps in the machine's memory what the strategy divides, and brings it to the GPU when it is "
        "needed: less GPU memory, slower.",
    )
    reshard_after_forward: bool = Field(
        default=True,
        title="Reshard after forward",
        description="With fsdp, gives the weights of a layer back after its forward pass and gathers them again for "
        "the backward pass: less memory, more traffic.",
    )
    num_machines: int = Field(
        default=1,
        ge=1,
        le=512,
        title="Machines",
        description="How many machines train together. The same recipe is started on each, with its own machine_rank.",
    )
    machine_rank: int = Field(
        default=0,
        ge=0,
        le=511,
        title="Rank of this machine",
        description="Which of the machines this one is; machine 0 saves the result.",
    )
    main_process_ip: str = Field(
        default="",
        max_length=253,
        pattern=r"^[A-Za-z0-9.:_-]*$",
        title="Address of machine 0",
        description="Where the other machines find machine 0; needed when num_machines is above 1.",
    )
    main_process_port: int = Field(
        default=29500,
        ge=1024,
        le=65535,
        title="Port of machine 0",
        description="The port they meet at. One machine alone picks a free port by itself.",
    )
