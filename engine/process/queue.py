"""The queue that rings the bell: a Huey task makes one compare-and-set, starts a process, and returns within a second.

The starts of runs, fetches, backends and work that waited are tasks, beside the code they start; they save whoever
clicked the wait for the next round. Nothing depends on a message arriving: the round finds what should move.

The storage is opened at the first use, under the home of that moment (or in Redis, by the setting `redis_url`).
Messages are signed JSON, never pickle, so that whoever can write the file or the Redis still cannot run code.
"""

import hashlib
import hmac
import json
import os
import secrets
import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from engine.process import logs, news
from engine.process.lean_huey import BaseStorage, Consumer, Huey, Message, Serializer, SqliteStorage, redis_storage
from storage import home, settings

NAME = "tunesmith"
WORKERS = 2
SHORTEST_SECONDS, LONGEST_SECONDS = 0.05, 0.25  # between two looks at an empty queue
_SIGNATURE_BYTES = 32


class SignedJson(Serializer):  # type: ignore[misc]
    """Task messages as JSON behind a keyed hash. What is not signed by this home does not run."""

    def _serialize(self, data: Message) -> bytes:
        body = json.dumps(list(data)).encode()
        return _signature(body) + body

    def _deserialize(self, data: bytes) -> Message:
        signature, body = bytes(data[:_SIGNATURE_BYTES]), bytes(data[_SIGNATURE_BYTES:])
        if not hmac.compare_digest(signature, _signature(body)):
            raise ValueError("A message in the queue is not signed by this studio.")
        return Message(*json.loads(body))


def _signature(body: bytes) -> bytes:
    return hmac.digest(_secret(home.queue_secret()), body, hashlib.sha256)


@lru_cache(maxsize=8)
def _secret(path: Path) -> bytes:
    """The key of this home, made at the first use. Two processes that come at once end up with the same one."""
    draft = home.ensure_folder(path.parent) / f"{path.name}.{os.getpid()}-{threading.get_native_id()}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(secrets.token_bytes(32))
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # made before, by us or by the other
    finally:
        draft.unlink()
    return path.read_bytes()


class CurrentStorage(BaseStorage):  # type: ignore[misc]
    """Passes every call on to the storage of the home, or the Redis, that the environment names now."""

    def __init__(self, name: str = NAME, **_options: Any) -> None:
        self.name = name

    def __getattribute__(self, attribute: str) -> Any:
        return getattr(_opened(*_address()), attribute)


def _address() -> tuple[str, str]:
    redis = settings.place("redis_url")
    return ("redis", redis) if redis else ("sqlite", str(home.queue_file()))


@lru_cache(maxsize=8)
def _opened(kind: str, address: str) -> BaseStorage:
    if kind == "redis":
        return redis_storage(NAME, address)
    home.ensure_folder(Path(address).parent)
    Path(address).touch(mode=0o600)
    return SqliteStorage(NAME, filename=address, timeout=5)


huey = Huey(NAME, results=False, serializer=SignedJson(), storage_class=CurrentStorage)


def ring(task: Callable[..., object], *ids: str) -> None:
    """Asks for a task soon. If the message gets lost, a tick does the same within a second."""
    with logs.kept_going("queue"):
        task(*ids)
    news.came()


def forget() -> None:
    """Closes the queue's files, so that they may be moved or replaced."""
    if _opened.cache_info().currsize:
        huey.storage.close()
    _opened.cache_clear()
    _secret.cache_clear()


class Ringer(Consumer):  # type: ignore[misc]
    """Huey's consumer as threads of this process: no signal handlers (the server has its own), no schedule."""

    def __init__(self) -> None:
        times = {"initial_delay": SHORTEST_SECONDS, "max_delay": LONGEST_SECONDS}
        super().__init__(huey, workers=WORKERS, periodic=False, worker_type="thread", shutdown_timeout=5, **times)

    def start(self) -> None:
        for _worker, thread in self.worker_threads:
            thread.start()

    def stop(self) -> None:
        """Lets tasks that run now end (they take less than a second), and starts no more."""
        self.stop_flag.set()
        for _worker, thread in self.worker_threads:
            thread.join(self.shutdown_timeout)
