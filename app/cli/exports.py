"""`tunesmith export`: what a run has trained, written into a folder: its adapter, one merged model, or a GGUF."""

import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli import running_studio
from app.cli.called import CHECKPOINT
from app.cli.data import follow_work
from app.cli.printed import answer, as_json, say
from engine.errors import RefusedError, TunesmithError
from engine.exports import exports, hub, parity
from engine.exports.archive import Archive
from engine.exports.card.told import Kind
from engine.exports.exports import Dtype, Row
from engine.exports.gguf import Of
from engine.process import work
from engine.sizes import in_words
from storage.statuses import WorkStatus

Push = Annotated[
    str | None,
    typer.Option("--push", metavar="OWNER/NAME", help="Push it to the hub, as a private model. HF_TOKEN must be set."),
]


def export(  # noqa: PLR0913  (each is an option of the command line)
    run: Annotated[
        str,
        typer.Argument(help="A run by name or id, or RUN@STEP for one of its checkpoints.", **CHECKPOINT),
    ],
    to: Annotated[Path | None, typer.Option("--to", metavar="FOLDER", help="Where to; must not be there yet.")] = None,
    kind: Annotated[Kind, typer.Option(help="adapter, merged (one model with the base), or gguf.")] = "adapter",
    dtype: Annotated[Dtype, typer.Option(help="Precision of a merged model; base: as its base model's.")] = "base",
    file_type: Annotated[str, typer.Option("--type", help="Of a GGUF: f32, f16, bf16, q8_0, Q4_K_M ...")] = "",
    of: Annotated[Of, typer.Option(help="Of a GGUF: the whole model, or the adapter alone.")] = "model",
    push: Push = None,
) -> None:
    """Take away what a run has trained: into a folder, or to the hub. Without --to it stays in the studio."""
    if to is not None and to.exists():
        raise RefusedError(f"{to} exists already.", "Choose another folder.")
    options: dict[str, Any] = {
        "merged": {"dtype": dtype},
        "gguf": {"of": of} | ({"type": file_type} if file_type else {}),
    }
    with running_studio.engine(True):
        made = _made(f"run:{run}", kind, options.get(kind, {}))
        if to is not None:
            archive = exports.download(made[0].id)
            _unpack(archive, to)
            say(f"{to} {archive.content_bytes:,} bytes")
        else:
            say(str(exports.folder(*made)))
        described = exports.describe(*made)
        _tell(described)
        url = _pushed(made[0].id, push) if push else None
    if as_json():
        answer(described | {"path": str(to or exports.folder(*made)), "url": url})


def _made(subject: str, kind: Kind, options: dict[str, Any]) -> Row:
    """The export when it is there; says before what it takes."""
    expected = exports.estimate(subject, kind, options)
    if expected.disk_bytes:
        said = f"about {in_words(expected.size_bytes)} and {expected.seconds / 60:.0f} min"
        say(f"{kind}: {said}, at most {in_words(expected.disk_bytes)} of disk while it is made")
        for note in expected.notes:
            say(note)
    made, making = exports.create(subject, kind, options)
    if making is not None:
        follow_work(making)
    return exports.look_up(made.id)


def _tell(described: dict[str, Any]) -> None:
    if facts := described["parity"]:
        say(f"parity: {'' if facts.get('good') else 'NOT GOOD, '}{parity.badge(facts)}")
        if facts.get("cause"):
            say(facts["cause"])
    for note in described["notes"]:
        say(note)


def _pushed(export_id: str, repo_id: str) -> str:
    """Its address on the hub."""
    pushing = hub.push(export_id, repo_id)
    follow_work(pushing)
    ended = work.look_up(pushing.id)
    if ended.status != WorkStatus.SUCCEEDED:
        raise TunesmithError(ended.error or "It was not pushed.", ended.hint or "")
    url = str(ended.result["url"])
    say(url)
    return url


def _unpack(archive: Archive, to: Path) -> None:
    """The files of the archive as a folder, which appears when all of them are there."""
    to.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{to.name}-", dir=to.parent) as scratch:
        folder = Path(scratch) / to.name
        for entry in archive.entries:
            path = folder / entry.name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                file.writelines(entry.chunks())
        folder.rename(to)
