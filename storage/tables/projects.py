"""What everything else belongs to."""

import time

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel

from storage.tables.columns import new_id


class Project(SQLModel, table=True):
    id: str = Field(default_factory=new_id, primary_key=True)
    name: str = Field(unique=True)
    archived: bool = False
    price_per_kwh: float | None = None  # in its currency; None: no cost is shown
    price_per_device_hour: float | None = None
    currency: str = ""  # a word for people, such as EUR
    prompts: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))  # asked in every training
    created_at: float = Field(default_factory=time.time)
