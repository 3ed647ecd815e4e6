"""`tunesmith diagnose`: what goes wrong in a run, and what to try instead."""

import json
from typing import Any

from app.cli.called import RunName
from app.cli.printed import answer
from engine.runs import runs
from engine.runs.doctor import diagnosis
from storage import db


def diagnose(run: RunName) -> None:
    """Say what goes wrong in a run by its curves, and what to try instead."""
    db.prepare()
    findings = diagnosis.of(runs.look_up(run))
    words = "\n".join(map(_words, findings))
    answer(findings, words or "Nothing looks wrong: no rule of the run doctor fires.")


def _words(finding: dict[str, Any]) -> str:
    first = f"{finding['severity']:7}  {finding['message']}"
    where = f"         {finding['rule']}: {finding['metric']}, step {finding['from_step']} to {finding['to_step']}"
    fields = ", ".join(f"{name} {json.dumps(value)}" for name, value in finding["remedy"].items())
    return "\n".join([first, where, *([f"         try: {fields}"] if fields else [])])
