"""What an import would make of files, or of a dataset of the hub, before anything of it is kept.

A worker reads the beginning (engine.workers.data.preview, preview_hub). What it found is kept for an hour, with the
names of the files, so that what was looked at can be imported just as it was shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from engine.data import datasets, hub_names, importing, incoming_files
from engine.data.named_sources import Named
from engine.errors import NotFoundError, RefusedError, TunesmithError
from engine.process import work
from engine.recipes import methods
from engine.rows.readers import encodings
from storage.statuses import WORK_MOVING, WorkStatus
from storage.tables import DEFAULT_PROJECT, Dataset, Work

FILES, HUB = "preview_data", "preview_hub_data"
ROWS = "preview.json"
EDITION = 1  # of what is detected and guessed: a higher one looks again
LOOK_SECONDS = 30.0
GONE = "This preview is no longer there."


@dataclass(frozen=True)
class Preview:
    """What would become of files. `facts`: see engine.workers.data.preview; `rows`: the first ones, as verdicts."""

    id: str
    facts: dict[str, Any]
    rows: list[dict[str, Any]] = field(default_factory=list)

    @property
    def methods(self) -> list[str]:
        """The methods that learn from rows of this kind, the usual one first."""
        return [name for name, method in methods.METHODS.items() if self.facts["kind"] in method.kinds]


def begin(
    files: Sequence[Named],
    source: str,
    project_id: str = DEFAULT_PROJECT,
    encoding: str = "",
    mapping: dict[str, Any] | None = None,
    name: str = "",
) -> Work:
    """Begins to look at the beginning of files, or says how far that is; nothing is copied or moved.

    `source`: upload, paste or path. `name`: of the dataset that would be made, when it is not the file's. Raises what
    an import of them would: RefusedError, NotFoundError.
    """
    if not files:
        raise RefusedError("There is no file to look at.", "Choose at least one.")
    known = [(path, incoming_files.file_name(outside), incoming_files.check(path)) for path, outside in files]
    spec = {
        "sources": [
            {"path": str(path), "name": file_name, "bytes": about.st_size, "changed": about.st_mtime_ns}
            for path, file_name, about in known
        ],
        "names": [name_outside for _, name_outside in files],
        "name": name,
        "encoding": encodings.checked(encoding) if encoding else "",
        "mapping": mapping,
        "remembered": importing.remembered(project_id),
        "source": source,
        "edition": EDITION,
    }
    return work.start(FILES, f"preview:{project_id}", spec)


def begin_hub(
    hub_id: str, config: str = "", split: str = "", revision: str = "", project_id: str = DEFAULT_PROJECT
) -> Work:
    """Begins to fetch the beginning of a dataset of the hub, some MB at most, and to look at it.

    Raises RefusedError for what is no name.
    """
    spec = {"hub": hub_names.hub_source(hub_id, config, split, revision), "edition": EDITION}
    return work.start(HUB, f"preview:{project_id}", spec | {"remembered": importing.remembered(project_id)})


def look_up(work_id: str) -> Work:
    """The look, whatever became of it. Raises NotFoundError."""
    try:
        look = work.look_up(work_id)
    except NotFoundError as error:
        raise NotFoundError(GONE, "Choose the file again.") from error
    if look.kind not in (FILES, HUB):
        raise NotFoundError(GONE, "Choose the file again.")
    return look


def read(look: Work) -> Preview:
    """What a look that succeeded has found."""
    file = work.folder(look) / ROWS
    return Preview(look.id, look.result, orjson.loads(file.read_bytes()) if file.exists() else [])


def wait(look: Work, seconds: float = LOOK_SECONDS) -> Preview:
    """The preview, as soon as it is there. Raises TunesmithError when the files cannot be read or it takes too long."""
    ended = work.wait(look.id, seconds)
    if ended.status in WORK_MOVING:
        raise TunesmithError("The first rows are still being read.", "Try again in a moment.")
    if ended.status != WorkStatus.SUCCEEDED:
        raise TunesmithError(ended.error or "The first rows could not be read.", ended.hint or "Try again.")
    return read(ended)


def again(look_id: str, encoding: str) -> Work:
    """Looks at the same files in another encoding. Raises NotFoundError, RefusedError."""
    spec = {**look_up(look_id).spec, "encoding": encodings.checked(encoding)}
    return work.start(FILES, look_up(look_id).subject_id, spec)


def import_as_shown(look_id: str, name: str, project_id: str) -> Dataset:
    """Begins to import what was looked at, read as the preview says: a guess is taken as the mapping, the likeliest
    encoding as the encoding. Raises NotFoundError when the preview or a file is gone.
    """
    look = look_up(look_id)
    facts = wait(look).facts
    encoding = facts["files"][0]["encoding"] if facts["encodings"] else ""
    return _import(look, name, project_id, facts["mapping"] if facts["guessed"] else look.spec.get("mapping"), encoding)


def import_as_detected(look_id: str, name: str, project_id: str) -> Dataset:
    """Begins to import what was looked at without a guess, so that what is not known waits for its mapping."""
    return _import(look_up(look_id), name, project_id, None, "")


def _import(look: Work, name: str, project_id: str, mapping: dict[str, Any] | None, encoding: str) -> Dataset:
    if look.kind == HUB:
        source = {key: look.spec["hub"][key] for key in ("config", "split", "revision")}
        return datasets.import_hub(look.spec["hub"]["id"], **source, name=name, project_id=project_id)
    paths = [Path(source["path"]) for source in look.spec["sources"]]
    files = list(zip(paths, look.spec["names"], strict=True))
    origin = importing.chosen(look.spec["encoding"] or encoding)
    return datasets.import_files(files, name or look.spec["name"], project_id, look.spec["source"], mapping, origin)
