"""Fetches a dataset of the hub, then imports it: `python -m engine.workers.data.import_hub SPEC.json OUT/`.

Spec: {"hub": {"id", "config", "split", "revision"}, "mapping"}. The files come to OUT/source, or OUT/sources/1, 2 ...
when there are several, where files that a person brings would lie. Result: as import_data's, and what was chosen.
"""

import os
from pathlib import Path
from typing import Any

import orjson

from engine.workers import contract
from engine.workers.data import hub_files, import_files

CHOSEN = ("config", "split", "revision")


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """Raises WorkFailedError in words."""
    folder = out / "sources"
    fetched = hub_files.fetch(spec["hub"], folder, out)
    if len(fetched) == 1:
        fetched = [{**fetched[0], "path": str(_linked(Path(fetched[0]["path"]), out / "source"))}]
    note = orjson.loads((folder / hub_files.NOTE).read_bytes())
    result = import_files.work({**spec, "sources": fetched}, out)
    files = result.get("files") or [{"name": file["name"]} for file in fetched]
    return {**result, "files": files, "hub": {name: note[name] for name in CHOSEN}}


def _linked(path: Path, target: Path) -> Path:
    """The same file under a second name; the first stays for a download that is taken up again."""
    target.unlink(missing_ok=True)
    os.link(path, target)
    return target


if __name__ == "__main__":
    contract.run(work)
