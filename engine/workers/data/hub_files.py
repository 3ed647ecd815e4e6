"""A dataset of the Hugging Face hub: the files of one configuration and split, at one recorded commit, checked.

Nothing of the repository is run: the files are found by its card or by their names (engine.rows.readers.hub_files), so
a dataset that is only a script is refused. The token comes from HF_TOKEN in the environment and from nowhere else. A
download that was cut off goes on where it was.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import httpx2
import orjson
from huggingface_hub import HfApi, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from huggingface_hub.file_download import http_get
from huggingface_hub.hf_api import DatasetInfo, RepoSibling
from huggingface_hub.utils._headers import build_hf_headers
from huggingface_hub.utils.tqdm import disable_progress_bars

from engine.process import events
from engine.rows.readers import hub_files
from engine.sizes import in_words
from engine.workers import contract
from engine.workers.contract import WorkFailedError
from engine.workers.models import hub

TIMEOUT_SECONDS = 10
NOTE = "hub.json"  # beside the files: what they are
REPORT_BYTES = 4 << 20
MOST_NAMED = 12
HUB_ERRORS = (HfHubHTTPError, HFValidationError, httpx2.HTTPError, LocalEntryNotFoundError, ConnectionError)


@dataclass(frozen=True)
class Repository:
    """What a repository holds at one commit."""

    info: DatasetInfo
    card: dict[str, Any]
    configs: dict[str, hub_files.Splits]


def fetch(selection: dict[str, Any], folder: Path, out: Path) -> list[dict[str, str]]:
    """Downloads the dataset {"id", "config"?, "split"?, "revision"?} into `folder`; {"path", "name"} of each file.

    Leaves `hub.json` there: the id, configuration, split, commit and files. Raises WorkFailedError.
    """
    try:
        return _fetch(selection, folder, out)
    except HUB_ERRORS as error:
        raise hub.explained(str(selection["id"]), error, "dataset") from error


def look(selection: dict[str, Any]) -> dict[str, Any]:
    """What there is to choose: {"id", "revision", "configs": [{"name", "splits", "files", "bytes"}], "default"}."""
    try:
        repository = _repository(selection)
    except HUB_ERRORS as error:
        raise hub.explained(str(selection["id"]), error, "dataset") from error
    sizes = {file.rfilename: file.size or 0 for file in repository.info.siblings or []}
    configs = [
        {
            "name": name,
            "splits": list(splits),
            "files": sum(map(len, splits.values())),
            "bytes": sum(sizes[path] for paths in splits.values() for path in paths),
        }
        for name, splits in repository.configs.items()
    ]
    default = hub_files.default_of(repository.card, repository.configs)
    return {"id": str(selection["id"]), "revision": repository.info.sha, "configs": configs, "default": default}


def _token() -> str | bool:
    return os.environ.get("HF_TOKEN") or False  # False: not the one `hf auth login` may have left on this machine


def _repository(selection: dict[str, Any]) -> Repository:
    repo_id, revision = str(selection["id"]), str(selection.get("revision") or "main")
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "TRUE", "YES", "ON"):
        hint = "Start the studio without HF_HUB_OFFLINE, or import a file."
        raise WorkFailedError("network", "The hub is switched off here (HF_HUB_OFFLINE).", hint)
    info = HfApi(token=_token()).dataset_info(repo_id, revision=revision, timeout=TIMEOUT_SECONDS, files_metadata=True)
    card = dict(vars(info.card_data)) if info.card_data else {}
    names = [file.rfilename for file in info.siblings or []]
    configs = hub_files.configs(card, names, revision)
    if not configs:
        raise _nothing_readable(repo_id, names)
    return Repository(info, card, configs)


def _nothing_readable(repo_id: str, names: Sequence[str]) -> WorkFailedError:
    if hub_files.has_script(names):
        hint = (
            f"Nothing of a repository is run here. Try the revision {hub_files.PARQUET_BRANCH}: the hub often has it."
        )
        return WorkFailedError("config", f"{repo_id} is made by its own script and has no files with rows.", hint)
    endings = sorted({Path(name).suffix for name in names} - {""})[:MOST_NAMED]
    contents = f"Found only: {', '.join(endings)}." if endings else "It is empty."
    return WorkFailedError(
        "config", f"{repo_id} has no file with rows that can be read. {contents}", "Choose another one."
    )


def _fetch(selection: dict[str, Any], folder: Path, out: Path) -> list[dict[str, str]]:
    events.append(out, events.Progress(done=0, stage="asking the hub"))
    repo_id, (note, files) = str(selection["id"]), choose(selection)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _forget_other_commit(folder, note)
    total = sum(file.size or 0 for file in files)
    hub.refuse_without_space(repo_id, total, folder)
    progress = _DownloadProgress(out, total)
    return [
        {"path": str(_download(repo_id, note, file, folder / str(number), progress)), "name": Path(file.rfilename).name}
        for number, file in enumerate(files, 1)
    ]


def choose(selection: dict[str, Any]) -> tuple[dict[str, Any], list[RepoSibling]]:
    """What is asked for, {"id", "config", "split", "revision": the commit, "files": their names}, and the files."""
    disable_progress_bars()
    repo_id, repository = str(selection["id"]), _repository(selection)
    config = _chosen_config(repo_id, selection.get("config"), repository)
    split = _chosen_split(f"{repo_id} ({config})", selection.get("split"), repository.configs[config])
    names = repository.configs[config][split]
    files = [file for file in repository.info.siblings or [] if file.rfilename in set(names)]
    return {"id": repo_id, "config": config, "split": split, "revision": repository.info.sha, "files": names}, files


def fetch_part(note: dict[str, Any], name: str, first: int, last: int) -> bytes:
    """The bytes of a file from `first` to `last`, both included and both in the file."""
    url = hf_hub_url(str(note["id"]), name, repo_type="dataset", revision=note["revision"])
    part = _Part(last + 1 - first)
    headers = build_hf_headers(token=_token()) | {"Range": f"bytes={first}-{last}", "Accept-Encoding": "identity"}
    taken: Any = part
    with suppress(_FullError):  # a server that knows no ranges goes on to the end of the file
        http_get(url, taken, headers=headers, expected_size=part.most)
    return bytes(part.content[: part.most])


class _FullError(Exception):
    """As much has come as was asked for."""


class _Part:
    """The part of a file that `http_get` needs, in memory."""

    def __init__(self, most: int) -> None:
        self.content, self.most = bytearray(), most

    def write(self, piece: bytes) -> int:
        self.content += piece
        if len(self.content) > self.most:
            raise _FullError
        return len(piece)

    def tell(self) -> int:
        return len(self.content)


def _forget_other_commit(folder: Path, note: dict[str, Any]) -> None:
    """What an earlier try has left is of use only when it was for the very same files."""
    text = orjson.dumps(note)
    if not (folder / NOTE).exists() or (folder / NOTE).read_bytes() != text:
        for path in folder.iterdir():
            path.unlink()
        (folder / NOTE).write_bytes(text)


def _chosen_config(repo_id: str, requested: Any, repository: Repository) -> str:
    name = requested or hub_files.default_of(repository.card, repository.configs)
    if name in repository.configs:
        return str(name)
    message = f"{repo_id} has no configuration `{name}`." if name else f"{repo_id} has several configurations."
    raise WorkFailedError("config", message, f"Choose one of: {_named(repository.configs)}.")


def _chosen_split(dataset_name: str, requested: Any, splits: hub_files.Splits) -> str:
    name = requested or ("train" if "train" in splits else next(iter(splits)) if len(splits) == 1 else None)
    if name in splits:
        return str(name)
    message = f"{dataset_name} has no split `{name}`." if name else f"{dataset_name} has several splits."
    raise WorkFailedError("config", message, f"Choose one of: {_named(splits)}.")


def _named(names: Any) -> str:
    all_names = list(names)
    return ", ".join(all_names[:MOST_NAMED]) + (
        f" and {len(all_names) - MOST_NAMED} more" if len(all_names) > MOST_NAMED else ""
    )


def _download(
    repo_id: str, note: dict[str, Any], file: RepoSibling, target: Path, progress: "_DownloadProgress"
) -> Path:
    """One file, whole and checked, at `target`; what is already there of it is not fetched again."""
    if target.exists():
        progress.add(target.stat().st_size)
        return target
    part = target.with_name(target.name + ".part")
    url = hf_hub_url(repo_id, file.rfilename, repo_type="dataset", revision=note["revision"])
    with part.open("ab") as partial_file:
        existing_bytes = partial_file.tell()
        progress.add(existing_bytes)
        reporting_file: Any = _ReportingFile(partial_file, progress)
        try:
            http_get(
                url,
                reporting_file,
                resume_size=existing_bytes,
                headers=build_hf_headers(token=_token()),
                expected_size=file.size,
            )
        except OSError as error:
            if isinstance(error, (HfHubHTTPError, ConnectionError)):
                raise
            raise _incomplete(repo_id, file, error) from error
    if not hub.is_whole(part, file):
        part.unlink()
        raise _incomplete(repo_id, file)
    return part.replace(target)


def _incomplete(repo_id: str, file: RepoSibling, error: OSError | None = None) -> WorkFailedError:
    if error is not None and error.errno is not None:  # the disk's own words: full, read-only ...
        raise error
    message = f"`{file.rfilename}` of {repo_id} arrived incomplete."
    return WorkFailedError("network", message, "Import it again: the hub may have been busy.")


class _DownloadProgress:
    """Says how many bytes have arrived, and listens for a request to stop."""

    def __init__(self, out: Path, total: int) -> None:
        self.out, self.total = out, total
        self.done = self._reported = 0

    def add(self, count: int) -> None:
        self.done += count
        if self.done - self._reported < REPORT_BYTES and self.done < self.total:
            return
        self._reported = self.done
        stage = f"downloading {in_words(self.total)}"
        events.append(self.out, events.Progress(done=min(self.done, self.total), total=self.total, stage=stage))
        if contract.stop_requested(self.out):
            raise contract.Stopped


class _ReportingFile:
    """The part of a file that `http_get` needs, told of each piece that is written."""

    def __init__(self, file: BinaryIO, progress: _DownloadProgress) -> None:
        self._file, self._progress = file, progress
        self.seek, self.tell, self.truncate = file.seek, file.tell, file.truncate

    def write(self, piece: bytes) -> int:
        count = self._file.write(piece)
        self._progress.add(count)
        return count
