"""Names of the hub as people write them: checked before anything is asked there."""

import re

from engine.errors import RefusedError

HUB_ID = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9_.-]{0,95}/)?[A-Za-z0-9][A-Za-z0-9_.-]{0,95}")
HUB_URL = re.compile(r"https?://(?:www\.)?(?:huggingface\.co|hf\.co)/(?:datasets/)?")
WORD = re.compile(r"[\w.@+ -][\w./@+ -]{0,199}")  # a configuration, split or revision


def bare(text: str) -> str:
    """An id without the address of the hub before it."""
    return HUB_URL.sub("", text.strip(), count=1).strip("/")


def checked_id(text: str) -> str:
    """The id of a dataset of the hub, from it or its address. Raises RefusedError."""
    repo = bare(text)
    if not HUB_ID.fullmatch(repo) or ".." in repo:
        raise RefusedError(f"{text!r:.120} is no name of a hub dataset.", "Write it as on the hub: owner/name.")
    return repo


def asked(
    hub_id: str, config: str | None = None, split: str | None = None, revision: str | None = None
) -> dict[str, str | None]:
    """What an import from the hub is asked for: {"id", "config", "split", "revision"}. Raises RefusedError."""
    chosen = {"config": config or None, "split": split or None, "revision": revision or "main"}
    for name, value in chosen.items():
        if value and (not WORD.fullmatch(value) or ".." in value):
            raise RefusedError(f"{value!r:.120} cannot be a {name}.", "Write it as on the hub.")
    return {"id": checked_id(hub_id), **chosen}
