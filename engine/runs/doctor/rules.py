"""All rules of the doctor, in the order in which they are told, and what they say of a run. Pure."""

from typing import Any

from engine.errors import RefusedError
from engine.recipes.recipe import parse
from engine.runs.doctor import answers, gradients, held_out, loss, machine, preferences
from engine.runs.doctor.evidence import Case, Finding, Rule

RULES: tuple[Rule, ...] = (
    *loss.RULES,
    *gradients.RULES,
    *held_out.RULES,
    *answers.RULES,
    *preferences.RULES,
    *machine.RULES,
)
ORDER = {"error": 0, "warning": 1, "info": 2}


def diagnose(case: Case) -> list[tuple[Rule, Finding]]:
    """What the rules find, the worst first. A remedy that the recipe cannot take is left out."""
    findings = [(rule, finding) for rule in RULES if (finding := rule.look(case))]
    checked = [(rule, _with_remedy(finding, case)) for rule, finding in findings]
    return sorted(checked, key=lambda pair: ORDER[pair[1].severity])


def _with_remedy(finding: Finding, case: Case) -> Finding:
    remedy = allowed(case.recipe.model_dump(), finding.remedy)
    return Finding(**{**vars(finding), "remedy": remedy})


def allowed(recipe: dict[str, Any], remedy: dict[str, Any]) -> dict[str, Any]:
    """The remedy, if a recipe with it holds together; else nothing."""
    try:
        parse(recipe | remedy)
    except RefusedError:
        return {}
    return remedy
