"""`tunesmith export`: what a run has trained, written into a folder: its adapter, or one merged model."""

import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli import running_studio
from app.cli.data import follow_work
from engine.errors import RefusedError
from engine.exports import exports
from engine.exports.archive import Archive
from engine.exports.card import Kind
from engine.exports.exports import Dtype


def export(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Id of a run, or ID@STEP for one of its checkpoints.")],
    to: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="Where to write it; must not be there yet.")],
    kind: Annotated[Kind, typer.Option(help="adapter: for use with its base. merged: both as one model.")] = "adapter",
    dtype: Annotated[Dtype, typer.Option(help="Precision of a merged model; base: as its base model's.")] = "base",
) -> None:
    """Write what a run has trained into a folder, with its tokenizer and a model card."""
    if to.exists():
        raise RefusedError(f"{to} exists already.", "Choose another folder.")
    options: dict[str, Any] = {"dtype": dtype} if kind == "merged" else {}
    with running_studio.engine(True):
        made, making = exports.create(f"run:{run.removeprefix('run:')}", kind, options)
        if making is not None:
            follow_work(making)
        archive = exports.download(made.id)
        _unpack(archive, to)
        described = exports.describe(*exports.look_up(made.id))
    typer.echo(f"{to} {archive.content_bytes:,} bytes")
    if described["parity"] is not None:
        typer.echo(f"parity {described['parity']:.2g}")
    for note in described["notes"]:
        typer.echo(note)


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
