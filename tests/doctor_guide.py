"""The guide's page of the run doctor, made from its rules: `python -m tests.doctor_guide --write` makes it again."""

import sys
from pathlib import Path

from engine.runs.doctor.rules import RULES
from tests.curves import matrix
from tests.curves.trainings import FURTHER, HEALTHY, WRONG

PAGE = Path(__file__).resolve().parent.parent / "docs" / "guide" / "doctor.md"
HEAD = """# The run doctor

The page of a run says under **What to do next** what goes wrong in it: a sentence with the numbers, where on which
curve it shows (the chart has a band there), and, where fields of the recipe can mend it, a button that opens the Train
form with the run's recipe and the remedy filled in. Nothing starts by itself. It looks at every run while it trains and
after.

The same over REST, `GET /api/runs/ID/diagnosis`, and in a shell, `tunesmith diagnose RUN`.

The rules look at the curves, the recipe and what the worker found. They would rather say nothing than something wrong:
each compares stretches of a curve with its noise, and none fires on the runs that went well among the
recorded ones (`tests/curves`), where every rule has its example. A curve of more than 500 points is looked at in
evenly spaced steps. The name of a rule is what REST answers as `rule`.

To use a remedy elsewhere: `/train?from=RUN&set={"learning_rate": 2e-05}` opens the form with a run's recipe and those
fields changed.
"""

RECORDED = """
## What fires on the recorded runs

Trainings of a tiny model: wrong on purpose, then well. Every rule that a line does not name was silent there.

| training | rules that fire |
|---|---|
"""


def page_text() -> str:
    """The whole page, a section a rule."""
    sections = (
        f"\n## {rule.title}\n\n`{rule.name}`. {rule.fires}\n\nRemedy: {rule.advice[0].lower()}{rule.advice[1:]}\n"
        for rule in RULES
    )
    return HEAD + "".join(sections) + _recorded()


def _recorded() -> str:
    """What fires on each of the trainings that are recorded."""
    wrong = [
        f"| {training.about} | {' and '.join(f'`{rule}`' for rule in matrix.FIRES[name])} |\n"
        for name, training in WRONG.items()
    ]
    well = [f"| {training.about} | none |\n" for training in (HEALTHY | FURTHER).values()]
    return RECORDED + "".join(wrong + well)


if __name__ == "__main__" and "--write" in sys.argv:
    PAGE.write_text(page_text())
