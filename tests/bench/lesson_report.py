"""The first lesson and its proof: `python -m tests.bench.lesson_report [--home FOLDER]`.

Starts the lesson in a fresh studio as a beginner does, waits for the report that comes by itself, and prints what it
says. Then three things it must be able to tell apart, on the same rows: the same training with its answers shuffled
among the questions, the same training with another seed, and both seeds against each other. Each line is a verdict
with the one measure that decides and its interval. Exits with an error where one of them is not what it must be.
`--home` keeps the studio's home, to look at the report in a browser.
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.lesson import addition_rows
from tests.bench.lesson import stages
from tests.bench.spine import Studio, until

OVER = ("succeeded", "failed", "stopped")
SEED = 7  # of the second training; the lesson's is the recipe's own


def shuffled() -> str:
    """The lesson's rows with every answer behind another row's question: as many words, and no sense."""
    chats = addition_rows.chats()
    answers = [turn["content"] for chat in chats for turn in chat if turn["role"] == "assistant"]
    random.Random(0).shuffle(answers)
    left = iter(answers)
    mixed = [
        [{**turn, "content": next(left)} if turn["role"] == "assistant" else turn for turn in chat] for chat in chats
    ]
    return "".join(json.dumps({"messages": turns}) + "\n" for turns in mixed)


def own_report(studio: Studio, run_id: str) -> dict[str, Any]:
    """The report that came by itself."""
    path = f"runs/{run_id}/report"

    def done() -> dict[str, Any] | None:
        report = studio.get(path)
        return report if report["status"] in OVER else None

    return until(done, seconds=1800, every=0.5)


def compare(studio: Studio, name: str, subject: str, against: str, dataset_id: str) -> dict[str, Any]:
    """Two sides on the rows of a dataset."""
    body = {"name": name, "subject": subject, "against": against, "dataset_id": dataset_id}
    path = f"evaluations/{studio.post('evaluations', body)['id']}"

    def done() -> dict[str, Any] | None:
        found = studio.get(path)
        return dict(found["result"]) if found["status"] in OVER else None

    return until(done, seconds=1800, every=0.5)


def told(title: str, report: dict[str, Any], expected: Sequence[str]) -> bool:
    """Prints one report; whether its verdict is one of those expected."""
    if report["status"] != "succeeded":
        print(f"{title}: {report['status']}: {report['error']} {report['hint']}", flush=True)
        return False
    decides = next((one for one in report["metrics"] if one["name"] == report["primary"]), None)
    print(f"{title}: {report['verdict']}. {report['sentence']}", flush=True)
    if decides is not None:
        print(
            f"    {decides['title']}: {decides['base']} -> {decides['tuned']}, difference {decides['difference']}, "
            f"95 % interval {decides['low']} to {decides['high']}; {report['rows']} rows of the part {report['part']}",
            flush=True,
        )
    for metric in report["metrics"]:
        print(f"      {metric['name']}: {metric['base']} -> {metric['tuned']} ({metric['verdict']})", flush=True)
    skills = report["skills"]
    if skills:
        print(f"    general skill: {skills['base']:.2f} -> {skills['tuned']:.2f}, {skills['verdict']}", flush=True)
    print(f"    rows that were learnt: {report['leakage']}", flush=True)
    print(f"    {len(report['worse_rows'])} rows got worse; took {report['seconds']} s", flush=True)
    return report["verdict"] in expected


def brought_in(studio: Studio) -> str:
    """The id of the dataset of shuffled answers."""
    with tempfile.TemporaryDirectory() as folder:  # a studio takes no file out of its own home
        file = Path(folder) / "shuffled.jsonl"
        file.write_text(shuffled(), encoding="utf-8")
        imported = studio.post("datasets", {"name": "Answers shuffled", "source": "path", "id": str(file)})
        return studio.ready(f"datasets/{imported['id']}")


def measure(studio: Studio) -> bool:
    """The lesson, and its three controls. Whether each said what it must."""
    until(studio.answers)
    stages(studio)
    ready = time.monotonic()
    lesson = studio.get("lesson")
    run = studio.get(f"runs/{lesson['run_id']}")
    base, subject = f"model:{run['recipe']['model_id']}", f"run:{run['id']}"
    report = own_report(studio, run["id"])
    print(f"the report stood {time.monotonic() - ready:.0f} s after the chat was ready", flush=True)
    fine = [told("the lesson's own report", report, ["better"])]
    decides = next((one for one in report["metrics"] if one["name"] == report["primary"]), {"low": None})
    fine.append(decides["low"] is not None and decides["low"] > 0)
    rows = str(report["dataset_id"])
    studio.post(f"endpoints/{lesson['endpoint_id']}/stop", {})
    mixed = brought_in(studio)
    senseless = studio.run(run["recipe"] | {"dataset_id": mixed})
    found = compare(studio, "answers shuffled", f"run:{senseless['id']}", base, rows)
    fine.append(told("trained on shuffled answers", found, ["worse", "no_proof"]))
    other = studio.run(run["recipe"] | {"seed": SEED})
    found = compare(studio, "another seed", f"run:{other['id']}", base, rows)
    fine.append(told("the lesson with another seed", found, ["better"]))
    found = compare(studio, "two seeds", f"run:{other['id']}", subject, rows)
    fine.append(told("one seed against the other", found, ["no_proof"]))
    return all(fine)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        studio = Studio(str(chosen.home or Path(folder) / "home"))
        try:
            fine = measure(studio)
        finally:
            studio.close()
    if not fine:
        raise SystemExit("not every verdict is what it must be")


if __name__ == "__main__":
    main()
