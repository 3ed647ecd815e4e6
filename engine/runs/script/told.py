"""What a script is told of a run: its recipe, its files, what its worker found, which rows it held out, its tokens."""

import hashlib
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from engine.errors import ConflictError, RefusedError
from engine.recipes.recipe import Recipe, parse
from engine.rows.heldout import record
from engine.runs import curves, runs
from engine.weights import checkpoints
from storage import datasets, db, home, models
from storage.statuses import RUN_MOVING
from storage.tables import Model, Run, RunFacts

MOST_HASHED_TOKENS, MOST_HASHED_ROWS = 20_000_000, 200_000
MOST_EVALUATIONS = 1000


@dataclass(frozen=True)
class Tokens:
    """Fingerprint of the rows that the run has tokenised, held-out ones included: of the first `hashed` of them."""

    columns: tuple[str, ...]
    rows: int
    hashed: int
    sha256: str


@dataclass(frozen=True)
class Told:
    """Everything a script is made of. `recipe` is the last attempt's, with what memory made the studio change."""

    run_id: str
    name: str
    recipe: Recipe
    spec: Mapping[str, Any]  # spec.json: model_path, dataset_path, dataset_kind, adapter_path, companion ...
    facts: RunFacts
    eval_rows: tuple[int, ...] = ()  # positions in the dataset, in the order they are read
    test_rows: tuple[int, ...] = ()
    tokens: Tokens | None = None
    evaluated_steps: tuple[int, ...] | None = None  # None where they are not known
    read_rows: int = 0  # of eval_rows, that evaluations read to save time; 0 for all of them
    stop_after: int = 0  # the step at which the run ended early; 0 when it went to its end
    model: str = ""  # where it came from: its name on the hub, where it has one
    dataset: str = ""
    hides_paths: bool = False  # for a visitor, to whom folders of this machine are nothing

    @property
    def on_cpu(self) -> bool:
        return self.facts.device == "cpu"

    @property
    def is_bf16(self) -> bool:
        return self.facts.dtype == "bfloat16"

    def place(self, name: str, instead: str) -> str:
        """A path of the spec, or what stands in its place for a visitor."""
        return instead if self.hides_paths else str(self.spec[name])

    @property
    def max_length(self) -> int:
        return self.facts.max_length or self.recipe.max_length


def of_run(run_id: str, hides_paths: bool = False) -> Told:
    """Raises NotFoundError; ConflictError for a run whose training has not begun, or whose files are gone."""
    run = runs.look_up(run_id)
    with db.reading() as session:
        model, dataset = models.get(session, run.model_id), datasets.get(session, run.dataset_id)
    evaluations = curves.read(run_id, _measure(run), max_points=MOST_EVALUATIONS)
    is_known = run.status not in RUN_MOVING and not evaluations.thinned
    steps = tuple(int(step) for step, _ in evaluations.points) if is_known else None
    told = of_folder(run, home.run_folder(run_id), steps)
    dataset_name = dataset.name if dataset else run.dataset_id
    return replace(told, model=_source(model), dataset=dataset_name, hides_paths=hides_paths)


def _source(model: Model | None) -> str:
    """The model's name on the hub with its revision, or what the studio calls it."""
    if model is None:
        return ""
    revision = f"@{model.revision}" if model.revision else ""
    return f"{model.source_id}{revision}" if model.source == "hub" else model.name


def of_folder(run: Run, folder: Path, evaluated_steps: tuple[int, ...] | None = None) -> Told:
    """The same from a run and its folder, without the database."""
    if run.facts.dtype is None or run.facts.rows is None:
        raise ConflictError(
            f"The training of `{run.name}` has not begun, so it is not known yet what it computes with.",
            "Ask again when it has done its first step.",
        )
    spec = _spec(run, folder)
    held_out = record.read(folder / record.FILE)
    if held_out is None:
        message = (
            f"The run `{run.name}` has no list of the rows it held out: a version of the studio before it began it."
        )
        raise ConflictError(message, "Train the recipe again; a script of the new run can be had.")
    recipe = parse(spec["recipe"])
    return Told(
        run_id=run.id,
        name=run.name,
        recipe=recipe,
        spec=spec,
        facts=run.facts,
        eval_rows=tuple(held_out.positions("eval").tolist()),
        test_rows=tuple(held_out.positions("test").tolist()),
        tokens=tokens(folder / "rows"),
        evaluated_steps=evaluated_steps,
        read_rows=_read_rows(folder),
        stop_after=_stopped(run),
    )


def _measure(run: Run) -> str:
    return "eval_reward" if run.recipe.get("method") in ("grpo", "rloo") else "eval_loss"


def _spec(run: Run, folder: Path) -> dict[str, Any]:
    try:
        spec: dict[str, Any] = json.loads((folder / "spec.json").read_text(encoding="utf-8"))
        parse(spec["recipe"])
    except (OSError, ValueError, KeyError, RefusedError) as error:
        message = f"What the run `{run.name}` was told (spec.json) cannot be read."
        raise ConflictError(message, str(error)[:300]) from error
    return spec


def _read_rows(folder: Path) -> int:
    """What EvaluationPace decided, as the newest checkpoint keeps it; 0 where there is none."""
    newest = checkpoints.newest_whole(folder)
    try:
        state = json.loads((newest / "trainer_state.json").read_text(encoding="utf-8")) if newest else {}
        return int(state["stateful_callbacks"]["EvaluationPace"]["attributes"]["rows"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _stopped(run: Run) -> int:
    """The step at which the run ended before its last one."""
    is_short = run.max_steps is not None and 0 < run.step < run.max_steps
    return run.step if is_short and run.status not in RUN_MOVING else 0


def tokens(folder: Path) -> Tokens | None:
    """The fingerprint of the newest file of token rows in a folder; None where there is none that can be read."""
    file = _newest(folder)
    try:
        return _fingerprint(file) if file else None
    except (OSError, pa.ArrowException):
        return None


def _newest(folder: Path) -> Path | None:
    """The newest file of token rows. Beside each lies a summary; what `datasets` caches there has none."""
    own = [file for file in folder.glob("*.arrow") if file.with_suffix(".json").exists()]
    return max(own, key=lambda file: file.stat().st_mtime, default=None)


def token_file(run_id: str) -> Path:
    """The run's rows as tokens, an Arrow stream. Raises NotFoundError; ConflictError where it has none."""
    run = runs.look_up(run_id)
    file = _newest(home.run_folder(run_id) / "rows")
    if file is None:
        raise ConflictError(f"The run `{run.name}` has no rows as tokens.", "They are made when its training begins.")
    return file


def _fingerprint(file: Path) -> Tokens:
    """Of every column of tokens and labels, a row after the other."""
    sha, rows, hashed, hashed_tokens = hashlib.sha256(), 0, 0, 0
    with pa.memory_map(str(file)) as source, pa.ipc.open_stream(source) as reader:
        columns = tuple(name for name in reader.schema.names if pa.types.is_list(reader.schema.field(name).type))
        for batch in reader:
            rows += batch.num_rows
            if hashed_tokens >= MOST_HASHED_TOKENS or hashed >= MOST_HASHED_ROWS:
                continue
            lists = [_lists(batch.column(name)) for name in columns]
            for number in range(batch.num_rows):
                for values in lists:
                    sha.update(values[number])
            hashed += batch.num_rows
            hashed_tokens += sum(len(values) for row in lists for values in row) // 4
    return Tokens(columns, rows, hashed, sha.hexdigest())


def _lists(column: pa.ListArray) -> list[bytes]:
    """The numbers of each row, four bytes each."""
    values = column.flatten().to_numpy().astype("<i4").tobytes()
    offsets = column.offsets.to_numpy() - column.offsets[0].as_py()
    return [values[4 * start : 4 * end] for start, end in itertools.pairwise(offsets)]
