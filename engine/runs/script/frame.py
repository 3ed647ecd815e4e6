"""Puts a script together: head, requirements, constants, rows, model, trainer; and the same as a notebook."""

import json
import textwrap
from dataclasses import asdict, dataclass
from typing import Any

from engine.recipes import best_checkpoint
from engine.runs.script import chats, covered, families, requirements, settings
from engine.runs.script.parts import Parts, constant, imports, joined
from engine.runs.script.told import Told

PYTHON = ">=3.11"
ABOUT = "A training of Tunesmith as a script of its own: transformers, PEFT and TRL, nothing of the studio."


@dataclass(frozen=True)
class Section:
    """A part of a script, and a cell of its notebook."""

    title: str
    code: str


def script(told: Told) -> str:
    """The script. Raises RefusedError where none repeats the run."""
    parts = _parts(told)
    head = [_metadata(told, parts), "", *_comment([ABOUT, *_remarks(told, parts)])]
    sections = [f"# {section.title}\n\n{section.code}" for section in _sections(told, parts)]
    return "\n".join(head) + "\n\n" + "\n\n\n".join(sections) + "\n"


def notebook(told: Told) -> str:
    """The same as a notebook of nbformat 4.5: one cell a part."""
    parts = _parts(told)
    pinned = requirements.pinned(told, parts.requirements)
    words = "\n\n".join([ABOUT, *_remarks(told, parts)])
    cells = [_cell("markdown", words), _cell("code", f"%pip install {' '.join(pinned)}")]
    for section in _sections(told, parts):
        cells += [_cell("markdown", f"## {section.title}"), _cell("code", section.code)]
    for number, cell in enumerate(cells):
        cell["id"] = f"part-{number}"
    about = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return json.dumps({"cells": cells, "metadata": about, "nbformat": 4, "nbformat_minor": 5}, indent=1) + "\n"


def requirements_text(told: Told) -> str:
    """The same packages as a requirements.txt."""
    return "\n".join(requirements.pinned(told, _parts(told).requirements)) + "\n"


def _parts(told: Told) -> Parts:
    covered.refuse(told)
    return families.parts(told)


def _remarks(told: Told, parts: Parts) -> list[str]:
    return [*covered.remarks(told), *parts.remarks]


def _metadata(told: Told, parts: Parts) -> str:
    """PEP 723: `uv run` and `pipx run` install from it."""
    pinned = [f"#     {json.dumps(line)}," for line in requirements.pinned(told, parts.requirements)]
    return "\n".join(["# /// script", f'# requires-python = "{PYTHON}"', "# dependencies = [", *pinned, "# ]", "# ///"])


def _comment(sentences: list[str]) -> list[str]:
    wrapped = [textwrap.wrap(sentence, 117) or [""] for sentence in sentences]
    return [f"# {line}" for lines in wrapped for line in lines]


def _sections(told: Told, parts: Parts) -> list[Section]:
    first = ["threads"] if told.on_cpu and told.facts.threads else []
    first += ["one_gpu"] if not told.on_cpu and told.recipe.strategy == "none" else []
    without_template = chats.lacks_template(told)
    opened_imports, opened = joined(*first, "tokenizer", *(["plain_template"] if without_template else []))
    _, training = joined("training")
    all_imports = [*opened_imports, *parts.imports]
    return [
        Section("What is needed", imports(all_imports)),
        Section("What is trained", "\n\n".join(_constants(told, parts, without_template))),
        Section("Rows as tokens", f"{opened}\n\n\n{parts.rows}"),
        Section("Model and trainer", parts.trainer),
        Section("Training", training),
    ]


def _cell(kind: str, text: str) -> dict[str, Any]:
    cell: dict[str, Any] = {"cell_type": kind, "metadata": {}, "source": text.splitlines(keepends=True)}
    return cell | ({"execution_count": None, "outputs": []} if kind == "code" else {})


def _constants(told: Told, parts: Parts, without_template: bool) -> list[str]:
    recipe = told.recipe
    values: list[tuple[str, Any, str]] = [
        ("RUN", {"id": told.run_id, "name": told.name, "model": told.model, "dataset": told.dataset}, ""),
        ("MODEL", told.place("model_path", told.model or "model"), MODEL_WORDS),
        ("DATA", told.place("dataset_path", "rows.jsonl"), DATA_WORDS),
        ("TOKEN_ROWS", None, TOKENISED_WORDS),
        ("OUTPUT", "trained", "The folder for the result and for losses.jsonl, a line a step."),
        ("SEED", recipe.seed, ""),
        ("MAX_LENGTH", told.max_length, "Tokens of the longest row; what is longer is cut at its end."),
        ("EVALUATES", recipe.eval_fraction != 0, ""),
        ("EVAL_ROWS", list(told.eval_rows), EVAL_WORDS),
        ("TEST_ROWS", list(told.test_rows), ""),
        ("TOKENS", asdict(told.tokens) if told.tokens else None, "The run's rows as tokens, in short: see check()."),
        ("EVALUATED_STEPS", told.evaluated_steps, "The steps at which the run measured; None for every eval_steps."),
        ("SAVE_STEPS", recipe.save_steps, ""),
        ("KEEPS_BEST", bool(best_checkpoint.best_kept(recipe)), ""),
        ("STOP_AFTER", told.stop_after, "The step to end at; 0 for the last one."),
    ]
    if told.on_cpu and told.facts.threads:
        values.append(("THREADS", told.facts.threads, ""))
    if without_template:
        values.append(("PLAIN_TEMPLATE", chats.PLAIN_TEMPLATE, "The model has no chat template."))
    values += [(name, value, WORDS.get(name, "")) for name, value in parts.constants.items()]
    lines = [constant(*value) for value in values]
    arguments = constant("TRAINING", settings.training(told), TRAINING_WORDS)
    return [*lines, arguments + '\nTRAINING["output_dir"] = OUTPUT']


MODEL_WORDS = "The base model: a folder with safetensors, or the same model's name on the hub."
DATA_WORDS = (
    "The dataset: the studio's own file, or on another machine its export in the form TRL as JSON Lines\n"
    "(Data page, Export; POST /api/datasets/ID/exports)."
)
TOKENISED_WORDS = (
    "Instead of DATA the run's own rows as tokens (GET /api/runs/ID/tokens): for chats in which the rules below\n"
    "do not find the answers as the studio does, so that check() ends the script."
)
EVAL_WORDS = (
    "Rows of the file, from 0, that are not learnt from: for the evaluation loss, and for a report on the result.\n"
    "The studio chose them by what the rows say, near duplicates together."
)
TRAINING_WORDS = "transformers' TrainingArguments, under their own names."
WORDS = {
    "ANSWERS_ONLY": "Whether the assistant's words alone are learnt, not the questions.",
    "WHOLE_ROWS": "Whether longer rows are left out, as where a score is read at the end; else they are cut.",
    "METHOD": "What the method has of its own, under TRL's names.",
    "LONGEST_PROMPT": "Tokens of a prompt that leaves room for the longest answer.",
    "READ_ROWS": "Of the held-out rows for the curve: the run read no more of them, to save time.",
    "RIGHT_ANSWER": "The column with the right answer.",
    "REWARD_PATTERN": "A regular expression that a good answer contains.",
    "REWARD_SCHEMA": "The JSON schema that a good answer matches.",
    "REWARD_LENGTH": "Characters up to which an answer earns the whole reward for its length.",
    "REWARD_CODE": "The recipe's own function. In the studio it ran in a sandbox; here nothing holds it back.",
    "JUDGE": "The reward model; the adapter on it where it is the result of a run.",
    "TEACHER": "The model that is learnt from; the adapter on it where it is the result of a run.",
    "DTYPE": "The precision the weights are loaded in; an adapter beside them is float32.",
    "ADAPTER": "PEFT's settings, under their own names.",
    "QUANTISED": "BitsAndBytesConfig, under its own names.",
    "START": "The adapter of the run that this one began with.",
}
