"""Does a merge in float32 answer as base and adapter do? `python -m tests.bench.merge_parity --model M --adapter A`.

M is the folder of a base model, A of an adapter that was trained on it. Runs the studio's own export, whose prompts are
eight fixed ones, and prints what its badge is made of. Exits with an error where one token of an answer differs.
"""

import argparse
import json
import tempfile
from pathlib import Path

from engine.workers.exports import merge


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--adapter", type=Path, required=True)
    chosen = parser.parse_args()
    spec = {"base_path": str(chosen.model), "adapter_path": str(chosen.adapter), "dtype": "float32", "scores": False}
    with tempfile.TemporaryDirectory() as folder:
        result = merge.work(spec | {"card": "", "run_folder": None}, Path(folder))
    print(json.dumps(result, indent=2))
    if not result["parity"]["identical"]:
        raise SystemExit("the merged model answers otherwise")


if __name__ == "__main__":
    main()
