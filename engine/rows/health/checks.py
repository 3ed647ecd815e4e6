"""The checks there are. The table in docs/guide/health.md is made from them."""

from engine.rows.health import (
    duplicates,
    language,
    leakage,
    lengths,
    near_duplicates,
    pii,
    refusals,
    short_answers,
    special_tokens,
)
from engine.rows.health.check import Check

CHECKS: dict[str, Check] = {
    check.name: check
    for check in (
        duplicates.CHECK,
        near_duplicates.CHECK,
        leakage.CHECK,
        short_answers.EMPTY,
        short_answers.ONE_WORD,
        refusals.CHECK,
        pii.CHECK,
        special_tokens.CHECK,
        lengths.CHECK,
        language.CHECK,
    )
}


def markdown() -> str:
    """The table of the guide."""
    lines = ["| check | why it matters | points | fix |", "|---|---|--:|---|"]
    cells = ((check.title, check.means, str(check.weight), check.fix_label) for check in CHECKS.values())
    return "\n".join([*lines, *(f"| {' | '.join(_cell(text) for text in row)} |" for row in cells)]) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
