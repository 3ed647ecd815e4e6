"""How large files, functions and folders may be, and how the house is laid out: `python -m tests.ceilings`.

Nobody keeps files small, or rooms in order, by wishing: both are failing checks.
"""

import ast
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

FILE_LINES, TEST_FILE_LINES, FUNCTION_LINES, STATIC_LINES, FOLDER_FILES = 300, 450, 40, 600, 25
ROOT = Path(__file__).resolve().parent.parent
EMPTY_NAMES = ("found", "wanted")
LAYERS = ("app", "pages", "engine", "storage")


def too_long(path: Path) -> list[str]:
    """What in one file is over its ceiling, a line each."""
    name, text = path.relative_to(ROOT), path.read_text()
    lines = text.count("\n")
    if path.suffix != ".py":
        return [f"{name}: {lines} lines, at most {STATIC_LINES}"] if lines > STATIC_LINES else []
    is_test = name.parts[0] == "tests"
    ceiling = TEST_FILE_LINES if is_test else FILE_LINES
    problems = [f"{name}: {lines} lines, at most {ceiling}"] if lines > ceiling else []
    return (
        problems if is_test else [*problems, *long_functions(name, tree := ast.parse(text)), *empty_names(name, tree)]
    )


def long_functions(name: Path, tree: ast.Module) -> list[str]:
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    sizes = {node: (node.end_lineno or node.lineno) - node.lineno + 1 for node in functions if node.name != "page"}
    return [
        f"{name}:{node.lineno}: {node.name} has {size} lines, at most {FUNCTION_LINES}"
        for node, size in sizes.items()
        if size > FUNCTION_LINES
    ]


def empty_names(name: Path, tree: ast.Module) -> list[str]:
    """Variables that say how somebody came by a thing and not what it is."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    inside = [node for function in functions for node in ast.walk(function) if isinstance(node, ast.Name)]
    lines = sorted({(node.lineno, node.id) for node in inside if node.id in EMPTY_NAMES and _is_set(node)})
    return [f"{name}:{line}: `{word}` does not say what it is" for line, word in lines]


def _is_set(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def full_folders(files: Iterable[Path]) -> list[str]:
    """Folders of the studio with more files than a person takes in at a glance."""
    sizes = Counter(file.parent for file in files if file.name != "__init__.py" and file.suffix == ".py")
    return [f"{folder}: {size} files, at most {FOLDER_FILES}" for folder, size in sizes.items() if size > FOLDER_FILES]


def repeated_names(files: Iterable[Path]) -> list[str]:
    """Files that carry their folder's name as a prefix, such as `data/data_health.py`."""
    return [
        f"{file}: the folder says `{file.parent.name}` already"
        for file in files
        if file.stem.startswith((f"{file.parent.name}_", f"{file.parent.name.removesuffix('s')}_"))
    ]


def lost_rooms(files: Iterable[Path]) -> list[str]:
    """Folders of pages, REST and workers whose noun has no wing in the engine."""
    folders = {file.parent for file in files}
    wings = {folder.parts[1] for folder in folders if folder.parts[0] == "engine" and len(folder.parts) > 1}
    without_wing = {"parts", "sandbox", "tokens", "trainers", "tuning", "rewards"}  # of pages, and of training programs
    rooms = [folder for folder in folders if folder.parent.as_posix() in ("pages", "app/api", "engine/workers")]
    rooms = [folder for folder in rooms if folder.name not in without_wing | {"home", "help"}]
    return [f"{room}: there is no engine/{room.name}" for room in sorted(rooms) if room.name not in wings]


def circles(files: Iterable[Path]) -> list[str]:
    """Folders and files that import each other in a circle, at any depth of the tree."""
    modules = {_module(file): file for file in files}
    imports = [(module, target) for module, file in modules.items() for target in _imported(file, modules)]
    packages = {"", *(module.rpartition(".")[0] for module in modules)}
    return [
        f"{package or 'the house'}: {' -> '.join(circle)} import each other in a circle"
        for package in sorted(packages)
        for circle in _circles_inside(package, imports)
    ]


def _module(file: Path) -> str:
    return ".".join(file.with_suffix("").parts).removesuffix(".__init__")


def _imported(file: Path, modules: dict[str, Path]) -> Iterator[str]:
    for node in ast.walk(ast.parse((ROOT / file).read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full_name = f"{node.module}.{alias.name}"
                yield from (name for name in (full_name if full_name in modules else node.module,) if name in modules)


def _circles_inside(package: str, imports: list[tuple[str, str]]) -> Iterator[list[str]]:
    """Circles among the immediate children of a package, each child taken with all that is below it."""
    arrows: dict[str, set[str]] = defaultdict(set)
    for importer, imported in imports:
        importing, used = _child(package, importer), _child(package, imported)
        if importing and used and importing != used:
            arrows[importing].add(used)
    # What nobody in a circle imports, and what imports nobody in one, is taken away until only circles are left.
    while True:
        reached = {child for targets in arrows.values() for child in targets}
        arrows = {child: targets & arrows.keys() for child, targets in arrows.items() if child in reached}
        if all(arrows.values()):
            break
        arrows = {child: targets for child, targets in arrows.items() if targets}
    if arrows:
        yield sorted(arrows)


def _child(package: str, module: str) -> str:
    if package and not module.startswith(f"{package}."):
        return ""
    return module.removeprefix(f"{package}.").partition(".")[0]


def main() -> int:
    listed = subprocess.run(["git", "ls-files", "*.py", "*.js", "*.css"], capture_output=True, text=True, check=True)
    files = [Path(line) for line in listed.stdout.splitlines() if "/migrations/versions/" not in line]
    files = [file for file in files if (ROOT / file).exists()]
    studio = [file for file in files if file.parts[0] in LAYERS and file.suffix == ".py"]
    problems = [problem for file in files for problem in too_long(ROOT / file)]
    problems += [*full_folders(studio), *repeated_names(studio), *lost_rooms(studio), *circles(studio)]
    sys.stdout.write("\n".join([*problems, f"{len(files)} files, {len(problems)} problems"]) + "\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
