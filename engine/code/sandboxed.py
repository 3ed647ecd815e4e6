"""Code of a model or a person run in the studio's sandbox, as everything here is run."""

from collections.abc import Mapping

from engine.code.running import Ran
from engine.sandbox import sandbox


def run(files: Mapping[str, str], entry: str, stdin: str = "") -> Ran:
    """Runs one file beside the others, with the sandbox's usual limits. Raises SandboxError where nothing runs."""
    return sandbox.run(files, stdin=stdin, language="python", entry=entry)
