"""Energy and cost over REST, of a training or a sweep that has not started."""

from pydantic import Field

from app.answers.fields import Answer
from engine.train.spending import Spending


class SpendingAnswer(Answer):
    wh: float | None = Field(description="Energy in Wh; null until runs here have measured the power.")
    basis: str = Field(description="What the energy was calculated from, or why it is not known.")
    device_hours: float | None = Field(description="Hours, times the devices it holds; null before the time is known.")
    energy_cost: float | None = Field(description="At the project's price per kWh; null without a price or energy.")
    device_cost: float | None = Field(description="At the project's price per device hour; null without a price.")
    cost: float | None = Field(description="The sum of what has a price; null while a part of it is not known.")
    currency: str = Field(description="The project's word for it.")

    @classmethod
    def of(cls, due: Spending) -> "SpendingAnswer":
        names = ("wh", "basis", "device_hours", "energy_cost", "device_cost", "cost")
        return cls(**{name: getattr(due, name) for name in names}, currency=due.prices.currency)
