"""`tunesmith registry`: models kept by name, their versions, aliases and log; what takes the disk."""

import getpass
import time
from typing import Annotated, Any

import typer

from app.cli import running_studio
from app.cli.called import MODEL, RUN
from app.cli.completion import names
from app.cli.printed import answer, as_json, say, say_json
from app.cli.serving import endpoints as cli_endpoints
from engine import sizes
from engine.registry import aliases, described, disk, following, gates, registered, versions
from engine.registry.aliases import Promotion
from engine.registry.versions import Stage
from storage import db
from storage import registry as stored

VERSIONS = names.of("version")
COMMANDS = typer.Typer(help="Models kept by name: versions, aliases, log, clean-up.", no_args_is_help=True)

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="The model's name in the registry.", autocompletion=names.of("registry"))
]
Number = Annotated[int, typer.Argument(metavar="VERSION", min=1, help="The version's number.")]
Alias = Annotated[str, typer.Argument(metavar="ALIAS", help="Such as production or candidate.")]
Why = Annotated[str, typer.Option("--why", help="The reason; the log keeps it.")]
NoteOption = Annotated[str | None, typer.Option("--note", help="A remark.")]
TagOption = Annotated[list[str] | None, typer.Option("--tag", help="A word to find it by; repeatable.")]


def _who() -> str:
    return f"{getpass.getuser()}, at the command line"


@COMMANDS.command("list")
def list_models() -> None:
    """List the models: name, number of versions, where each alias leads."""
    db.prepare()
    with db.reading() as session:
        rows = stored.recent(session, limit=1000)
    if as_json():
        return say_json(described.listed(rows))
    for facts in described.listed(rows):
        led = "  ".join(f"{alias} -> {number}" for alias, number in facts["aliases"].items())
        say(f"{facts['name']:<24} {facts['versions']:>3} versions  {led}".rstrip())
    return None


@COMMANDS.command()
def show(name: Name) -> None:
    """Show a model: its versions, what each holds, and what uses it."""
    db.prepare()
    facts = described.model(name)
    if as_json():
        return say_json(facts)
    say(f"{facts['name']}  {facts['note']}".rstrip())
    for version in facts["version_list"]:
        say(_version_line(version))
    if (older := facts["versions"] - len(facts["version_list"])) > 0:
        say(f"and {older:,} older versions")
    for follower in facts["endpoints"]:
        problem = f": {follower['error']}" if follower["error"] else ""
        say(f"endpoint {follower['endpoint']} follows {follower['alias']}: {follower['status']}{problem}")
    return None


def _version_line(version: dict[str, Any]) -> str:
    led = " ".join(f"@{alias}" for alias in version["aliases"])
    columns = f"{version['version']:>4}  {version['kind']:<9} {version['stage']:<9}"
    size = sizes.in_words(version["size_bytes"])
    state = "" if version["files_state"] == "as kept" else f"[{version['files_state']}]"
    return " ".join(filter(None, (columns, f"{size:>9}", version["holds"], led, state, version["note"])))


@COMMANDS.command()
def keep(
    name: Name,
    run: Annotated[str | None, typer.Option("--run", help="A run that has succeeded.", **RUN)] = None,
    export: Annotated[str | None, typer.Option("--export", help="Id of an export that has succeeded.")] = None,
    model: Annotated[str | None, typer.Option("--model", help="A model of the studio.", **MODEL)] = None,
    note: NoteOption = None,
    tag: TagOption = None,
) -> None:
    """Keep a run's result, an export or a model as the next version of a name."""
    with running_studio.engine(True):
        who = _who()
        made = versions.add(
            name, run_id=run, export_id=export, model_id=model, note=note or "", tags=tag or (), who=who
        )
        if made.work_id is not None:
            running_studio.follow(lambda: versions.look_up(name, made.number), _is_read, _reading, say)
    answer(described.version(name, made.number), f"version:{name}/{made.number}")


def _is_read(version: Any) -> bool:
    return version.work_id is None


def _reading(version: Any) -> str:
    return "its files are read" if version.work_id is None else "reading its files"


@COMMANDS.command()
def change(
    name: Name,
    version: Number,
    stage: Annotated[Stage | None, typer.Option(help="new, tested, released or retired.")] = None,
    note: NoteOption = None,
    tag: TagOption = None,
) -> None:
    """Change the stage, note or tags of a version."""
    db.prepare()
    changed = versions.change(name, version, note=note, tags=tag, stage=stage, who=_who())
    answer(described.version(name, changed.number), f"version:{name}/{changed.number} {changed.stage}")


@COMMANDS.command()
def card(name: Name, version: Number) -> None:
    """Print the model card of a version."""
    db.prepare()
    card = versions.card_of(name, version)
    answer({"name": name, "version": version, "card": card}, card)


@COMMANDS.command()
def promote(
    name: Name,
    alias: Alias,
    version: Number,
    why: Why,
    gate: Annotated[
        gates.Gate | None, typer.Option(help="Only if the first report says so: better or not_worse.")
    ] = None,
) -> None:
    """Make an alias lead to a version. Endpoints that follow it deploy that version, without a failed request."""
    with running_studio.engine(False) as _:
        _tell(aliases.move(name, alias, Promotion(version, why, _who(), gate=gate)))


@COMMANDS.command()
def rollback(name: Name, alias: Alias, why: Why) -> None:
    """Move an alias back to where it led before its last move."""
    with running_studio.engine(False) as _:
        _tell(aliases.roll_back(name, alias, why, who=_who()))


def _tell(moved: aliases.Moved) -> None:
    lines = [f"{moved.alias}: {moved.before or 'nothing'} -> {moved.after}"]
    for follower in moved.endpoints:
        lines.append(f"endpoint {follower['endpoint']}: {follower['status']} {follower['error'] or ''}".rstrip())
    answer(moved, "\n".join(lines))


@COMMANDS.command("remove-alias")
def remove_alias(name: Name, alias: Alias, why: Annotated[str, typer.Option("--why", help="The reason.")] = "") -> None:
    """Take an alias away."""
    db.prepare()
    aliases.remove(name, alias, who=_who(), why=why)
    answer({"name": name, "alias": alias, "removed": True})


@COMMANDS.command()
def serve(
    subject: Annotated[
        str, typer.Argument(help="version:NAME/3, or version:NAME@ALIAS, which is followed.", autocompletion=VERSIONS)
    ],
    name: Annotated[str, typer.Option("--name", help="The endpoint's name.")],
    backend: Annotated[
        str | None, typer.Option(help="transformers, vllm, or llama for a GGUF file; what fits when left out.")
    ] = None,
) -> None:
    """Start an endpoint that serves a version; named by an alias, it follows the alias."""
    with running_studio.engine(False) as _:
        endpoint = following.serve(name, subject, backend, who=_who())
        facts = {"id": endpoint.id, "name": endpoint.name, "follows": subject}
        answer(facts, f"endpoint {endpoint.id} {endpoint.name}")


@COMMANDS.command()
def follow(
    endpoint: cli_endpoints.Named,
    subject: Annotated[
        str | None,
        typer.Argument(help="version:NAME@ALIAS; left out, it follows nothing any more.", autocompletion=VERSIONS),
    ] = None,
) -> None:
    """Have an endpoint follow an alias, or follow nothing any more."""
    with running_studio.engine(False) as _:
        followed = cli_endpoints.find(endpoint)
        if subject is None:
            following.unfollow(followed.id, _who())
        else:
            following.follow(followed.id, subject, _who())
    answer({"id": followed.id, "name": followed.name, "follows": subject})


@COMMANDS.command()
def log(name: Name) -> None:
    """Show who moved which alias, when and why, the newest first."""
    db.prepare()
    lines = aliases.log(name, 1000)[0]
    if as_json():
        return say_json(lines)
    for line in lines:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(line.at))
        moved = f"{line.before or '-'} -> {line.after or '-'}"
        gate = f" (gate {line.gate['asked']}: {line.gate['verdict']})" if line.gate else ""
        say(f"{when}  {line.action:<8} {line.alias or '-':<12} {moved:<8} {line.who}: {line.why}{gate}")
    return None


@COMMANDS.command()
def delete(
    name: Name, version: Annotated[int | None, typer.Argument(min=1, help="A version; the model when left out.")] = None
) -> None:
    """Forget a version, or a model with all of them. The weights stay where they are."""
    db.prepare()
    if version is None:
        registered.delete(name)
    else:
        versions.delete(name, version, _who())
    answer({"name": name, "version": version, "deleted": True})


@COMMANDS.command("clean-up")
def clean_up(
    remove: Annotated[list[str] | None, typer.Option("--remove", help="Something on the list; repeatable.")] = None,
    everything: Annotated[bool, typer.Option("--everything", help="Remove all that is on the list.")] = False,
) -> None:
    """List what takes the disk and what is safe to remove, with the reason; remove what is named."""
    db.prepare()
    looked = disk.look()
    if as_json():
        say_json(looked)
    else:
        _say_disk(looked)
    removed_ids = [item.id for item in looked.removable] if everything else remove or []
    if removed_ids:
        say(f"{sizes.in_words(disk.remove(removed_ids))} removed")


def _say_disk(looked: disk.Look) -> None:
    for thing in looked.things[:20]:
        users = f"  used by {', '.join(thing.used_by[:3])}" if thing.used_by else ""
        say(f"{sizes.in_words(thing.size_bytes):>9}  {thing.kind:<8} {thing.name}{users}")
    say("Safe to remove:" if looked.removable else "There is nothing that is safe to remove.")
    for item in looked.removable:
        say(f"{sizes.in_words(item.size_bytes):>9}  {item.id}  {item.name}. {item.why}")
