"""README's tree, made from the first line of every file: `python -m tests.readme_tree --write` brings it up to date."""

import ast
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
BLOCK = re.compile(r"(<!-- tree:.*?-->\n).*?(<!-- /tree -->)", re.DOTALL)
FOLDERS = ("app", "pages", "engine", "storage")


def tree() -> str:
    """One line a module, folder by folder, in the order of the layers."""
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = [Path(line) for line in listed.stdout.splitlines() if (ROOT / line).exists()]
    lines = []
    for top in FOLDERS:
        inside = [file for file in files if file.parts[0] == top and "versions" not in file.parts]
        lines += [_line(file) for file in sorted(inside, key=lambda file: (file.parts[:-1], file.name))]
    return "\n".join(["```", *(line for line in lines if line), "```", ""])


def _line(file: Path) -> str:
    words = ast.get_docstring(ast.parse((ROOT / file).read_text())) or ""
    first = words.split("\n")[0].strip()
    if file.name == "__init__.py":
        return f"{file.parent}/".ljust(36) + first if first else ""
    return f"  {file}".ljust(36) + first


def current() -> str:
    found = BLOCK.search(README.read_text())
    assert found, "README has no tree"
    return found.group(0)


def wanted() -> str:
    return BLOCK.sub(lambda found: f"{found.group(1)}{tree()}{found.group(2)}", current())


if __name__ == "__main__" and "--write" in sys.argv:
    README.write_text(README.read_text().replace(current(), wanted()))
