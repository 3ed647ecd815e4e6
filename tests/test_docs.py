"""What the docs name is there: files, modules, names in the code, commands, make targets, messages."""

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from app.cli.commands import OWN_OPTIONS, cli
from app.cli.late import Listed
from engine.rows.health.checks import CHECKS
from tests import project_map
from tests.engine.rows import test_health_checks
from tests.project_map import ROOT

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]

CODE = re.compile(r"```.*?```|`[^`\n]+(?:\n[^`\n]+)?`|^ {4}.+$", re.DOTALL | re.MULTILINE)
COMMANDS: Any = typer.main.get_command(cli)
TOP = "app|pages|engine|storage|tests|docs|deploy"
PATH = re.compile(rf"(?<![\w./-])(?:{TOP})(?:/[\w.-]+)+/?")
MODULE = re.compile(r"(?<![\w./-])(?:app|pages|engine|storage|tests)(?!\.lock|\.py\b)(?:\.\w+)+(?![\w/])")
COMMAND = re.compile(r"(?:^|[`/ ])tunesmith((?: [^ `\n|]+)*)", re.MULTILINE)  # up to a remark, two blanks apart
MAKE = re.compile(r"^[` ]*make ([a-z]+)", re.MULTILINE)
PLACEHOLDER = re.compile(r"(?<![A-Z])[A-Z]{2,}(?![A-Z])")  # pages/NAME.py: any page
IDENTIFIER = re.compile(r"[A-Za-z_]\w*(?:\(\))?")
EXAMPLE = re.compile(r"`([\w/.]+)`:\n\n```python\n(.*?)```", re.DOTALL)  # a file that the page tells to write
EXAMPLE_TEST = re.compile(r"```python\n(def test_.*?)```", re.DOTALL)
NAME_OF_FILE = re.compile(r"`(\w+)(?:\(\))?`\s+of\s+`([\w/.]+\.py)`")
HOW_TO_ADD = re.compile(r"^## (?:How|More) to add\n(.*?)^## ", re.DOTALL | re.MULTILINE)


def code_in(text: str) -> list[str]:
    """Every piece of code in a page: spans, fenced and indented blocks."""
    return [match.group(0) for match in CODE.finditer(text)]


def in_each_page(find: Callable[[str], list[str]]) -> dict[str, list[str]]:
    """What `find` finds in the text of each page where it finds something."""
    things_by_page = {page.relative_to(ROOT).as_posix(): find(page.read_text()) for page in PAGES}
    return {page: things for page, things in things_by_page.items() if things}


def test_every_path_named_in_the_docs_exists() -> None:
    assert in_each_page(missing_paths) == {}


def missing_paths(text: str) -> list[str]:
    new = {path for path, _source in EXAMPLE.findall(text)}
    return [path for path in paths_in(text) if path not in new and not files_of(path)]


def paths_in(text: str) -> list[str]:
    return [path for code in code_in(text) for path in PATH.findall(code)]


def files_of(path: str) -> list[Path]:
    """The files a path stands for; words in capitals stand for any name."""
    return sorted(ROOT.glob(PLACEHOLDER.sub("*", path.rstrip("/."))))


def test_every_module_named_in_the_docs_exists() -> None:
    assert in_each_page(lambda text: [name for name in MODULE.findall(text) if not is_in_the_code(name)]) == {}


def is_in_the_code(dotted: str) -> bool:
    """Whether `engine.x.y` is a package, a module, or something that the module `engine.x` defines."""
    path = dotted.replace(".", "/")
    if files_of(f"{path}.py") or files_of(path):
        return True
    module, _, name = path.rpartition("/")
    return any(name in defined_in(file) for file in files_of(f"{module}.py"))


@cache
def defined_in(file: Path) -> frozenset[str]:
    """The names at the top of a module."""
    return frozenset(name for node in ast.parse(file.read_text()).body for name in _names(node))


def _names(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Assign(targets=targets):
            yield from (part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name


def how_to_add() -> list[str]:
    """The points of "How to add" in the README, and of "More to add" in CONTRIBUTING.md."""
    points: list[str] = []
    for page in (project_map.README, ROOT / "CONTRIBUTING.md"):
        match = HOW_TO_ADD.search(page.read_text())
        assert match, f"{page.name} does not say how to add things"
        points += match.group(1).split("\n* ")[1:]
    return [f"* {point}" for point in points]


@pytest.mark.parametrize("point", how_to_add(), ids=lambda point: point.split("**")[1])
def test_how_to_add_names_files_and_what_is_in_them(point: str) -> None:
    files = [file for path in paths_in(point) for file in files_of(path) if file.suffix == ".py"]
    defined = {name for file in files for name in defined_in(file)}
    spans = [span.strip("`") for span in code_in(point)]
    identifiers = {span.removesuffix("()") for span in spans if IDENTIFIER.fullmatch(span)}
    assert paths_in(point)
    assert identifiers - defined == set()


def test_names_are_defined_in_the_file_that_the_docs_say() -> None:
    assert in_each_page(misplaced_names) == {}


def misplaced_names(text: str) -> list[str]:
    """`NAME` of `FILE`, where the file does not define the name."""
    claims = NAME_OF_FILE.findall(text)
    return [
        f"{name} of {path}" for name, path in claims if not any(name in defined_in(file) for file in files_of(path))
    ]


def test_the_first_change_in_contributing_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example is written down as a reader would, entered in the table, and its own test is run."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    example, example_test = EXAMPLE.search(text), EXAMPLE_TEST.search(text)
    assert example
    assert example_test
    check = run(example[2], {})["CHECK"]
    monkeypatch.setitem(CHECKS, check.name, check)
    written = run(example_test[1], dict(vars(test_health_checks)))
    tests = [written[name] for name in re.findall(r"def (test_\w+)", example_test[1])]
    assert tests
    for test in tests:
        test(tmp_path)


def run(source: str, namespace: dict[str, Any]) -> dict[str, Any]:
    """What a piece of Python defines."""
    exec(compile(source, "CONTRIBUTING.md", "exec"), namespace)
    return namespace


def test_every_command_named_in_the_docs_exists() -> None:
    assert in_each_page(unknown_commands) == {}


def unknown_commands(text: str) -> list[str]:
    commands = [words for code in code_in(text) for words in COMMAND.findall(code)]
    return [words for words in commands if not is_command(words.split())]


def is_command(words: list[str]) -> bool:
    """Whether the command line knows the command, the one below it, and every option."""
    named = [word for word in words if re.fullmatch(r"[a-z][a-z-]*", word)]
    command = COMMANDS
    for name in named if words and words[0] in named else ["serve"]:
        if not hasattr(command, "commands"):
            break  # the words after it are arguments
        command = command.commands.get(name)
        command = command.loaded() if isinstance(command, Listed) else command
    known_options = {option for parameter in getattr(command, "params", ()) for option in options_of(parameter)}
    options = {word.strip("[](),") for word in words if word.lstrip("[").startswith("--")}
    of_all = {"--help"} | (set(OWN_OPTIONS) if words and words[0] in OWN_OPTIONS else set())
    return command is not None and options - of_all <= known_options


def options_of(parameter: Any) -> list[str]:
    """`--browser` and `--no-browser`."""
    return [*parameter.opts, *parameter.secondary_opts]


def test_every_make_target_named_in_the_docs_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert in_each_page(lambda text: sorted({*MAKE.findall("\n".join(code_in(text)))} - targets)) == {}


def test_the_index_of_the_docs_is_complete() -> None:
    listed = set(re.findall(r"\]\(([^)#]+)\)", (DOCS / "README.md").read_text()))
    pages = {file.relative_to(DOCS).as_posix() for file in DOCS.rglob("*.md")} - {"README.md"}
    assert pages - listed == set()


def quoted_messages() -> list[str]:
    """The first column of the tables in troubleshooting.md."""
    rows = re.findall(r"^\| (.+?) \| ", (DOCS / "troubleshooting.md").read_text(), re.MULTILINE)
    return [row for row in rows if row != "message"]


def test_every_quoted_message_still_stands_in_the_code() -> None:
    messages = quoted_messages()
    assert len(messages) > 50
    texts = texts_in_the_code()
    assert [message for message in messages if not any(message.replace("`", "") in text for text in texts)] == []


def texts_in_the_code() -> list[str]:
    """Every string of the studio, with … for what is filled in."""
    files = [file for layer in ("app", "pages", "engine") for file in (ROOT / layer).rglob("*.py")]
    nodes = (node for file in files for node in ast.walk(ast.parse(file.read_text())))
    return [text.replace("`", "") for text in map(_text, nodes) if text]


def _text(node: ast.AST) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_text(part) if isinstance(part, ast.Constant) else "…" for part in parts)
        case _:
            return ""
