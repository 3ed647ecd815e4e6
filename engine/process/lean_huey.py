"""Huey without the clients of Redis and Postgres, which it imports wherever they are installed.

They take a fifth of what importing the studio takes, and only a queue in Redis needs one of them: `redis_storage`
brings it in when it is asked for.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

CLIENTS = ("redis", "psycopg")


@contextmanager
def _absent(names: tuple[str, ...]) -> Iterator[None]:
    """Makes packages look as if they were not installed, but for those that are imported already."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: Python's "not there"
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


with _absent(CLIENTS):
    from huey import Huey
    from huey.consumer import Consumer
    from huey.registry import Message
    from huey.serializer import Serializer
    from huey.storage import BaseStorage, RedisStorage, SqliteStorage

__all__ = ["BaseStorage", "Consumer", "Huey", "Message", "Serializer", "SqliteStorage", "redis_storage"]


def redis_storage(name: str, url: str) -> BaseStorage:
    """Huey's storage in a Redis. Raises ImportError where its client is not installed."""
    redis, storage = import_module("redis"), import_module("huey.storage")
    names: dict[str, Any] = {"Redis": redis.Redis, "ConnectionPool": redis.ConnectionPool}
    names |= {"ConnectionError": redis.ConnectionError, "TimeoutError": redis.TimeoutError}
    vars(storage).update(names)  # what its own import would have put there
    RedisStorage.redis_client = redis.Redis
    return RedisStorage(name, url=url)
