"""Which files of a model decide its tokens, and whether they have changed."""

import hashlib
import json
from pathlib import Path

ENDINGS = (".json", ".jinja", ".model", ".txt", ".tiktoken")


def fingerprint(model: Path) -> str:
    """Changes whenever a file of the model changes that can change its tokens; sixteen hex digits."""
    files = [*model.glob("*"), *model.glob("additional_chat_templates/*")]
    stats = [(path.name, path.stat()) for path in sorted(files) if path.suffix in ENDINGS and path.is_file()]
    states = [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats]
    return hashlib.sha256(json.dumps(states).encode()).hexdigest()[:16]
