"""Gates: an alias moves only if the first report on the version's run says so. Later reports do not open it."""

from typing import Any, Literal, get_args

from engine.errors import ConflictError, RefusedError
from engine.evaluate import reports
from storage.tables import ModelVersion

Gate = Literal["better", "not_worse"]
LETS_THROUGH = {"better": ("better",), "not_worse": ("better", "no_proof")}
FIRST = "A gate reads the first report, so that trying again until it says better does not help."


def check(name: str, version: ModelVersion, gate: str | None) -> dict[str, Any] | None:
    """What the gate found, for the log; None without one. Raises ConflictError when it does not let it through."""
    if gate is None:
        return None
    if gate not in get_args(Gate):
        raise RefusedError(f"There is no gate `{gate:.40}`.", f"Use one of: {', '.join(get_args(Gate))}.")
    called = f"Version {version.number} of `{name}`"
    report = reports.first_of(version.run_id) if version.run_id else None
    if report is None:
        hint = "Wait for the report on its run, or ask for one there; or move the alias without the gate."
        raise ConflictError(f"{called} has no report that has ended.", hint)
    facts = {name: report.get(name) for name in ("verdict", "sentence", "primary", "rows")}
    if facts["verdict"] not in LETS_THROUGH[gate]:
        message = f"The gate asks for `{gate}`, and the first report on {called} says `{facts['verdict']}`."
        raise ConflictError(message, f"{facts['sentence'] or ''} {FIRST}".strip())
    return {"asked": gate, **facts}
