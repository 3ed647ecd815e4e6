"""`tunesmith project`: projects made, renamed, archived, restored, priced and deleted."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from app.cli.called import OneProject
from app.cli.printed import answer, answer_list, say
from app.cli.runs.samples import prompts
from engine import sizes
from engine.accounts import prices, projects
from engine.projects import contents, deleting
from storage import db
from storage import projects as stored
from storage.tables import Project

COMMANDS = typer.Typer(help="Projects: made, renamed, archived, restored, priced, deleted.", no_args_is_help=True)
COMMANDS.command("prompts")(prompts)

NewName = Annotated[str, typer.Argument(metavar="NAME", help="Its name; no other project has it.")]
Price = Annotated[str | None, typer.Option(metavar="PRICE", help="In its currency; none: no cost of it is shown.")]


@COMMANDS.command("list")
def list_projects(
    archived: Annotated[bool, typer.Option("--archived", help="The archived ones as well.")] = False,
) -> None:
    """List projects, the oldest first: id, name."""
    db.prepare()
    with db.reading() as session:
        listed = stored.all_projects(session, archived)
    answer_list([_facts(project) for project in listed], _line, "There is no project.")


@COMMANDS.command()
def show(project_id: OneProject) -> None:
    """Show a project: its prices, what is in it and how many bytes that takes."""
    inside = contents.of(project_id)
    project = projects.look_up(project_id)
    words = f"{_line(_facts(project))}\n{inside.words}, {sizes.in_words(inside.size_bytes)}\n{_priced(project)}"
    answer(_facts(project) | {"counts": inside.counts, "size_bytes": inside.size_bytes}, words)


@COMMANDS.command()
def create(name: NewName) -> None:
    """Make an empty project."""
    db.prepare()
    _answer(projects.create_project(name))


@COMMANDS.command()
def rename(project_id: OneProject, name: NewName) -> None:
    """Give a project another name."""
    _answer(projects.rename_project(project_id, name))


@COMMANDS.command()
def archive(project_id: OneProject) -> None:
    """Hide a project from lists. Nothing in it is deleted or stopped."""
    _answer(projects.archive_project(project_id))


@COMMANDS.command()
def restore(project_id: OneProject) -> None:
    """Show an archived project again."""
    _answer(projects.restore_project(project_id))


@COMMANDS.command()
def price(
    project_id: OneProject,
    kwh: Price = None,
    device_hour: Price = None,
    currency: Annotated[str | None, typer.Option(help="A word beside a cost, such as EUR.")] = None,
) -> None:
    """Say what a kWh and an hour of a device cost, by which runs show what they have cost. What is left out stays."""
    now = prices.of_project(project_id)
    word = now.currency if currency is None else currency
    then = prices.Prices(_price(kwh, now.per_kwh), _price(device_hour, now.per_device_hour), word)
    project = projects.look_up(project_id) if then == now else prices.set_prices(project_id, then)
    answer(_facts(project), _priced(project))


@COMMANDS.command()
def delete(
    project_id: OneProject,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for its name.")] = False,
) -> None:
    """Delete a project with all that is in it, for good. Its name has to be typed, unless --yes says so already."""
    inside = contents.of(project_id)
    typed = inside.name
    if not yes:
        say(f"With {inside.name} go for good: {inside.words}, {sizes.in_words(inside.size_bytes)}.", err=True)
        typed = typer.prompt("Its name, to delete it", err=True)
    went = deleting.delete(project_id, typed)
    answer(asdict(went) | {"deleted": True}, f"{went.name} is deleted: {went.words}. Its files go within minutes.")


def _price(text: str | None, now: float | None) -> float | None:
    if text is None or text == "none":
        return now if text is None else None
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r:.40} is not a price; write a number, or none.") from None


def _facts(project: Project) -> dict[str, Any]:
    return project.model_dump()


def _line(facts: dict[str, Any]) -> str:
    return f"{facts['id']:<12}  {facts['name']}" + ("  (archived)" if facts["archived"] else "")


def _priced(project: Project) -> str:
    priced = (("a kWh", project.price_per_kwh), ("an hour of a device", project.price_per_device_hour))
    words = [f"{what} costs {value:g} {project.currency}".rstrip() for what, value in priced if value is not None]
    return ", ".join(words) or "no prices"


def _answer(project: Project) -> None:
    answer(_facts(project), _line(_facts(project)))
