"""A fetch that does what its model's id says: `python -m tests.engine.models.fake_fetch SPEC OUT`.

owner/good leaves a model; owner/slow reports progress and waits to be killed; owner/dies is killed every time,
owner/dies-once only the first time; owner/refused fails with words; owner/empty says it is done and left nothing;
owner/bomb leaves weights whose header holds numbers with thousands of digits.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from engine.process import events
from engine.workers import contract
from engine.workers.models import fetch as fetch_model
from tests.engine.weights import model_folders


def fetch(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    kind = spec["source_id"].rpartition("/")[2]
    events.append(out, events.Progress(done=40, total=160, stage="downloading 160 MB"))
    part = model_folders.make(out / "part")
    match kind:
        case "slow":
            signal.pause()
        case "dies":
            sys.stderr.write("last words\n")
            os.kill(os.getpid(), signal.SIGKILL)
        case "dies-once" if not spec["automatic"]:
            os.kill(os.getpid(), signal.SIGKILL)
        case "refused":
            raise contract.WorkFailedError("network", "The hub cannot be reached.", "Check the connection.")
        case "bomb":
            shape = ",".join(["9" * 4000] * 1000)
            header = f'{{"a":{{"dtype":"F32","shape":[{shape}],"data_offsets":[0,0]}}}}'.encode()
            (part / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
        case "empty":
            return {}
    return {"path": str(fetch_model.publish(part, out / "files")), "revision": "abc123"}


if __name__ == "__main__":
    contract.run(fetch)
