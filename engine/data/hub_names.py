"""What an import from the hub names: the dataset, and the configuration, split and revision of it."""

import re

from engine import names
from engine.errors import RefusedError

WORD = re.compile(r"[\w.@+ -][\w./@+ -]{0,199}")  # a configuration, split or revision


def hub_source(
    hub_id: str, config: str | None = None, split: str | None = None, revision: str | None = None
) -> dict[str, str | None]:
    """What an import from the hub is asked for: {"id", "config", "split", "revision"}. Raises RefusedError."""
    options = {"config": config or None, "split": split or None, "revision": revision or "main"}
    for name, value in options.items():
        if value and (not WORD.fullmatch(value) or ".." in value):
            raise RefusedError(f"{value!r:.120} cannot be a {name}.", "Write it as on the hub.")
    return {"id": names.hub_id(hub_id, "dataset"), **options}
