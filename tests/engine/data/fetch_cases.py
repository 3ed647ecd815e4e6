"""Fetches datasets of the hub one by one: `python -m tests.engine.data.fetch_cases CASES.json OUT` prints the ends."""

import json
import sys
from pathlib import Path
from typing import Any

from engine.workers import contract
from engine.workers.data import hub_files


def end_of(case: dict[str, Any], number: int, out: Path) -> dict[str, Any]:
    try:
        return {"files": hub_files.fetch(case, out / f"case{number}", out)}
    except contract.WorkFailedError as error:
        return {"category": error.category, "message": error.message, "hint": error.hint}


if __name__ == "__main__":
    cases = json.loads(Path(sys.argv[1]).read_text())
    ends = [end_of(case, number, Path(sys.argv[2])) for number, case in enumerate(cases)]
    sys.stdout.write(json.dumps(ends))
