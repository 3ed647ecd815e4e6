"""What a person can be told about, and what each is called."""

from typing import Literal, get_args

Kind = Literal["finished", "failed", "interrupted", "resumed", "stuck", "best", "disk_low"]

KINDS: tuple[Kind, ...] = get_args(Kind)

WORDS: dict[str, str] = {
    "finished": "A run has finished",
    "failed": "A run has failed",
    "interrupted": "A run was interrupted",
    "resumed": "A run goes on again",
    "stuck": "A run makes no step",
    "best": "A run has a new best value",
    "disk_low": "The disk is nearly full",
    "test": "A test message",
}

BAD = ("failed", "interrupted", "stuck", "disk_low")  # what may need a person
