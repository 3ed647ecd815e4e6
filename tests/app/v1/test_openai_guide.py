"""docs/openai.md has every call and parameter of fine-tuning that OpenAI's client knows, and the defaults in use."""

import inspect
import re
from typing import Any, get_type_hints

import pytest
from openai import OpenAI
from openai.types.fine_tuning import FineTuningJob, job_create_params
from openai.types.fine_tuning.dpo_hyperparameters_param import DpoHyperparametersParam
from openai.types.fine_tuning.supervised_hyperparameters_param import SupervisedHyperparametersParam

from engine.finetuning import asked, recipes
from engine.recipes import provenance
from engine.recipes.methods import METHODS
from tests.conftest import ROOT

TEXT = (ROOT / "docs/openai.md").read_text(encoding="utf-8")
CLIENT = OpenAI(base_url="http://127.0.0.1:1/v1", api_key="none")
NOT_CALLS = {"with_raw_response", "with_streaming_response"}


def first_cells(title: str) -> set[str]:
    """The code in the first column of the table under a title."""
    section = re.split(rf"^#+ {re.escape(title)}\n", TEXT, flags=re.MULTILINE)[1].split("\n#")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return {name for cell in rows for name in re.findall(r"`([^`]+)`", cell)}


def line_of(name: str) -> str:
    return next(line for line in TEXT.splitlines() if line.startswith(f"| `{name}`"))


def calls(resource: Any, prefix: str) -> set[str]:
    """Methods that send a request, of a part of the client."""
    return {
        f"{prefix}.{name}"
        for name, _ in inspect.getmembers(type(resource), inspect.isfunction)
        if not name.startswith("_") and name not in NOT_CALLS
    }


def test_every_call_of_the_client_has_its_line() -> None:
    tuning = CLIENT.fine_tuning
    known = calls(CLIENT.files, "files") | calls(tuning.jobs, "fine_tuning.jobs")
    known |= calls(tuning.jobs.checkpoints, "fine_tuning.jobs.checkpoints")
    known |= {"fine_tuning.checkpoints.permissions", "fine_tuning.alpha.graders"}
    assert hasattr(tuning.checkpoints, "permissions")
    assert hasattr(tuning.alpha, "graders")
    assert first_cells("Calls") == known


def test_every_parameter_and_hyperparameter_has_its_line_and_is_known_here() -> None:
    parameters = set(get_type_hints(job_create_params.JobCreateParams))
    assert first_cells("Parameters of a job") == parameters == set(asked.Asked.model_fields)
    of_dpo, of_chats = set(get_type_hints(DpoHyperparametersParam)), set(get_type_hints(SupervisedHyperparametersParam))
    assert first_cells("Hyperparameters") == of_dpo == set(asked.DpoHyperparameters.model_fields)
    assert of_chats == set(asked.Hyperparameters.model_fields)
    assert set(recipes.HYPERPARAMETERS) == of_dpo


def test_every_field_of_a_job_has_its_line() -> None:
    assert first_cells("Fields of a job") == set(FineTuningJob.model_fields)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_epochs", provenance.default("num_train_epochs")),
        ("batch_size", provenance.default("per_device_train_batch_size")),
        ("beta", METHODS["dpo"].beta),
    ],
)
def test_the_defaults_that_are_told_are_those_in_use(name: str, value: float) -> None:
    assert f"`auto` is {value:g}." in line_of(name)


def test_the_learning_rates_that_are_told_are_those_in_use() -> None:
    told = line_of("learning_rate_multiplier")
    for method, word in (("sft", "supervised"), ("dpo", "dpo")):
        assert re.search(rf"{METHODS[method].rate('lora'):.0e}".replace("e-0", "e-") + f" for {word}", told)
    assert f"{provenance.default('seed')} when it is left out" in line_of("seed")
