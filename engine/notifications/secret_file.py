"""The secrets of all sinks: addresses, tokens, passwords, signing secrets. One file of the home, for its owner alone.

They are not in the database: copies of that are made and moved, and it may be on another machine. Nothing here is ever
shown; an entry without its sink, as a kill between file and database leaves, does no harm and goes at the next change.
"""

import os
from collections.abc import Mapping

import orjson

from engine.errors import DamagedError
from storage import home

Secrets = dict[str, str]
"""By name: url, secret, token, password."""


def read() -> dict[str, Secrets]:
    """The secrets by sink id. Raises DamagedError."""
    try:
        secrets = orjson.loads(home.sink_secrets().read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise DamagedError(
            f"The file {home.sink_secrets()} cannot be read: it is not JSON.",
            "Delete it, and enter addresses and passwords again on the System page.",
        ) from error
    return {str(sink): {str(name): str(value) for name, value in own.items()} for sink, own in secrets.items()}


def write(secrets: Mapping[str, Secrets]) -> None:
    """Replaces the file, whole or not at all."""
    home.ensure_folder(home.home())
    new = home.sink_secrets().with_suffix(".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(orjson.dumps(secrets))
        file.flush()
        os.fsync(file.fileno())
    new.replace(home.sink_secrets())
