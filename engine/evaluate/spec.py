"""What the worker is told (spec.json of engine.workers.evaluate): two sides, the rows, what was learnt from."""

from collections.abc import Iterator
from typing import Any

from engine.data import datasets
from engine.errors import TunesmithError
from engine.recipes import auxiliary_models, continuation
from engine.recipes.recipe import parse
from engine.rows.heldout import record
from engine.subjects import named
from engine.subjects.named import Named
from storage import datasets as stored_datasets
from storage import db, home
from storage.tables import Dataset, Evaluation, Run

MOST_ANCESTORS = 5  # runs that one was trained further from, whose rows were learnt too


def of(evaluation: Evaluation) -> dict[str, Any]:
    """Raises NotFoundError, RefusedError or ConflictError when something that is compared is not there any more."""
    subject, against = named.find(evaluation.subject), named.find(evaluation.against)
    dataset = _dataset(evaluation, subject)
    run = subject.run
    recipe: dict[str, Any] = dict(run.recipe) if run is not None else {}
    own = evaluation.dataset_id is not None
    held_out = home.run_folder(run.id) / record.FILE if run is not None and not own else None
    return {
        "evaluation_id": evaluation.id,
        "base": _side(against, subject),
        "tuned": _side(subject, subject),
        "rows": {
            "path": str(datasets.blob(dataset)),
            "kind": dataset.kind,
            "held_out_path": str(held_out) if held_out is not None else None,
        },
        "dataset": {"id": dataset.id, "name": dataset.name},
        "method": recipe.get("method", "sft"),
        "recipe": recipe,
        "primary": run.facts.judged_by if run is not None and not own else None,
        "learnt": [*_learnt(subject.run), *_learnt(against.run)],
        "limit": evaluation.limit,
        "all_rows": evaluation.all_rows,
        "seed": evaluation.seed,
        "parameters": subject.base.parameters,
        "answers": str(home.answers()),
        **_companion(recipe),
    }


def _side(side: Named, subject: Named) -> dict[str, Any]:
    """One of the two. Beside a reward model, what has no head of its own gets the one that the training began with:
    `head_seed` is what that is made from; None for what has one, or needs none."""
    seed = int(subject.run.recipe.get("seed", 0)) if subject.run is not None else 0
    return {
        "name": side.name,
        "title": side.title,
        "model_path": str(side.model_path),
        "adapter_path": str(side.adapter) if side.adapter is not None else None,
        "scores": subject.scores,
        "head_seed": seed if subject.scores and not side.scores else None,
    }


def _dataset(evaluation: Evaluation, subject: Named) -> Dataset:
    dataset_id = evaluation.dataset_id or (subject.run.dataset_id if subject.run is not None else "")
    return datasets.look_up(dataset_id)


def _learnt(run: Run | None) -> list[dict[str, Any]]:
    """What a run and those it was trained further from have learnt from: each dataset but for the rows held out."""
    return [learnt for step in _line_of(run) if (learnt := _rows_of(step))]


def _line_of(run: Run | None) -> Iterator[Run]:
    for _ in range(MOST_ANCESTORS):
        if run is None:
            return
        yield run
        run = continuation.ancestor(run)


def _rows_of(run: Run) -> dict[str, Any] | None:
    with db.reading() as session:
        dataset = stored_datasets.get(session, run.dataset_id)
    if dataset is None or not dataset.sha256:
        return None
    held_out = home.run_folder(run.id) / record.FILE
    return {"path": str(datasets.blob(dataset)), "kind": dataset.kind, "held_out_path": str(held_out)}


def _companion(recipe: dict[str, Any]) -> dict[str, Any]:
    """The reward model that a recipe asks; without it, that reward is left out and the report says so."""
    if recipe.get("method") not in ("grpo", "rloo"):
        return {}
    try:
        return dict(auxiliary_models.spec_part(parse(recipe)))
    except TunesmithError as error:
        return {"companion_missing": error.message}
