"""Fetches a base model into OUT/files: the starter, one of the hub by its id, or a GGUF file turned back into one.

Everything is written to OUT/part and renamed when it is whole, so a kill at any moment leaves either no model or all
of it. Trying again takes up what a hub download has finished. Result: {"path", "revision", "from"}.
"""

import os
import shutil
from pathlib import Path
from typing import Any

from engine.workers import contract
from engine.workers.models import gguf, hub, starter


def fetch(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """Fetches what spec["source"] ("starter", "hub" or "gguf") and spec["source_id"] name.

    A GGUF file that was uploaded lies in `out`, and is no longer needed once the model is there.
    """
    part = out / "part"
    part.mkdir(exist_ok=True, mode=0o700)
    if spec["source"] == "starter":
        result = starter.fetch(part, out, Path(spec["downloads"]))
    elif spec["source"] == "gguf":
        result = gguf.fetch(Path(spec["source_id"]), part, out)
    else:
        result = hub.fetch(spec["source_id"], part, out)
    path = publish(part, out / "files")
    if spec["source"] == "gguf" and Path(spec["source_id"]).parent == out:
        Path(spec["source_id"]).unlink()
    return {"path": str(path), **result}


def publish(part: Path, files: Path) -> Path:
    """Makes a whole folder the model's: on disk first, then under its name, in one rename."""
    shutil.rmtree(part / ".cache", ignore_errors=True)  # the hub client's notes
    for path in part.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    shutil.rmtree(files, ignore_errors=True)
    return part.replace(files)


if __name__ == "__main__":
    contract.run(fetch)
