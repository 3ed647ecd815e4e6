"""How a training is spread: the command, the files, the devices, the words, and what is refused."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.errors import ConflictError, RefusedError
from engine.process import devices
from engine.recipes import launch_command, steps
from engine.recipes.recipe import Recipe, parse
from engine.runs import runs, supervision
from engine.train import device_plan, sky
from engine.train.rules import batch_counts, distribution
from storage import db, transitions
from storage.statuses import DatasetStatus, ModelStatus
from storage.tables import Dataset, Lease, Model, Run
from tests.engine.process.test_devices import TWO
from tests.engine.process.test_devices import two_gpus as two_gpus

FOUR = ("gpu:0", "gpu:1", "gpu:2", "gpu:3")


def recipe(**fields: Any) -> Recipe:
    return parse({"model_id": "m", "dataset_id": "d", **fields})


def problems(checked: Recipe, rows: int = 100) -> list[tuple[str, str, str]]:
    model, dataset = (
        Model(name="m", source="path", source_id="m", parameters=1000),
        Dataset(name="d", project_id="p", accepted=rows),
    )
    refused = [problem for rule in distribution.RULES for problem in rule(checked, model, dataset)]
    return [(problem.field, problem.level, problem.message) for problem in refused]


def test_without_a_strategy_the_command_is_what_it_was() -> None:
    plan = launch_command.plan_training(recipe(), {"a": 1}, Path("RUN"), "gpu:1")
    assert plan.argv == [sys.executable, "-m", "engine.workers.train.sft", "RUN/spec.json", "RUN"]
    assert plan.env == {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "1"}
    assert json.loads(plan.files[Path("RUN/spec.json")]) == {"a": 1}


def test_processes_are_started_by_one_command_with_their_devices_and_cores() -> None:
    ddp = recipe(strategy="ddp", num_processes=2, method="dpo")
    plan = launch_command.plan_training(ddp, {}, Path("RUN"), "gpu:0,gpu:2", 4711)
    assert " ".join(plan.argv[1:]) == (
        "-m engine.workers.train.launch --nproc-per-node 2 --nnodes 1 --node-rank 0 --master-addr 127.0.0.1 "
        "--master-port 4711 -m engine.workers.train.preference RUN/spec.json RUN"
    )
    assert plan.env["CUDA_VISIBLE_DEVICES"] == "0,2"
    assert plan.env["OMP_NUM_THREADS"] == str(max(1, (os.cpu_count() or 1) // 2))
    assert json.loads(plan.files[Path("RUN/spec.json")]) == {"world_size": 2, "strategy_file": None}
    assert "--master-port PORT" in runs.preview(ddp)


def test_machines_meet_at_machine_0() -> None:
    fields = {"num_machines": 3, "machine_rank": 2, "main_process_ip": "10.0.0.7", "main_process_port": 3000}
    fsdp = recipe(strategy="fsdp", num_processes=4, offload="cpu", **fields)
    plan = launch_command.plan_training(fsdp, {}, Path("RUN"), ",".join(FOUR), 4711)
    arguments = "--nproc-per-node 4 --nnodes 3 --node-rank 2 --master-addr 10.0.0.7 --master-port 3000"
    assert arguments in " ".join(plan.argv)
    assert "GLOO_SOCKET_IFNAME" not in plan.env
    spec = json.loads(plan.files[Path("RUN/spec.json")])
    assert spec == {"world_size": 12, "strategy_file": "RUN/fsdp.json"}
    settings = json.loads(plan.files[Path("RUN/fsdp.json")])
    assert (settings["version"], settings["cpu_offload"], settings["reshard_after_forward"]) == (2, True, True)


@pytest.mark.parametrize("stage", [1, 2, 3])
def test_deepspeed_gets_its_stage_and_what_is_offloaded(stage: int) -> None:
    deepspeed = recipe(strategy=f"deepspeed_zero{stage}", offload="cpu")
    plan = launch_command.plan_training(deepspeed, {}, Path("RUN"), "gpu:0")
    zero = json.loads(plan.files[Path("RUN/deepspeed.json")])["zero_optimization"]
    assert zero["stage"] == stage
    assert zero["offload_optimizer"] == {"device": "cpu"}
    assert ("offload_param" in zero) == ("stage3_gather_16bit_weights_on_model_save" in zero) == (stage == 3)


def test_the_device_plan_says_what_each_process_holds() -> None:
    assert device_plan.lines(recipe()) == []
    assert device_plan.lines(recipe(strategy="fsdp", gradient_accumulation_steps=2), FOUR) == [
        *(f"Process {number} on gpu:{number}: 1/4 of the weights, gradients and optimiser." for number in range(4)),
        "A step learns from 4 x 2 x 4 = 32 rows (batch x accumulation x processes).",
    ]
    fields = {"num_machines": 2, "machine_rank": 1, "main_process_ip": "a", "num_processes": 9, "offload": "cpu"}
    many = device_plan.lines(recipe(strategy="deepspeed_zero2", **fields), FOUR)
    assert many[0] == (
        "Process 9 on gpu:0: a whole copy of the weights, 1/18 of the gradients and optimiser; the optimiser waits in "
        "the machine's memory."
    )
    assert "a device that is not there" in many[4]
    assert many[8:10] == ["And 1 more like these.", "This is machine 1 of 2; they meet at a:29500."]
    assert "Process 1 on the CPU: a whole copy" in device_plan.lines(recipe(strategy="ddp", num_processes=2))[1]


def test_an_epoch_has_fewer_steps_with_more_processes() -> None:
    assert steps.total_steps(recipe(strategy="ddp", num_processes=2), 100) == 13
    assert steps.total_steps(recipe(), 100) == 25
    assert steps.prompts_a_step(recipe(strategy="ddp", num_processes=2, method="grpo", num_generations=4)) == 2


def test_the_answers_of_all_processes_make_the_groups() -> None:
    few = {"method": "grpo", "per_device_train_batch_size": 3, "num_generations": 6}
    assert recipe(**few, strategy="ddp", num_processes=2).num_generations == 6
    with pytest.raises(RefusedError, match="is not valid") as refused:
        recipe(**few)
    assert "a step has 3 answers" in refused.value.hint


def test_how_many_devices_there_are_decides_the_groups_where_the_recipe_takes_them_all(two_gpus: None) -> None:
    fields = {"method": "rloo", "per_device_train_batch_size": 3, "strategy": "ddp"}
    model, dataset = Model(name="m", source="path", source_id="m"), Dataset(name="d", project_id="p", accepted=100)
    [problem] = batch_counts._rows(recipe(**fields, num_generations=4), model, dataset)
    assert (problem.field, problem.level) == ("num_generations", "error")
    assert (
        problem.message
        == "A step has 6 answers on this machine's devices, which is not a multiple of num_generations 4."
    )
    assert not list(batch_counts._rows(recipe(**fields, num_generations=6), model, dataset))
    assert steps.total_steps(recipe(**fields, num_generations=12), 100) == 100  # refused, and no division by nothing


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"num_processes": 2}, "needs a strategy"),
        ({"offload": "cpu"}, "offload needs the strategy"),
        ({"strategy": "ddp", "offload": "cpu"}, "ddp keeps everything on its device"),
        ({"strategy": "ddp", "num_machines": 2}, "main_process_ip"),
        ({"strategy": "ddp", "machine_rank": 1}, "it is at most 0: machine_rank"),
        ({"strategy": "fsdp", "tuning": "qlora"}, "qlora does not support: use ddp or deepspeed_zero2"),
        ({"strategy": "deepspeed_zero3", "method": "grpo"}, "writes answers while it trains"),
        ({"strategy": "fsdp", "method": "orpo"}, "is not ready for that"),
        ({"strategy": "fsdp", "method": "dpo", "tuning": "full"}, "keeps two: use lora"),
        ({"strategy": "fsdp", "precompute_ref_log_probs": True, "method": "dpo"}, "precompute_ref_log_probs"),
        ({"strategy": "deepspeed_zero1", "optim": "adafactor"}, "which adafactor does not support"),
    ],
)
def test_what_does_not_go_together_is_refused_with_a_remedy(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(RefusedError) as caught:
        recipe(**fields)
    assert words in caught.value.hint


def test_a_cpu_trains_in_as_many_processes_as_it_has_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert problems(recipe(strategy="ddp", num_processes=2)) == []
    assert (
        problems(recipe(strategy="ddp", num_processes=3))[0][2] == "num_processes is 3, and this machine has 2 cores."
    )
    assert "there is only one" in problems(recipe(strategy="ddp"))[0][2]
    assert problems(recipe(strategy="fsdp"))[0][:2] == ("strategy", "error")
    assert problems(recipe(strategy="deepspeed_zero2"))[0][:2] == ("strategy", "warning")
    assert "rows to share out" in problems(recipe(strategy="ddp", num_processes=2), rows=1)[0][2]


@pytest.mark.usefixtures("two_gpus")
def test_more_processes_than_gpus_are_refused() -> None:
    assert problems(recipe(strategy="ddp", num_processes=2)) == []
    assert "TRL reads the head's weights" in problems(recipe(strategy="fsdp", num_processes=2, offload="cpu"))[0][2]
    assert "has 2 GPUs" in problems(recipe(strategy="fsdp", num_processes=3))[0][2]


def take(holder: str, count: int) -> str | None:
    with db.session() as session:
        return devices.take(session, TWO, devices.DeviceRequest("run", holder, exclusive=True, count=count))


def test_several_devices_are_taken_all_or_none() -> None:
    assert take("one", 1) == "gpu:0"
    assert take("two", 2) is None
    assert [lease.holder_id for lease in devices.holders()] == ["one"]  # it holds nothing while it waits
    with db.session() as session:
        devices.give_back(session, "one")
    assert take("two", 2) == take("two", 2) == "gpu:0,gpu:1"
    assert take("three", 1) is None
    assert devices.environment("gpu:0,gpu:1")["CUDA_VISIBLE_DEVICES"] == "0,1"
    assert (devices.worker_device("gpu:0,gpu:1"), devices.parts("gpu:0,gpu:1")) == ("cuda:0", ["gpu:0", "gpu:1"])
    with db.session() as session:
        assert devices.take(session, TWO, devices.DeviceRequest("backend", "served", exclusive=False)) == "gpu:0"
    with pytest.raises(ConflictError, match="3 devices are wanted"):
        take("four", 3)


def queued(id: str, **fields: Any) -> None:
    with db.session() as session:
        if session.get(Model, "m") is None:
            ready = DatasetStatus.READY
            session.add(Model(id="m", name="m", source="path", source_id="m", status=ModelStatus.READY))
            session.add(Dataset(id="d", name="d", source="upload", project_id="default", status=ready))
            session.flush()
        values = recipe(**fields).model_dump()
        session.add(Run(id=id, name=id, model_id="m", dataset_id="d", project_id="default", recipe=values))


def log(run_id: str) -> list[tuple[str, str]]:
    with db.reading() as session:
        return [(move.after, move.reason) for move in transitions.log(session, run_id)]


@pytest.mark.usefixtures("two_gpus")
def test_a_run_keeps_its_place_in_the_queue_until_all_its_devices_are_free() -> None:
    queued("r1", strategy="ddp")
    queued("r2")
    with db.session() as session:
        session.add(Lease(holder_id="other", holder_kind="run", device="gpu:1", exclusive=True))
    supervision.tick()
    assert (log("r1"), log("r2")) == ([], [])  # it is not the second one's turn, though a device is free
    with db.session() as session:
        devices.give_back(session, "other")
    supervision.tick()
    assert log("r1")[0] == ("starting", "gpu:0,gpu:1 is free")


@pytest.mark.usefixtures("two_gpus")
def test_a_run_that_wants_more_devices_than_there_are_fails_and_blocks_nobody() -> None:
    queued("r1", strategy="ddp", num_processes=3)
    queued("r2")
    supervision.tick()
    assert log("r1") == [("failed", "3 devices are wanted, and this machine has 2.")]
    assert log("r2")[0] == ("starting", "gpu:0 is free")


# --- SkyPilot


@pytest.fixture
def subjects(tmp_path: Path) -> tuple[Model, Dataset]:
    folder = tmp_path / "model"
    folder.mkdir()
    return Model(name="m", source="path", source_id="m", path=str(folder)), Dataset(
        name="d", project_id="p", kind="chat", accepted=10, sha256="0" * 64
    )


# The fields of a task after SkyPilot's documentation (docs.skypilot.co, "SkyPilot YAML").
TASK_FIELDS = {"name", "workdir", "num_nodes", "resources", "envs", "secrets", "file_mounts", "setup", "run"}


def test_a_sky_task_runs_the_worker_on_every_machine_with_the_studios_spec(
    subjects: tuple[Model, Dataset], tmp_path: Path
) -> None:
    fields = {"num_machines": 2, "main_process_ip": "x", "num_processes": 8}
    zero2 = recipe(strategy="deepspeed_zero2", target_modules="q_proj", **fields)
    task = yaml.safe_load(sky.task_yaml(zero2, *subjects, "H100:8"))
    assert set(task) <= TASK_FIELDS
    assert (task["num_nodes"], task["resources"]) == (2, {"accelerators": "H100:8"})
    assert task["file_mounts"]["~/tunesmith/model"] == subjects[0].path
    assert all(Path(source).name for source in task["file_mounts"].values())
    assert "deepspeed==" in task["setup"]
    assert "+cpu" not in task["setup"]
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "python"
    program.write_text('#!/bin/sh\necho "$PWD" "$PYTHONPATH" "$@"\n')
    program.chmod(0o755)
    (tmp_path / "tunesmith").mkdir()
    sky_variables = {"SKYPILOT_NODE_IPS": "10.0.0.1\n10.0.0.2", "SKYPILOT_NODE_RANK": "1", "SKYPILOT_NUM_NODES": "2"}
    env = sky_variables | {"SKYPILOT_NUM_GPUS_PER_NODE": "8", "HOME": str(tmp_path)}
    env |= {"PATH": f"{program.parent}:{os.environ['PATH']}"}
    ran = subprocess.run(["bash", "-c", task["run"]], env=env, capture_output=True, text=True, check=True)
    home = tmp_path / "tunesmith"
    assert ran.stdout.split() == [
        *(str(home), f"{home}/code", "-m", "engine.workers.train.launch", "--nproc-per-node", "8", "--nnodes", "2"),
        *("--node-rank", "1", "--master-addr", "10.0.0.1", "--master-port", "29500"),
        *("-m", "engine.workers.train.sft", "run/spec.json", "run"),
    ]
    spec = json.loads((home / "run" / "spec.json").read_text())
    assert (spec["model_path"], spec["dataset_path"], spec["device"]) == ("model", "rows.parquet", "cuda:0")
    assert (spec["world_size"], spec["strategy_file"]) == (16, "run/deepspeed.json")
    assert Recipe.model_validate(spec["recipe"]) == zero2
    assert json.loads((home / "run" / "deepspeed.json").read_text())["zero_optimization"]["stage"] == 2


def test_a_sky_task_of_one_process_needs_no_launcher_and_no_word_of_a_recipe_reaches_the_shell(
    subjects: tuple[Model, Dataset],
) -> None:
    sly = recipe(method="sft", main_process_ip="1.2.3.4")
    text = sky.task_yaml(sly, *subjects)
    run = yaml.safe_load(text)["run"]
    assert run.endswith("\npython -m engine.workers.train.sft run/spec.json run\n")
    grpo = recipe(method="grpo", reward_funcs="regex", reward_pattern="a\nTUNESMITH_FILE\n$(touch x)")
    lines = yaml.safe_load(sky.task_yaml(grpo, *subjects))["run"].splitlines()
    assert lines.count("TUNESMITH_FILE") == 1
    for wrong in ("H100", "H100:0", "$(x):1", "H100:8; rm"):
        with pytest.raises(RefusedError, match="is not a kind and number of GPUs"):
            sky.task_yaml(sly, *subjects, wrong)
    with pytest.raises(RefusedError, match="several GPUs"):
        sky.task_yaml(sly, *subjects, "H100:2")
