"""Who computes on which device."""

import time

from sqlmodel import Field, SQLModel


class Lease(SQLModel, table=True):
    """Who holds a device now. Given out and taken back by engine.process.devices."""

    holder_id: str = Field(primary_key=True)
    holder_kind: str  # run | backend | work
    device: str = Field(index=True)
    exclusive: bool = True
    since: float = Field(default_factory=time.time)
