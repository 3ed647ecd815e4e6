"""Gates: an alias moves only if the first report on the version's run says so. Later reports do not open it."""

from typing import Any, Literal, get_args

from engine.errors import ConflictError, RefusedError
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
    report = _first_report(version.run_id)
    if report is None:
        raise ConflictError(f"{called} has no report.", "Make one on the run's page, or move it without the gate.")
    if report.get("status") != "succeeded":
        raise ConflictError(f"The report on {called} is {report.get('status')}.", "Wait until it has ended.")
    found = {name: report.get(name) for name in ("verdict", "sentence", "primary", "rows")}
    if found["verdict"] not in LETS_THROUGH[gate]:
        message = f"The gate asks for `{gate}`, and the first report on {called} says `{found['verdict']}`."
        raise ConflictError(message, f"{found['sentence'] or ''} {FIRST}".strip())
    return {"asked": gate, **found}


def _first_report(run_id: str | None) -> dict[str, Any] | None:
    return None
