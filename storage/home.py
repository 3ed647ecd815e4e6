"""Where the studio keeps its files. Every path on disk is named here, and nowhere else.

To name a path makes nothing: whoever begins something in a folder makes it, with `ensure_folder`.
"""

import re
import shutil
from pathlib import Path

from storage import settings

_ID = re.compile(r"[0-9a-z][0-9a-z-]{0,63}")


def home() -> Path:
    """The data folder, read from the environment on every call so a test can move it."""
    return Path(settings.place("home")).expanduser().absolute()


def ensure_folder(folder: Path) -> Path:
    """The folder, made where it is missing. It and the home are for this user alone."""
    for path in (home(), folder):
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def folder(*names: str) -> Path:
    """A folder under the home. `names` are fixed words or checked ids, never user text."""
    return home().joinpath(*map(_checked, names))


def _checked(name: str) -> str:
    if not _ID.fullmatch(name):
        raise ValueError(f"{name!r} cannot be the name of a folder of the studio")
    return name


def database_file() -> Path:
    return home() / "studio.db"


def queue_file() -> Path:
    return folder("queue") / "huey.db"


def queue_secret() -> Path:
    """The key that signs messages in the queue."""
    return folder("queue") / "secret"


def engine_lock() -> Path:
    return home() / "engine.lock"


def run_folder(run_id: str) -> Path:
    """A run: spec.json, events.jsonl, output.log, shim.lock, exit.N.json, checkpoints/, adapter/ or model/."""
    return folder("runs", run_id)


def model_folder(model_id: str) -> Path:
    """A base model: files/ (config, tokenizer, safetensors) beside the events of its preparation."""
    return folder("models", model_id)


def dataset_folder(dataset_id: str) -> Path:
    """A dataset: source file, rows.parquet, rejected.jsonl, beside the events of its import."""
    return folder("datasets", dataset_id)


def work_folder(work_id: str) -> Path:
    """A piece of work about something, such as the tokens of a dataset: what its worker leaves."""
    return folder("work", work_id)


def backend_folder(backend_id: str) -> Path:
    """One process behind an endpoint: its socket, events and log."""
    return folder("backends", backend_id)


def answers() -> Path:
    """Answers of models that were evaluated, kept so that none is written twice. It may be deleted at any time."""
    return folder("answers")


def caches() -> Path:
    """What programs of others compile and keep, such as vLLM. It may be deleted while nothing is served."""
    return folder("cache")


def recipes() -> Path:
    """The recipes a person keeps, a YAML file each."""
    return folder("recipes")


def ended_sessions() -> Path:
    """The sessions that were logged out before their time."""
    return home() / "ended_sessions"


def session_secret() -> Path:
    """Random bytes that sign the cookies of the window, so that a restart can keep them."""
    return home() / "session.secret"


def sink_secrets() -> Path:
    """What notifications need to reach their sinks: addresses, passwords, signing secrets. For the owner alone."""
    return home() / "sink_secrets.json"


def hub_token() -> Path:
    """The token of the Hugging Face hub that was kept here. For the owner alone."""
    return home() / "hub_token"


def uploads() -> Path:
    return folder("uploads")


def blobs() -> Path:
    """Columnar dataset files by the sha256 of their content, so that the same rows are stored once."""
    return folder("blobs")


def downloads() -> Path:
    return folder("downloads")


def logs() -> Path:
    return folder("logs")


def gradio_cache() -> Path:
    return folder("gradio")


def free_bytes() -> int:
    """The room on the disk that holds the home, or that will hold it."""
    path = home()
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


def contains(path: Path) -> bool:
    """Whether `path`, with every link resolved, lies under the home."""
    return path.resolve().is_relative_to(home().resolve())
