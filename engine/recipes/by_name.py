"""Recipes with names in place of ids: read, and written so that a person sees what an id stands for.

In a recipe a model, a dataset or a run may be called by its name: then the recipe means the same
on another machine. What is kept with a run has ids: names change.
"""

from typing import Any

from sqlmodel import Session, SQLModel

from engine import called
from engine.errors import NotFoundError, TunesmithError
from engine.recipes import recipe as recipes
from engine.recipes.recipe import Recipe
from storage import db
from storage.tables import Dataset, Model, Run

# What each field may name; the first that has such an id or name is meant.
NAMES: dict[str, tuple[type[SQLModel], ...]] = {
    "model_id": (Model,),
    "dataset_id": (Dataset,),
    "start_from": (Run,),
    "teacher_id": (Model, Run),
    "reward_model_id": (Model, Run),
}


class FieldError(TunesmithError):
    """A field of a recipe names several things, or nothing but nearly something."""

    def __init__(self, field: str, error: TunesmithError) -> None:
        super().__init__(f"`{field}`: {error.message}", error.hint)
        self.field, self.status = field, error.status


def with_ids(recipe: Recipe) -> Recipe:
    """The recipe with the id of everything that it names. Raises FieldError for a name of several, and for a typo.

    What is like nothing here stays as it is: the checks of the recipe say so, and its other fields can be used.
    """
    named = {field: str(getattr(recipe, field)) for field in NAMES if getattr(recipe, field)}
    with db.reading() as session:
        ids = {field: _id_of(session, field, text) for field, text in named.items()}
    changed = {field: row_id for field, row_id in ids.items() if row_id != named[field]}
    return recipe.model_copy(update=changed) if changed else recipe


def _id_of(session: Session, field: str, text: str) -> str:
    try:
        return str(_row(session, field, text).id)
    except called.UnknownError as error:
        if not error.is_typo:
            return text
        raise FieldError(field, error) from error
    except TunesmithError as error:
        raise FieldError(field, error) from error


def _row(session: Session, field: str, text: str) -> Any:
    tables = NAMES[field]
    for table in tables:
        if (row := session.get(table, text)) is not None:
            return row
    for table in tables[:-1]:
        try:
            return called.find(session, table, text)
        except NotFoundError:
            continue
    return called.find(session, tables[-1], text)


def to_yaml(recipe: Recipe) -> str:
    """The whole recipe as YAML, with the name beside each id that stands for something here."""
    names = _names(recipe)
    lines = recipes.to_yaml(recipe).splitlines()
    return "".join(f"{line}{_remark(line, names)}\n" for line in lines)


def _remark(line: str, names: dict[str, str]) -> str:
    name = names.get(line.partition(":")[0])
    return f"  # {name}" if name else ""


def portable(recipe: Recipe) -> str:
    """The whole recipe as YAML, with names instead of ids where a name means one thing alone. For other machines."""
    unique = {field: name for field, name in _names(recipe).items() if _means(recipe, field, name)}
    return recipes.to_yaml(recipe.model_copy(update=unique))


def _means(recipe: Recipe, field: str, name: str) -> bool:
    """Whether the name leads back to the id."""
    with db.reading() as session:
        try:
            return _id_of(session, field, name) == str(getattr(recipe, field))
        except TunesmithError:
            return False


def _names(recipe: Recipe) -> dict[str, str]:
    """Field -> the name of what its id stands for; of an older version of a dataset NAME/2."""
    names: dict[str, str] = {}
    with db.reading() as session:
        for field, tables in NAMES.items():
            rows = (session.get(table, str(getattr(recipe, field))) for table in tables)
            row: Any = next((row for row in rows if row is not None), None)
            if row is not None:
                names[field] = _name(session, row)
    return names


def _name(session: Session, row: Any) -> str:
    if not isinstance(row, Dataset):
        return str(row.name)
    newest = called.find_all(session, Dataset, row.name)
    return row.name if row.id in [dataset.id for dataset in newest] else f"{row.name}/{row.version}"
