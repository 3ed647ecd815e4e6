"""The report: rows chosen, both sides asked, the answers judged, and what that proves said in the one shape there is.

Nothing here depends on the clock: the same rows, models, seed and kind of device give the same result.
"""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.evaluate import asked_rows, budget, words
from engine.workers.evaluate import asking, gathering, kept_answers, leaks, proof, rows, scores, sides, skill_check
from engine.workers.evaluate.asking import Plan
from engine.workers.evaluate.gathering import Clock, Found
from engine.workers.evaluate.rows import Chosen


def write(spec: Mapping[str, Any], out: Path) -> dict[str, Any]:
    """The report on a spec (engine.evaluate.spec), and OUT/rows.jsonl beside it. Raises WorkFailedError, Stopped."""
    began = time.monotonic()
    clock = Clock(out, 1)
    clock.stage = "choosing rows"
    clock.step()
    sides.refuse_missing(spec)
    bounded = not spec["all_rows"] and spec["limit"] is None
    chosen = rows.choose(spec, budget.MOST if bounded else None if spec["all_rows"] else spec["limit"])
    plan = asking.plan(spec, chosen, skill_check.prompts(), skill_check.texts())
    asked = words.counted(len(plan.rows), "row") if plan.rows else "no held-out rows, general-skill questions only"
    clock.before = f"{asked}, about {max(1, round(plan.estimated_seconds / 60))} min: "
    clock.stage = "looking for rows of the training"
    leakage = leaks.found(spec, plan.rows, clock.step) if plan.rows else None
    clock.total = gathering.total(plan, spec["tuned"]["scores"])
    gathered = gathering.gather(spec, plan, clock)
    clock.stage = "comparing"
    judged = scores.judged(spec, plan, gathered)
    table = proof.row_table(plan, gathered, judged)
    _keep(out / asked_rows.FILE, table)
    kept_answers.tidy(Path(spec["answers"]))
    skills = None if spec["tuned"]["scores"] else skill_check.result(gathered["base"], gathered["tuned"], spec["seed"])
    return {
        **_facts(spec, chosen, plan, gathered),
        **proof.proven(plan, judged, table, spec["seed"]),
        "leakage": leakage,
        "skills": skills,
        "notes": judged.notes,
        "seconds": round(time.monotonic() - began, 1),
        "answers_per_second": round(clock.written / clock.writing_seconds, 2) if clock.written else None,
    }


def _facts(spec: Mapping[str, Any], chosen: Chosen, plan: Plan, gathered: Mapping[str, Found]) -> dict[str, Any]:
    cut = sum(answer.is_cut for side in gathered.values() for answer in side.answers)
    return {
        "rows": len(plan.rows),
        "clusters": len({row.cluster for row in plan.rows}),
        "subject_title": spec["tuned"]["title"],
        "against_title": spec["base"]["title"],
        "dataset_id": spec["dataset"]["id"],
        "dataset_name": spec["dataset"]["name"],
        "part": chosen.part,
        "chose_checkpoint": chosen.part == "eval",
        "truncated": cut,
        "left_out": sum(chosen.left_out.values()),
        "left_out_why": dict(chosen.left_out),
        "all_rows": chosen.all_rows,
        "longest_answer": plan.longest,
        "estimated_seconds": plan.estimated_seconds,
    }


def _keep(file: Path, table: list[dict[str, Any]]) -> None:
    """Every row, a JSON object a line, for a page that shows answers side by side."""
    with file.open("w", encoding="utf-8") as lines:
        for row in table:
            lines.write(json.dumps(row, ensure_ascii=False) + "\n")
