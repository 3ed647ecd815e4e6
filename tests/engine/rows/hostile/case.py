"""One hostile file: its name says what it is, its content is made when it is wanted, and its import ends in one way."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Content = bytes | Callable[[], bytes] | Callable[[Path], None]

GOOD = b'{"text": "good"}\n'
PAIR = b'{"prompt": "a", "completion": "b"}\n'


@dataclass(frozen=True)
class Case:
    """`end`: the status, then for `ready` the rows that are trained on and the rules of the rejected ones, otherwise
    words of the error."""

    name: str
    end: str
    content: bytes | Callable[[Path], None]

    def write(self, folder: Path) -> Path:
        path = folder / self.name
        if isinstance(self.content, bytes):
            path.write_bytes(self.content)
        else:
            self.content(path)
        return path


def lines(*rows: Any) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def chat(*roles: str, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": f"x{number}"} | more for number, role in enumerate(roles)]}
