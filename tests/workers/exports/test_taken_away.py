"""From a finished run to a model that other libraries load: asked for over REST, made by the real worker."""

import io
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from starlette.testclient import TestClient
from transformers import AutoModelForCausalLM, AutoTokenizer

from engine.process import work
from storage.tables import Run
from tests.engine.exports.trained_runs import add_run
from tests.rest import log_in, make_client

# PEFT asks for what transformers calls otherwise now.
pytestmark = [
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
    pytest.mark.usefixtures("untraced"),  # the way through the studio; test_merge holds what its workers do
]


@pytest.fixture
def owner() -> Iterator[TestClient]:
    with log_in(make_client()) as client:
        yield client


@pytest.fixture
def run(tiny_model: Path, tmp_path: Path) -> Run:
    """A run that left a real adapter."""
    tuned = get_peft_model(AutoModelForCausalLM.from_pretrained(tiny_model), LoraConfig(target_modules="all-linear"))
    torch.manual_seed(1)
    for parameter in tuned.parameters():
        if parameter.requires_grad:
            parameter.data += 0.05 * torch.randn_like(parameter)
    tuned.save_pretrained(tmp_path / "adapter")
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(tmp_path / "adapter")
    return add_run(tiny_model, tmp_path / "adapter")


def unpack(client: TestClient, address: str, folder: Path) -> Path:
    """The folder in the archive at that address."""
    answer = client.get(address, headers={"accept-encoding": "gzip"})
    assert answer.status_code == 200
    assert int(answer.headers["content-length"]) == len(answer.content)
    head = client.head(address)
    for name in ("content-length", "content-disposition", "content-type"):
        assert head.headers[name] == answer.headers[name]
    assert answer.headers["content-disposition"].startswith('attachment; filename="Jokes-v2-')
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as archive:
        archive.extractall(folder, filter="data")
    (unpacked,) = folder.iterdir()
    return unpacked


def test_what_is_taken_away_is_loaded_by_other_libraries(
    owner: TestClient, run: Run, tiny_model: Path, tmp_path: Path
) -> None:
    begun = owner.post("/api/exports", json={"subject": f"run:{run.id}", "kind": "merged"})
    assert begun.status_code == 201
    ready = owner.post("/api/exports", json={"subject": f"run:{run.id}", "kind": "adapter"}).json()
    assert ready["status"] == "succeeded"
    address = f"/api/exports/{begun.json()['id']}"
    deadline = time.monotonic() + 120
    while (merged := owner.get(address).json())["status"] in ("queued", "running"):
        assert time.monotonic() < deadline, merged
        for piece in work.about(run.id):
            work.wait(piece.id, 5)
    assert (merged["status"], merged["error"]) == ("succeeded", None)
    assert (merged["parity"]["status"], merged["parity"]["good"], merged["parity"]["identical"]) == (
        "succeeded",
        True,
        True,
    )
    assert merged["parity"]["difference"] < 1e-4
    assert merged["parity"]["rows"] == 8
    assert compared(
        unpack(owner, f"/api/exports/{ready['id']}/download", tmp_path / "one"),
        unpack(owner, f"/api/runs/{run.id}/download", tmp_path / "two"),
        unpack(owner, f"{address}/download", tmp_path / "three"),
        tiny_model,
    ) == (True, True)
    assert owner.get(f"/api/exports?run_id={run.id}").headers["x-total-count"] == "2"
    assert owner.delete(address).status_code == 204
    assert owner.get(address).status_code == 404


def compared(adapter: Path, same: Path, merged: Path, base: Path) -> tuple[bool, bool]:
    """Whether both ways to the adapter gave the same files, and whether the merged model answers as it does."""
    ids = AutoTokenizer.from_pretrained(merged)("What is 17 plus 6?", return_tensors="pt")["input_ids"]
    tuned = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), adapter)
    with torch.no_grad():
        wanted = tuned(input_ids=ids).logits
        found = AutoModelForCausalLM.from_pretrained(merged)(input_ids=ids).logits
    files: list[dict[str, Any]] = [{path.name: path.read_bytes() for path in way.iterdir()} for way in (adapter, same)]
    return files[0] == files[1], bool(torch.allclose(wanted, found, atol=1e-4))
