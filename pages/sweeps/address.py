"""The addresses of the Sweeps page: `/sweeps` is the list, `?sweep=ID` one of them, `&tab=` what of it."""

from collections.abc import Mapping
from urllib.parse import urlencode

Query = Mapping[str, str]
FIRST = "overview"


def of_sweep(sweep_id: str, tab: str = FIRST, **more: str) -> str:
    shown = {} if tab == FIRST else {"tab": tab}
    return f"/sweeps?{urlencode({'sweep': sweep_id, **shown, **{name: text for name, text in more.items() if text}})}"


def of_settings(sweep_id: str, number: int) -> str:
    """The Train form with the settings of that trial. pages.train.recipe_source reads it."""
    return f"/train?{urlencode({'sweep': sweep_id, 'trial': number})}"
