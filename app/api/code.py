"""Questions about code over REST: answers as they are written, candidates side by side, runs, rounds of fixing."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Literal

from fastapi import APIRouter, Response
from pydantic import Field

from app.answers import event_streams
from app.answers.errors import NOT_FOUND
from app.answers.fields import Body
from engine.code import answering, candidates, fixing, sandboxed, wanted
from engine.code.answering import Extent, Ranking
from engine.code.candidates import Unwritten, Written
from engine.code.fixing import Round
from engine.code.wanted import Wanted
from engine.code.writing import Piece

router = APIRouter(prefix="/code", tags=["code"])

ActionName = Literal["write", "explain", "fix", "test", "document", "refactor", "translate", "complete"]
STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-Sent Events; the last one is `end` when all of it was told.",
        "content": {event_streams.MEDIA_TYPE: {"schema": {"type": "string"}}},
    }
}


class CodeBody(Body):
    """A question about code, and how far to go with the answer."""

    task: str = Field(default="", max_length=wanted.MOST_TASK, description="What is wanted, in words.")
    language: str = Field(default="python", max_length=60, description="The language of the code.")
    files: dict[str, str] = Field(default={}, description="Texts of files by their names, such as main.py.")
    model: str = Field(max_length=300, description="Any served name, as on /v1.")
    action: ActionName = Field(default="write", description="What the model does.")
    language2: str = Field(default="", max_length=60, description="The language to translate to.")
    error: str = Field(default="", description="What the code said when it went wrong, for `fix`.")
    cursor: int | None = Field(default=None, description="For `complete`: characters before it; the end when left out.")
    cursor_file: str = Field(
        default="", max_length=200, description="The file the cursor is in; the main one if empty."
    )
    temperature: float = Field(default=0.2, ge=0, le=2, description="How bold the first candidate is.")
    max_tokens: int = Field(default=1024, ge=1, le=wanted.MOST_TOKENS, description="The longest answer.")
    seed: int | None = Field(default=None, ge=0, lt=2**31, description="The same seed may give the same answer.")
    candidates: int = Field(default=1, ge=1, le=candidates.MOST, description="Answers side by side.")
    run: bool = Field(default=False, description="Run what was written in the sandbox, and rank candidates by it.")
    rounds: int = Field(default=0, ge=0, le=fixing.MOST_ROUNDS, description="Rounds of fixing while it fails.")
    tests: dict[str, str] = Field(default={}, description="Files with tests, run against each candidate.")

    def asked(self) -> Wanted:
        return Wanted(**self.model_dump(exclude={"candidates", "run", "rounds", "tests"}))

    def extent(self) -> Extent:
        return Extent(self.candidates, self.run, self.rounds, self.tests)


@router.post("", summary="Ask about code", response_class=Response, responses=NOT_FOUND | STREAM)
def ask_about_code(body: CodeBody) -> Response:
    """Streams `way`, `piece`, `written`, `failed`, `ranking`, `round`, and `end`, or `error` where it broke off."""
    return event_streams.begin(_told(body.asked(), body.extent()))


def _told(asked: Wanted, extent: Extent) -> event_streams.Events:
    for event in answering.answer(asked, extent, sandboxed.run):
        yield from _events_of(event)


def _events_of(event: answering.Event) -> Iterator[tuple[str, Any]]:
    match event:
        case Piece():
            place = {"candidate": event.candidate, "round": event.round}
            if event.way:
                yield "way", {**place, "way": event.way, "note": event.note}
            if event.text:
                yield "piece", {**place, "text": event.text}
        case Written():
            yield "written", {name: value for name, value in asdict(event).items() if name != "answer"}
        case Unwritten():
            yield "failed", {"candidate": event.candidate, "error": event_streams.problem(event.error)}
        case Ranking():
            ranked = [{**asdict(one), "outcome": one.outcome.plain()} for one in event.ranked]
            yield "ranking", {"ranked": ranked, "error": event.problem and event_streams.problem(event.problem)}
        case Round():
            told = {"number": event.number, "files": event.files, "note": event.note, "outcome": event.outcome.plain()}
            answer = event.answer
            facts = {"warnings": answer.warnings if answer else [], "changed": list(answer.changed) if answer else []}
            yield "round", {**told, **facts}
