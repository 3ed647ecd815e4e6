"""`vllm bench serve` against a studio's gateway, and the studio's own benchmark of the same load, in turn.

    python -m tests.vllm.bench_serve PYTHON URL ENDPOINT TOKENIZER [--at-once 4] [--prompts 32] [--rounds 3]

PYTHON has vLLM, URL is a running studio whose token is in TUNESMITH_TOKEN, TOKENIZER a model's folder. Prints both.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.waiting import wait_for

METRICS = ("completed", "output_throughput", "request_throughput", "median_ttft_ms", "median_tpot_ms", "median_itl_ms",
           "median_e2el_ms", "p99_ttft_ms")  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """The load of both."""

    at_once: int = 4
    prompts: int = 32
    input_tokens: int = 64
    output_tokens: int = 16


def stub(python: Path, folder: Path) -> Path:
    """A folder with the package metadata that builds of vLLM for CPUs lack, to be named in PYTHONPATH.

    The environment itself is not written to. The version must say `cpu`, or vLLM does not know its device.
    """
    packages = python.parent.parent.glob("lib/python3*/site-packages/vllm*.dist-info")
    version = next((path.name.split("-")[1].removesuffix(".dist") for path in packages), "0.32.0")
    version = version.removesuffix(".dist-info")
    info = folder / f"vllm-{version}+cpu.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {version}+cpu\n")
    return folder


def of_vllm(python: Path, url: str, key: str, model: str, tokenizer: Path, asked: Asked) -> dict[str, Any]:
    """What `vllm bench serve` finds through the gateway at `url`. Its file of results, as it is."""
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder) / "found.json"
        command = [
            str(python), "-m", "vllm.entrypoints.cli.main", "bench", "serve", "--backend", "openai",
            "--base-url", url, "--endpoint", "/v1/completions", "--model", model, "--tokenizer", str(tokenizer),
            "--dataset-name", "random", "--random-input-len", str(asked.input_tokens),
            "--random-output-len", str(asked.output_tokens), "--num-prompts", str(asked.prompts),
            "--max-concurrency", str(asked.at_once), "--ignore-eos", "--temperature", "0", "--disable-tqdm",
            "--percentile-metrics", "ttft,tpot,itl,e2el", "--save-result", "--result-filename", str(found),
        ]  # fmt: skip
        settings = {"PYTHONPATH": str(stub(python, Path(folder))), "OPENAI_API_KEY": key, "HF_HUB_OFFLINE": "1"}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TUNESMITH_")}
        ended = subprocess.run(command, env=kept | settings, capture_output=True, text=True, timeout=400, cwd=folder)
        assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-3000:]
        found_by_vllm: dict[str, Any] = json.loads(found.read_text())
    return found_by_vllm


def of_studio(client: httpx.Client, endpoint_id: str, asked: Asked, through: str = "gateway") -> dict[str, Any]:
    """What the studio's own benchmark finds: its one level."""
    load = {"concurrency": [asked.at_once], "prompts": asked.prompts, "input_tokens": asked.input_tokens,
            "output_tokens": asked.output_tokens, "endpoint_id": endpoint_id, "through": through}  # fmt: skip
    begun = client.post("/api/benchmarks", json=load)
    assert begun.status_code == 201, begun.text
    address = f"/api/benchmarks/{begun.json()['id']}"
    wait_for(lambda: client.get(address).json()["status"] != "running", 600, every=0.5)
    over = client.get(address).json()
    assert over["status"] == "succeeded", over["error"]
    level: dict[str, Any] = over["levels"][0]
    return level


def main() -> None:
    parser = argparse.ArgumentParser()
    for name, kind in (("python", Path), ("url", str), ("endpoint", str), ("tokenizer", Path)):
        parser.add_argument(name, type=kind)
    for name, default in (("--at-once", 4), ("--prompts", 32), ("--rounds", 3)):
        parser.add_argument(name, type=int, default=default)
    given = parser.parse_args()
    asked = Asked(given.at_once, given.prompts)
    token = os.environ["TUNESMITH_TOKEN"]
    headers = {"authorization": f"Bearer {token}"}
    with httpx.Client(base_url=given.url, headers=headers, timeout=60) as client:
        listed = client.get("/api/endpoints").json()
        endpoint = next(facts for facts in listed if facts["name"] == given.endpoint)
        theirs, ours = [], []
        for _ in range(given.rounds):  # in turn, because the machine's speed changes
            theirs.append(of_vllm(given.python, given.url, token, given.endpoint, given.tokenizer, asked))
            ours.append(of_studio(client, endpoint["id"], asked))
    print(f"{asked}, {given.rounds} rounds\n{'':20}{'vllm bench serve':>18}{'tunesmith':>14}{'ratio':>8}")
    for name in METRICS:
        one, other = (statistics.median(found[name] for found in side) for side in (theirs, ours))
        print(f"{name:20}{one:18.2f}{other:14.2f}{other / one:8.3f}")


if __name__ == "__main__":
    main()
