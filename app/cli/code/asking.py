"""`tunesmith code`: code written by a served model, as it comes; run, ranked and fixed if that is asked for."""

import os
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli import running_studio
from app.cli.printed import answer, as_json, say, say_text
from engine import hidden
from engine.code import answering, file_names, sandboxed
from engine.code.actions import ACTIONS
from engine.code.answering import Extent, Ranking
from engine.code.candidates import Ranked, Unwritten, Written
from engine.code.fixing import Round
from engine.code.running import Outcome
from engine.code.wanted import Wanted
from engine.code.writing import Piece
from engine.errors import RefusedError, TunesmithError

MOST_FILE_BYTES = file_names.MOST_BYTES


@dataclass
class Screen:
    """What has been shown: the first candidate as it comes, the others when they are whole."""

    several: bool
    best: Mapping[str, str] = field(default_factory=dict)  # the files to write
    changed: tuple[str, ...] = ()
    worked: bool | None = None
    written: dict[int, Written] = field(default_factory=dict)
    ranked: list[Ranked] = field(default_factory=list)
    rounds: list[Round] = field(default_factory=list)

    def show(self, event: answering.Event) -> None:
        match event:
            case Piece() if event.candidate == 0:
                self._piece(event)
            case Written():
                self._written(event)
            case Unwritten():
                say(f"candidate {event.candidate + 1}: {event.error}", err=True)
            case Ranking():
                self._ranking(event)
            case Round():
                self._round(event)

    def _piece(self, piece: Piece) -> None:
        if piece.note:
            say(piece.note, err=True)
        say_text(hidden.escaped(piece.text), as_json())

    def _written(self, written: Written) -> None:
        self.written[written.candidate] = written
        if written.candidate == 0:
            self.best, self.changed = written.files, written.changed
            say("")
        else:
            say(f"--- candidate {written.candidate + 1} ---\n{written.answer}")
        for sentence in written.warnings:
            say(sentence, err=True)

    def _ranking(self, ranking: Ranking) -> None:
        if ranking.problem is not None:
            say(str(ranking.problem), err=True)
            return
        self.ranked = ranking.ranked
        for ranked in ranking.ranked:
            say(_line(ranked) if self.several else _words(ranked.outcome))
        best = self.written[ranking.ranked[0].candidate]
        self.best, self.changed, self.worked = best.files, best.changed, ranking.ranked[0].outcome.works

    def _round(self, told: Round) -> None:
        self.rounds.append(told)
        if told.number == 0:
            return  # the ranking has said it
        self.best, self.worked = told.files, told.outcome.works
        if told.answer is not None:
            self.changed = tuple(dict.fromkeys((*self.changed, *told.answer.changed)))
            for sentence in told.answer.warnings:
                say(sentence, err=True)
        say(f"\nround {told.number}: {told.note or _words(told.outcome)}")

    def plain(self) -> dict[str, Any]:
        """All of it, for programs. `files` are those that the best answer wrote."""
        files = {name: self.best[name] for name in self.changed}
        candidates = list(self.written.values())
        return {"worked": self.worked, "files": files, "candidates": candidates, "ranked": self.ranked,
                "rounds": self.rounds}  # fmt: skip


Task = Annotated[str, typer.Argument(help="What is wanted, in words; - reads it from the standard input.")]
Model = Annotated[str, typer.Option(help="A served name, as on /v1.")]
Files = Annotated[list[Path] | None, typer.Option(help="A file for the model to see; several times if needed.")]
ActionName = Annotated[str, typer.Option(help=f"What the model does: {', '.join(ACTIONS)}.")]
LanguageName = Annotated[str, typer.Option(help="The language of the code, such as python.")]
Into = Annotated[str, typer.Option("--into", help="For translate: the other language.")]
Cursor = Annotated[int | None, typer.Option(help="For complete: characters before it; the end when left out.")]
ErrorFile = Annotated[Path | None, typer.Option("--error", help="For fix: a file with what the code said.")]
Run = Annotated[bool, typer.Option("--run", help="Run it in the sandbox.")]
Tests = Annotated[list[Path] | None, typer.Option("--test", help="A file with tests to run against it.")]
Candidates = Annotated[int, typer.Option(help="Answers side by side, ranked if they are run.")]
Rounds = Annotated[int, typer.Option(help="Rounds of fixing while it fails.")]
MaxTokens = Annotated[int, typer.Option(help="The longest answer.")]
Seed = Annotated[int | None, typer.Option(help="The same seed may give the same answer.")]
Target = Annotated[Path | None, typer.Option(help="Write the files into this folder; none is overwritten.")]


def code(  # noqa: PLR0913  (one argument for each option)
    task: Task = "",
    model: Model = "",
    file: Files = None,
    action: ActionName = "write",
    language: LanguageName = "python",
    into: Into = "",
    cursor: Cursor = None,
    error: ErrorFile = None,
    run: Run = False,
    tests: Tests = None,
    candidates: Candidates = 1,
    rounds: Rounds = 0,
    temperature: Annotated[float, typer.Option(help="0 is the most likely answer.")] = 0.2,
    max_tokens: MaxTokens = 1024,
    seed: Seed = None,
    to: Target = None,
) -> None:
    """Ask a served model about code: written as it comes, run and fixed in the sandbox if you like."""
    asked = Wanted(
        task=sys.stdin.read() if task == "-" else task, language=language, files=_read(file or []), model=model,
        action=action, language2=into, error=_text(error) if error else "", cursor=cursor,
        temperature=temperature, max_tokens=max_tokens, seed=seed,
    )  # fmt: skip
    extent = Extent(candidates, run, rounds, _read(tests or []))
    answering.checked(asked, extent)
    screen = Screen(candidates > 1)
    with running_studio.engine(False), closing(answering.answer(asked, extent, sandboxed.run)) as events:
        for event in events:
            screen.show(event)
    if to is not None:
        _write(to, {name: screen.best[name] for name in screen.changed})
    if as_json():
        answer(screen.plain())
    if screen.worked is False:
        raise typer.Exit(1)


def _read(paths: list[Path]) -> dict[str, str]:
    """Texts by the names they have below the folder they share."""
    names = [path.name for path in paths]
    if len(set(names)) < len(names):
        top = os.path.commonpath([path.absolute().parent for path in paths])
        names = [path.absolute().relative_to(top).as_posix() for path in paths]
    return {name: _text(path) for name, path in zip(names, paths, strict=True)}


def _text(path: Path) -> str:
    with path.open("rb") as opened:
        content = opened.read(MOST_FILE_BYTES + 1)
    if len(content) > MOST_FILE_BYTES:
        raise RefusedError(f"`{path}` is larger than 1 MB.", "Give the part that matters.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise RefusedError(f"`{path}` is not text in UTF-8.", "Save it as UTF-8, or leave it out.") from problem


def _write(folder: Path, files: Mapping[str, str]) -> None:
    """All of them or none: a file that is there stays as it is."""
    if not files:
        raise TunesmithError("There is no code to write.", "Ask again, or with another model.")
    targets = {folder / name: text for name, text in files.items()}
    for target in targets:
        if target.exists() or target.is_symlink():
            raise RefusedError(f"`{target}` is there already.", "Choose another folder, or move it away.")
        if not target.parent.resolve().is_relative_to(folder.resolve()):
            raise RefusedError(f"`{target}` leads out of the folder.", "Choose an empty folder.")
    for target, text in targets.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("x", encoding="utf-8", newline="") as opened:
            opened.write(text)
        say(f"wrote {target}", err=True)


def _line(ranked: Ranked) -> str:
    same = f" (the same code as candidate {ranked.same_as + 1})" if ranked.same_as is not None else ""
    return f"{ranked.place}. candidate {ranked.candidate + 1}: {_words(ranked.outcome)}{same}"


def _words(outcome: Outcome) -> str:
    """A run in a few lines: its tests, or its end and what it printed."""
    tests = f"{outcome.passed} of {len(outcome.tests)} tests pass" if outcome.tests else ""
    went = "works" if outcome.works else "fails"
    lines = [f"{tests or went}, {outcome.seconds:.1f} s, contained by {outcome.contained_by or 'nothing, not run'}"]
    lines += [text.strip() for text in (outcome.stdout, "" if outcome.works else outcome.words) if text.strip()]
    return "\n".join(lines)
