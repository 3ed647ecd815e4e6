"""Which rows are asked, and what each asks: decided by their content and the seed, before anything is loaded.

Rows that a run held out stand in its record (engine.rows.heldout): those of the part `test` are read, those of `eval`
where that is all there is. A dataset of its own is read as a whole. Rows of one conversation, or with the same words,
count as one when an interval is drawn.
"""

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy
import pyarrow

from engine.evaluate.measures import expected as expectations
from engine.evaluate.measures.expected import Expected
from engine.rows.heldout import groups, reading, record
from engine.rows.heldout.groups import Traits
from engine.rows.store import by_position
from engine.workers.contract import WorkFailedError

Row = Mapping[str, Any]
Turns = list[dict[str, Any]]
Part = Literal["test", "eval", "own", "none"]

ASKING = ("chat", "completion", "prompt")  # kinds whose rows ask for an answer
NO_PAIRS = numpy.empty((0, 2), numpy.int64)


@dataclass(frozen=True)
class Asked:
    """One row: its place in the dataset, what it asks (`turns`, before the answer), and what is expected."""

    position: int
    number: int  # in the source, from 1
    content: str  # a hash of it
    cluster: int
    values: Row
    expected: Expected
    turns: Turns = field(default_factory=list)

    @property
    def tools(self) -> list[Any] | None:
        return self.values.get("tools") or None


@dataclass(frozen=True)
class Chosen:
    """The rows that can be asked, in the order in which they stand for all; of `all_rows` that there are."""

    rows: list[Asked]
    part: Part
    all_rows: int
    left_out: Counter[str]

    def first(self, count: int) -> "Chosen":
        return dataclasses.replace(self, rows=self.rows[:count])


@dataclass(frozen=True)
class _Places:
    """Rows of a dataset: where they stand, hashes of their content, and what tells which belong together."""

    part: Part
    positions: numpy.ndarray
    content: list[str]
    traits: Traits


def choose(spec: Mapping[str, Any], most: int | None) -> Chosen:
    """The rows of a spec, at most so many of them. Raises WorkFailedError when they cannot be read."""
    source = spec["rows"]
    path, kind = Path(source["path"]), source["kind"]
    if not path.is_file():
        message = f"The rows of the dataset `{spec['dataset']['name']}` are gone from the disk."
        raise WorkFailedError("data", message, "Import the dataset again, and choose it in `dataset_id`.")
    places = _held_out(source) if source["held_out_path"] else _own(path, kind)
    if not len(places.positions):
        return Chosen([], "none", 0, Counter())
    order = _order(places.content, spec["seed"])
    clusters, _ = groups.groups(places.traits, NO_PAIRS)
    left_out: Counter[str] = Counter()
    asked: list[Asked] = []
    taken = order if most is None else order[:most]
    rows = by_position.read_rows(path, places.positions[taken].tolist())
    for index, values in zip(taken.tolist(), rows, strict=True):
        try:
            turns, expected = question(kind, values, truth_column(spec))
        except LeftOut as reason:
            left_out[str(reason)] += 1
            continue
        position = int(places.positions[index])
        number = int(values.get("row", position + 1))
        content, cluster = places.content[index], int(clusters[index])
        asked.append(Asked(position, number, content, cluster, values, expected, turns))
    return Chosen(asked, places.part, len(places.positions), left_out)


class LeftOut(Exception):  # noqa: N818  (no error: the row is counted, with the reason)
    """A row that cannot be asked, and why."""


def question(kind: str, values: Row, truth: str = "") -> tuple[Turns, Expected]:
    """What a row asks, as turns, and what is expected; no turns where it asks for no answer. Raises LeftOut.

    `truth` names the column of prompts that has the right answer.
    """
    match kind:
        case "chat":
            turns = _up_to_last_answer(values["messages"])
            expected = expectations.of("chat", {**values, "messages": turns})
            if not expected.answer.strip() and not expected.calls:
                raise LeftOut("the expected answer is empty")
            return turns[:-1], expected
        case "completion":
            expected = expectations.of("completion", values)
            if not expected.answer.strip():
                raise LeftOut("the expected answer is empty")
            return [{"role": "user", "content": values["prompt"]}], expected
        case "prompt":
            expected = expectations.of("prompt", values)
            right = (values.get("extra") or {}).get(truth)
            return list(values["prompt"]), dataclasses.replace(expected, answer="" if right is None else str(right))
    return [], expectations.of(kind, values)  # type: ignore[arg-type]


def truth_column(spec: Mapping[str, Any]) -> str:
    """Where prompts have the right answer, as a training with rewards reads it."""
    return str(spec["recipe"].get("reward_column") or "ground_truth")


def _up_to_last_answer(messages: Sequence[Row]) -> Turns:
    for index in range(len(messages) - 1, 0, -1):
        turn = messages[index]
        if turn["role"] == "assistant" and turn.get("train", True):
            return [dict(turn) for turn in messages[: index + 1]]
    raise LeftOut("it has no assistant answer")


def _held_out(source: Mapping[str, Any]) -> _Places:
    try:
        held = record.read(Path(source["held_out_path"]))
    except (pyarrow.ArrowException, ValueError) as error:
        message = f"The list of held-out rows cannot be read: {error}"[:500]
        raise WorkFailedError("data", message, "Compare on another dataset.") from error
    part: Part = "test"
    if held is None:
        return _Places("none", numpy.empty(0, numpy.int64), [], groups.together([]))
    if not len(held.positions("test")):
        part = "eval"
    names = numpy.array(held.rows["part"].to_pylist(), dtype=object)
    positions = held.rows["position"].to_numpy()
    here = numpy.flatnonzero((names == part) & (positions >= 0))
    contents = held.rows["content"].to_pylist()
    return _Places(part, positions[here], [contents[index] for index in here], _some(held.traits, here))


def _own(path: Path, kind: str) -> _Places:
    seen = reading.read(path, kind, None)
    content = [f"{value:016x}" for value in seen.content.tolist()]
    return _Places("own", numpy.arange(len(content)), content, seen.traits)


def _some(traits: Traits, rows: numpy.ndarray) -> Traits:
    return Traits(*(getattr(traits, name)[rows] for name in ("words", "opening", "conversation")))


def _order(contents: Sequence[str], seed: int) -> numpy.ndarray:
    """An order by chance that the content and the seed decide alone, not the place of a row."""
    keys = [hashlib.blake2b(f"{seed} {content}".encode(), digest_size=8).hexdigest() for content in contents]
    return numpy.array(sorted(range(len(keys)), key=lambda index: (keys[index], index)), dtype=numpy.int64)
