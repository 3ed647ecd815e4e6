"""The token of the Hugging Face hub: HF_TOKEN of the studio's environment, else the one kept in a file of the home.

The file is for its owner alone (mode 0600). The token goes into the environment of a worker that asks the hub (see
`KNOWS` in engine.process.plan) and nowhere else: no page, answer or log shows it again.
"""

import os
import re
from secrets import token_hex
from typing import Literal

from engine.errors import ConflictError, RefusedError
from storage import home

VARIABLE = "HF_TOKEN"
SHAPE = re.compile(r"[!-~]{8,200}")
Origin = Literal["environment", "home"]


def value() -> str | None:
    """The token, for the environment of a child; None when there is none. The environment's comes first."""
    return os.environ.get(VARIABLE) or _kept()


def origin() -> Origin | None:
    """Where the token that is used comes from; None when there is none."""
    if os.environ.get(VARIABLE):
        return "environment"
    return "home" if _kept() else None


def kept_at() -> float | None:
    """When the token of the home was kept, in seconds since 1970; None when none is."""
    try:
        return home.hub_token().stat().st_mtime
    except FileNotFoundError:
        return None


def keep(token: str) -> None:
    """Keeps a token in the home, in place of an earlier one. Raises RefusedError, ConflictError."""
    token = token.strip()
    refuse_misshapen(token)
    if os.environ.get(VARIABLE):
        hint = f"Start the studio without {VARIABLE} to keep one here."
        raise ConflictError(f"The studio was started with {VARIABLE}, and uses that token.", hint)
    home.ensure_folder(home.home())
    path = home.hub_token()
    draft = path.with_name(f"{path.name}.{token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(token)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def forget() -> bool:
    """Removes the token of the home; says whether there was one. That of the environment stays."""
    existed = home.hub_token().exists()
    home.hub_token().unlink(missing_ok=True)
    return existed


def refuse_misshapen(token: str) -> None:
    """Raises RefusedError for what cannot be a token. It is not repeated: it may be another secret."""
    if not SHAPE.fullmatch(token):
        raise RefusedError("This is not a token of the hub.", "Copy it from huggingface.co/settings/tokens.")


def for_push(given: str = "") -> str:
    """The token of one upload: the one given for it, else the studio's. Raises RefusedError when there is none."""
    if given:
        refuse_misshapen(given)
        return given
    if known := value():
        return known
    hint = f"Give one with write access, or keep one on the System page ({VARIABLE} does the same)."
    raise RefusedError("There is no token for the hub.", hint)


def _kept() -> str | None:
    try:
        return home.hub_token().read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        return None
