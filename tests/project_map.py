"""The map of the project, made from first lines: `python -m tests.project_map --write` brings it up to date.

Two views of the same docstrings: the README has the folders, docs/map.md every file. Tests hold both.
"""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
MAP = ROOT / "docs" / "map.md"
LAYERS = ("app", "pages", "engine", "storage", "tests")
# Folders that have no package of Python to say what they are.
OTHERS = {
    "app/static": "JavaScript and CSS of the pages.",
    "deploy": "What the container starts with; manifests for TGI beside the studio.",
    "docs": "The guide, the tutorial, the API, operations, architecture, decisions.",
}
LEVELS = 2
NAME_WIDTH = 18
TREE = re.compile(r"(<!-- tree:.*?-->\n).*?(<!-- /tree -->)", re.DOTALL)
HEAD = """# Map

Every file with the first line of its docstring, folder by folder. The [README](../README.md) has the folders on one
screen. Made by `python -m tests.project_map --write`; a test holds it.
"""


def tree() -> str:
    """The folders, a line each, in the order of the layers."""
    layers = [_layer(name) for name in LAYERS]
    return "\n".join(["```", *("\n".join(lines) for lines in layers), *map(_line, ("docs", "deploy")), "```", ""])


def _layer(name: str) -> list[str]:
    folders = sorted({*_packages(name), *(folder for folder in OTHERS if folder.startswith(f"{name}/"))})
    return [_line(folder) for folder in folders if _is_shown(folder)]


def _is_shown(folder: str) -> bool:
    if folder.startswith(("storage/", "tests/")):
        return False  # rooms of queries, each named by its noun; tests mirror the others
    return folder.count("/") < LEVELS


def _line(folder: str) -> str:
    indent = "  " * folder.count("/")
    return f"{indent}{folder.rpartition('/')[2]}/".ljust(NAME_WIDTH) + about_folder(folder)


def _packages(layer: str) -> list[str]:
    return [file.parent.as_posix() for file in _files(layer) if file.name == "__init__.py"]


def _files(folder: str) -> list[Path]:
    """The Python files in a folder and below."""
    return [file for file in _all_files() if file.as_posix().startswith(f"{folder}/")]


@cache
def _by_folder() -> dict[str, list[Path]]:
    by_folder: dict[str, list[Path]] = {}
    for file in _all_files():
        by_folder.setdefault(file.parent.as_posix(), []).append(file)
    return by_folder


@cache
def _all_files() -> list[Path]:
    """Those that git knows or would take; migrations left out, which are named by number."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    files = {Path(line) for line in listed}
    return sorted(file for file in files if "versions" not in file.parts and (ROOT / file).exists())


def about_folder(folder: str) -> str:
    """What a folder is for."""
    return OTHERS.get(folder) or about(Path(folder) / "__init__.py")


@cache
def about(file: Path) -> str:
    """The first line of a file's docstring; empty where there is none."""
    docstring = ast.get_docstring(ast.parse((ROOT / file).read_text())) or ""
    return docstring.partition("\n")[0].strip()


def index() -> str:
    """The whole of docs/map.md."""
    return HEAD + "".join(_section(folder) for layer in LAYERS for folder in _packages(layer))


def _section(folder: str) -> str:
    files = [file for file in _by_folder().get(folder, []) if file.name != "__init__.py"]
    title = f"\n## {folder}\n"
    lines = [f"* [{file.name}](../{file.as_posix()}): {_plain(about(file))}\n" for file in files]
    words = [f"\n{_plain(about_folder(folder))}\n"] if about_folder(folder) else []
    return "".join([title, *words, *(["\n"] if lines else []), *lines])


def _plain(text: str) -> str:
    """Words that Markdown shows as they are; code between backticks stays code."""
    parts = text.split("`")
    parts[::2] = [re.sub(r"([<*\[\]])", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)


def tree_in_readme() -> str:
    """The tree as it stands in the README, with its marks."""
    match = TREE.search(README.read_text())
    assert match, "README has no tree"
    return match.group(0)


def tree_for_readme() -> str:
    """The tree as it should stand there."""
    return TREE.sub(lambda match: f"{match.group(1)}{tree()}{match.group(2)}", tree_in_readme())


def write() -> None:
    README.write_text(README.read_text().replace(tree_in_readme(), tree_for_readme()))
    MAP.write_text(index())


if __name__ == "__main__" and "--write" in sys.argv:
    write()
