"""Recorded trainings as the doctor sees them."""

from typing import Any

import numpy

from engine.recipes.recipe import parse
from engine.runs.doctor.evidence import Case, Curve
from storage.tables import RunFacts


def of(recorded: dict[str, Any]) -> Case:
    """What `read` of tests.curves.record gave, as a run that has ended."""
    curves = {
        name: Curve(*(numpy.array(column, float) for column in zip(*points, strict=True)))
        for name, points in recorded["curves"].items()
    }
    facts = RunFacts.model_validate(recorded["facts"])
    return Case(curves, parse(recorded["recipe"]), facts, recorded["max_steps"], ended=True)
