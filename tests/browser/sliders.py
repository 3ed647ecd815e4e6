"""Gradio's sliders: what is typed beside them counts once they have come alive, and nothing on the page says when."""

from playwright.sync_api import Locator

from tests.waiting import wait_for


def slide(slider: Locator, value: int) -> None:
    """Types `value` until the handle has followed."""
    number, handle = slider.locator("input[type=number]"), slider.locator("input[type=range]")

    def heard() -> bool:
        number.fill(str(value))
        return handle.input_value() == str(value)

    wait_for(heard)
