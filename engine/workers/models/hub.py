"""A model of the Hugging Face hub: only safetensors, config and tokenizer, at one recorded commit, checked afterwards.

The token comes from HF_TOKEN in the environment and from nowhere else. Whole files of a broken download are kept;
the client of today starts a half-done file again.
"""

import os
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import ModelInfo, RepoSibling

from engine.process import events
from engine.sizes import in_words
from engine.weights import files as model_files
from engine.weights import inspection
from engine.weights.starter import sha256_of
from engine.workers.contract import WorkFailedError

TIMEOUT_SECONDS = 10
WAYS_OUT = {"model": "add the model from a local folder", "dataset": "import a file"}
SPARE_BYTES = 500_000_000  # left free on the disk after a download
WANTED = re.compile(
    r"(?!consolidated|adapter_model)[\w.-]+\.safetensors|model\.safetensors\.index\.json|(generation_)?config\.json"
    r"|tokenizer[\w.-]*\.(json|model)|special_tokens_map\.json|added_tokens\.json|vocab\.json|merges\.txt"
    r"|spiece\.model|chat_template\.(jinja|json)|adapter_config\.json|README\.md|LICEN[SC]E(\.txt|\.md)?"
)


def fetch(repo: str, part: Path, out: Path, timeout: float = TIMEOUT_SECONDS) -> dict[str, Any]:
    """Downloads the model `repo` into `part`. Raises WorkFailedError that says what to do."""
    try:
        return _fetch(repo, part, out, timeout)
    except (HfHubHTTPError, HFValidationError, httpx2.HTTPError, LocalEntryNotFoundError, ConnectionError) as error:
        raise explained(repo, error) from error


def _fetch(repo: str, part: Path, out: Path, timeout: float) -> dict[str, Any]:
    events.append(out, events.Progress(done=0, stage="asking the hub"))
    token = os.environ.get("HF_TOKEN") or False  # False: not the one `hf auth login` may have left on this machine
    info = HfApi(token=token).model_info(repo, timeout=timeout, files_metadata=True)
    wanted = [file for file in info.siblings or [] if WANTED.fullmatch(file.rfilename)]
    _forget_halves(part)
    _refuse_what_cannot_load(repo, info, wanted, part, token)
    total = sum(file.size or 0 for file in wanted)
    refuse_without_space(repo, total, part)
    with _watched(part, total, out):
        names = [file.rfilename for file in wanted]
        snapshot_download(repo, revision=info.sha, local_dir=part, allow_patterns=names, token=token)
    events.append(out, events.Progress(done=total, total=total, stage="checking"))
    _verify(repo, part, wanted)
    return {"revision": info.sha, "from": f"hub:{repo}"}


def _refuse_what_cannot_load(
    repo: str, info: ModelInfo, wanted: list[RepoSibling], part: Path, token: str | bool
) -> None:
    """Says no before gigabytes are fetched: the small files alone tell most of what cannot be trained."""
    names = {file.rfilename for file in wanted}
    if "adapter_config.json" in names:
        raise WorkFailedError("config", f"{repo} is an adapter, not a whole model.", "Add the base model it is for.")
    if not any(name.endswith(".safetensors") for name in names):
        found = {Path(file.rfilename).suffix for file in info.siblings or []}
        what = "GGUF files only" if ".gguf" in found else "pickle weights only" if ".bin" in found else "no weights"
        raise WorkFailedError("config", f"{repo} has {what}.", "Choose a version of the model with safetensors.")
    if "config.json" not in names:
        raise WorkFailedError("config", f"{repo} has no config.json.", "Choose a model made for transformers.")
    hf_hub_download(repo, "config.json", revision=info.sha, local_dir=part, token=token)
    config = model_files.read_json(part, "config.json") or {}
    if reasons := inspection.config_reasons(config):
        raise WorkFailedError("config", f"{repo} cannot be trained here. {reasons[0]}", "Choose another model.")


def refuse_without_space(repo: str, total: int, part: Path) -> None:
    here = sum(path.stat().st_size for path in part.rglob("*") if path.is_file())
    free = shutil.disk_usage(part).free
    if total - here + SPARE_BYTES > free:
        needs = f"{repo} needs {in_words(total)} of disk, with {in_words(SPARE_BYTES)} to spare"
        message = f"{needs}; {in_words(free)} is free."
        raise WorkFailedError("disk", message, "Delete runs or models that are no longer needed, then retry.")


def _forget_halves(part: Path) -> None:
    """A killed download leaves its half-done file under a random name, which nobody will ever go on with."""
    for path in part.rglob("*.incomplete"):
        path.unlink()


def _verify(repo: str, part: Path, wanted: list[RepoSibling]) -> None:
    broken = [file.rfilename for file in wanted if not is_whole(part / file.rfilename, file)]
    for name in broken:
        (part / name).unlink(missing_ok=True)
    if broken:
        message = f"{', '.join(broken[:5])} of {repo} arrived incomplete."
        raise WorkFailedError("network", message, "Retry: only what is missing is fetched again.")


def is_whole(path: Path, file: RepoSibling) -> bool:
    """Whether the file has the size that the hub says, and for weights the sha256."""
    if not path.is_file() or (file.size is not None and path.stat().st_size != file.size):
        return False
    return file.lfs is None or sha256_of(path) == file.lfs.sha256


@contextmanager
def _watched(part: Path, total: int, out: Path) -> Iterator[None]:
    """Reports twice a second how many bytes have arrived, whichever way the client fetches them."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.5):
            sizes = [_size(path) for path in part.rglob("*")]
            stage = f"downloading {in_words(total)}"
            events.append(out, events.Progress(done=min(sum(sizes), total), total=total, stage=stage))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except FileNotFoundError:
        return 0  # renamed since it was listed


def explained(repo: str, error: Exception, what: str = "model") -> WorkFailedError:
    """What the hub's client raised about a `what` (a model or a dataset), as something a person can act on."""
    page = f"https://huggingface.co/{'datasets/' if what == 'dataset' else ''}{repo}"
    match error:
        case GatedRepoError():
            hint = f"Accept its terms at {page}, and start the studio with HF_TOKEN set."
            return WorkFailedError("config", f"{repo} is gated: its owners want you to agree first.", hint)
        case RevisionNotFoundError():
            return WorkFailedError("config", f"{repo} has no such revision.", f"Look at {page}/tree/main.")
        case RepositoryNotFoundError():
            hint = f"Check the spelling (owner/name). For a private {what} start the studio with HF_TOKEN set."
            return WorkFailedError("config", f"The hub has no {what} {repo} that this studio may see.", hint)
        case HFValidationError():
            message = f"{repo!r:.120} is not the name of a {what} on the hub."
            return WorkFailedError("config", message, "Write it as there: owner/name.")
        case OfflineModeIsEnabled():
            hint = f"Start the studio without HF_HUB_OFFLINE, or {WAYS_OUT[what]}."
            return WorkFailedError("network", "The hub is switched off here (HF_HUB_OFFLINE).", hint)
        case HfHubHTTPError():
            return _answered(error)
    hint = f"Check this machine's internet connection and retry, or {WAYS_OUT[what]}."
    return WorkFailedError("network", f"The {what} hub cannot be reached ({type(error).__name__}).", hint)


def _answered(error: HfHubHTTPError) -> WorkFailedError:
    """The hub was reached and said no."""
    match error.response.status_code:
        case 401:
            return WorkFailedError("config", "The hub does not accept the token.", "Give a token that is still valid.")
        case 403:
            hint = "Give a token with the right to write, or choose a name under your own account."
            return WorkFailedError("config", "The token does not allow this.", hint)
        case 429:
            hint = "Wait some minutes, then retry. With HF_TOKEN set the hub allows more."
            return WorkFailedError("network", "The hub has had too many requests from here.", hint)
    return WorkFailedError("network", f"The hub answered: {str(error)[:300]}", "Retry in a few minutes.")
