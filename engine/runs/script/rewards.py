"""What earns a reward, as Python functions in the shape TRL calls: rules, a person's own function, a reward model."""

import ast
import builtins
import json
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import re2

from engine.recipes.choices.commas import words
from engine.recipes.recipe import Recipe
from engine.runs.script import companion, parts
from engine.runs.script.chats import PLAIN_TEMPLATE
from engine.runs.script.told import Told
from engine.weights import inspection

OWN = (
    "The function `reward` is the recipe's own. In the studio it ran in a sandbox, shut off from files and network, "
    "with little memory and time, in a new process for every batch. Here it runs as it is, with your rights: read it "
    "first. "
    "One that remembers answers, or draws random numbers, says something else here."
)
OWN_COMMENT = (
    "# The recipe's own function (reward_code). In the studio it ran in a sandbox; here nothing holds it back."
)
SLOW = "The studio gives {field} a second for an answer, and then counts 0; this script waits."


@dataclass
class Rewards:
    """The text of the functions, which leaves the list `rewards`, and what it needs."""

    text: str
    imports: list[str] = field(default_factory=list)
    requirements: list[str] = field(default_factory=list)
    constants: dict[str, Any] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


def of(told: Told) -> Rewards:
    """The rewards of a run of GRPO or RLOO, in the order of the recipe."""
    recipe, names = told.recipe, words(told.recipe.reward_funcs)
    pieces = [PIECES[name] for name in names]
    finds = "exact_match" in names and _has_group(recipe.reward_pattern)
    if finds:
        pieces[names.index("exact_match")] = "reward_exact_found"
    uses_pattern = finds or "regex" in names
    pieces = [*(["reward_pattern"] if uses_pattern else []), *dict.fromkeys(pieces)]
    rewards = Rewards("")
    texts = [_piece(name, told, rewards) for name in pieces]
    listed = "rewards = [" + ", ".join(names) + "]"  # names of PIECES, nothing a person has written
    rewards.text = "\n\n\n".join([*texts, listed])
    rewards.constants = _constants(told, names, uses_pattern) | rewards.constants
    slow = [
        *(["reward_pattern"] if uses_pattern and not _is_known_to_re2(recipe.reward_pattern) else []),
        *(["reward_schema"] if "json_schema" in names else []),
    ]
    rewards.remarks += [SLOW.format(field=name) for name in slow]
    return rewards


PIECES = {
    "exact_match": "reward_exact",
    "regex": "reward_regex",
    "json_schema": "reward_schema",
    "length": "reward_length",
    "python": "reward_python",
    "reward_model": "reward_judge",
}
REQUIREMENTS = {"reward_pattern": ["google-re2"], "reward_schema": ["jsonschema", "referencing"]}


def _piece(name: str, told: Told, rewards: Rewards) -> str:
    """Takes in what the piece needs; its text."""
    imports, text = parts.joined(name)
    rewards.imports += imports
    rewards.requirements += REQUIREMENTS.get(name, [])
    if name == "reward_python":
        rewards.remarks.append(OWN)
        return "\n\n\n".join([_own_function(told.recipe.reward_code, rewards), text])
    return text


def _own_function(code: str, rewards: Rewards) -> str:
    """The person's text as it is where it can stand in the script, else in quotes, and run in a room of its own."""
    if fits_in(code):
        return f"{OWN_COMMENT}\n{code}"
    rewards.constants["REWARD_CODE"] = code
    return parts.joined("reward_text")[1]


def fits_in(code: str) -> bool:
    """Whether the text may stand among the script's own lines: it can be read, and takes none of their names."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    made, own, own_modules = _made(tree), *_taken()
    is_alone = "from __future__" not in code and "reward" in made
    return is_alone and not (made - _modules(tree)) & own and not _modules(tree) & (own - own_modules)


@cache
def _taken() -> tuple[frozenset[str], frozenset[str]]:
    """Names that the script needs for itself, and which of them are plain imports: others may import them, too."""
    names: set[str] = set(dir(builtins)) | {"rewards", "python"}
    modules: set[str] = set()
    for file in parts.FOLDER.glob("*.py.txt"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        names |= _made(tree) | {name for name in read if name.isupper()}  # constants stand above the pieces
        modules |= _modules(tree)
    return frozenset(names - {"reward"}), frozenset(modules)


def _made(tree: ast.Module) -> set[str]:
    """Names that a text makes at its outermost level, or from inside by `global`."""
    made = {name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names}
    for statement in tree.body:
        for node in [statement] if isinstance(statement, DEFINITIONS) else ast.walk(statement):
            if isinstance(node, DEFINITIONS):
                made.add(node.name)
            elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                made.add(node.id)
            elif isinstance(node, ast.alias):
                made.add((node.asname or node.name).partition(".")[0])
    return made


DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def _modules(tree: ast.Module) -> set[str]:
    """Names that it makes by `import NAME` and in no other way."""
    imported = [name for line in tree.body if isinstance(line, ast.Import) for name in line.names if not name.asname]
    others = ast.Module([line for line in tree.body if not isinstance(line, ast.Import)], [])
    return {name.name for name in imported} - _made(others)


def _has_group(pattern: str) -> bool:
    return bool(pattern) and re.compile(pattern).groups > 0


def _is_known_to_re2(pattern: str) -> bool:
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except (re2.error, UnicodeEncodeError):
        return False
    return True


def _constants(told: Told, names: list[str], uses_pattern: bool) -> dict[str, Any]:
    recipe = told.recipe
    values: dict[str, Any] = {}
    if {"exact_match", "python"} & set(names):
        values["RIGHT_ANSWER"] = _column(recipe, told.spec["dataset_kind"])
    if uses_pattern:
        values["REWARD_PATTERN"] = recipe.reward_pattern
    if "json_schema" in names:
        values["REWARD_SCHEMA"] = json.loads(recipe.reward_schema or '{"type": "object"}')
    if "length" in names:
        values["REWARD_LENGTH"] = recipe.reward_length
    return values | (_judge(told) if "reward_model" in names else {})


def _column(recipe: Recipe, kind: str) -> str:
    return recipe.reward_column or ("completion" if kind == "completion" else "ground_truth")


def _judge(told: Told) -> dict[str, Any]:
    asked = told.spec["companion"]
    has_template = inspection.has_chat_template(Path(asked["adapter"] or asked["path"]))
    return companion.constants(told, "JUDGE") | {"JUDGE_TEMPLATE": None if has_template else PLAIN_TEMPLATE}
