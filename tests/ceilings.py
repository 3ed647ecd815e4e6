"""The size ceilings, as a failing check: `python -m tests.ceilings`. Nobody keeps files small by wishing."""

import ast
import subprocess
import sys
from pathlib import Path

FILE_LINES, TEST_FILE_LINES, FUNCTION_LINES, STATIC_LINES = 300, 450, 40, 600
ROOT = Path(__file__).resolve().parent.parent


def too_long(path: Path) -> list[str]:
    """What in one file is over its ceiling, a line each."""
    name, text = path.relative_to(ROOT), path.read_text()
    lines = text.count("\n")
    if path.suffix != ".py":
        return [f"{name}: {lines} lines, at most {STATIC_LINES}"] if lines > STATIC_LINES else []
    is_test = name.parts[0] == "tests"
    ceiling = TEST_FILE_LINES if is_test else FILE_LINES
    found = [f"{name}: {lines} lines, at most {ceiling}"] if lines > ceiling else []
    return found if is_test else found + long_functions(name, ast.parse(text))


def long_functions(name: Path, tree: ast.Module) -> list[str]:
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    sizes = {node: (node.end_lineno or node.lineno) - node.lineno + 1 for node in functions if node.name != "page"}
    return [
        f"{name}:{node.lineno}: {node.name} has {size} lines, at most {FUNCTION_LINES}"
        for node, size in sizes.items()
        if size > FUNCTION_LINES
    ]


def main() -> int:
    listed = subprocess.run(["git", "ls-files", "*.py", "*.js", "*.css"], capture_output=True, text=True, check=True)
    files = [ROOT / line for line in listed.stdout.splitlines() if "/migrations/versions/" not in line]
    found = [problem for path in files if path.exists() for problem in too_long(path)]
    sys.stdout.write("\n".join([*found, f"{len(files)} files, {len(found)} over a ceiling"]) + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
