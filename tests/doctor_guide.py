"""The guide's page of the run doctor, made from its rules: `python -m tests.doctor_guide --write` makes it again."""

import sys
from pathlib import Path

from engine.runs.doctor.rules import RULES

PAGE = Path(__file__).resolve().parent.parent / "docs" / "guide" / "doctor.md"
HEAD = """# The run doctor

The page of a run says under **What to do next** what goes wrong in it: a sentence with the numbers, where on which
curve it shows (the chart has a band there), and, where fields of the recipe can mend it, a button that opens the Train
form with the run's recipe and the remedy filled in. Nothing starts by itself. It looks at every run while it trains and
after.

The same over REST, `GET /api/runs/ID/diagnosis`, and in a shell, `tunesmith diagnose RUN`.

The rules look at the curves, the recipe and what the worker found. They would rather say nothing than something wrong:
each compares stretches of a curve with its noise, and none fires on the runs that went well among the
recorded ones (`tests/curves`), where every rule has its example. A curve of more than 1,000 points is looked at in
evenly spaced steps. The name of a rule is what REST answers as `rule`.

To use a remedy elsewhere: `/train?from=RUN&set={"learning_rate": 2e-05}` opens the form with a run's recipe and those
fields changed.
"""


def page_text() -> str:
    """The whole page, a section a rule."""
    sections = (
        f"\n## {rule.title}\n\n`{rule.name}`. {rule.fires}\n\nRemedy: {rule.advice[0].lower()}{rule.advice[1:]}\n"
        for rule in RULES
    )
    return HEAD + "".join(sections)


if __name__ == "__main__" and "--write" in sys.argv:
    PAGE.write_text(page_text())
