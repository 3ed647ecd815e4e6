"""What is wrong with a recipe that somebody typed as YAML, each thing at its line."""

from dataclasses import dataclass

import yaml
from pydantic import ValidationError

from engine.errors import RefusedError
from engine.recipes import by_name
from engine.recipes import recipe as recipes


@dataclass(frozen=True)
class LineProblem:
    """`line` counts from 1; None where it is about no line, such as a field that is not there."""

    line: int | None
    message: str
    hint: str = ""

    def __str__(self) -> str:
        return f"Line {self.line}: {self.message}" if self.line else self.message


def read(text: str) -> tuple[recipes.Recipe | None, list[LineProblem]]:
    """The recipe that the text holds, or what is wrong with it."""
    try:
        fields = recipes.read_fields(text)
    except RefusedError as error:
        return None, [_unreadable(error)]
    lines = _lines(text)
    try:
        return by_name.with_ids(recipes.Recipe.model_validate(fields)), []
    except by_name.FieldError as error:
        return None, [LineProblem(lines.get(error.field), error.message, error.hint)]
    except ValidationError as error:
        places = [lines.get(str(detail["loc"][0])) if detail["loc"] else None for detail in error.errors()]
        messages = recipes.problems(error, known=recipes.Recipe.model_fields)
        return None, [LineProblem(line, message) for line, message in zip(places, messages, strict=True)]


def _unreadable(error: RefusedError) -> LineProblem:
    cause = error.__cause__
    if isinstance(cause, yaml.MarkedYAMLError) and cause.problem_mark and cause.problem:
        problem = cause.problem[:1].upper() + cause.problem[1:]
        return LineProblem(cause.problem_mark.line + 1, f"{problem}.", "Write one `field: value` a line.")
    return LineProblem(None, error.message, error.hint)


def _lines(text: str) -> dict[str, int]:
    """field -> the line it stands on."""
    node = yaml.compose(text, yaml.SafeLoader)
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return {str(key.value): key.start_mark.line + 1 for key, _ in pairs}
