"""From an endpoint's options to what vLLM is started with here and now, or why it cannot be."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from engine.errors import RefusedError
from engine.process import devices
from engine.recipes import recipe
from engine.serve import vllm, vllm_checks, vllm_environment, vllm_files, vllm_proposals
from engine.serve.vllm_options import VllmOptions
from storage import db, models
from storage.statuses import ModelStatus
from storage.tables import Model


def settled(model: Model, artifacts: Sequence[Path], options: dict[str, Any], device: str) -> dict[str, Any]:
    """Every option with its value, for a start on `device` (cpu, gpu:N) now.

    `artifacts` are the folders that runs have left. Raises RefusedError for what cannot start, memory included.
    """
    environment = vllm_environment.look(vllm.python())
    vllm_environment.refuse_unfit(environment, devices.found())
    machine = vllm_proposals.this_machine(environment, device)
    facts = _facts(model, artifacts)
    values = vllm_proposals.settled(facts, machine, parsed(options))
    vllm_checks.refuse(values, facts, machine, environment)
    return _with_draft_model(values)


def proposed(model: Model, artifacts: Sequence[Path] = (), options: dict[str, Any] | None = None) -> dict[str, Any]:
    """What a start would take for each option nobody has set: for a form. Raises RefusedError without a vLLM."""
    environment = vllm_environment.look(vllm.python())
    machine = vllm_proposals.this_machine(environment, devices.found()[0])
    return vllm_proposals.proposed(_facts(model, artifacts), machine, parsed(options or {}))


def refuse(model: Model, artifacts: Sequence[Path], options: dict[str, Any]) -> None:
    """Raises RefusedError for what could not start on this machine as it is now."""
    settled(model, artifacts, options, devices.found()[0])


def devices_wanted(options: dict[str, Any]) -> int:
    """How many GPUs a backend with these options holds."""
    values = parsed(options)
    return int(values["tensor_parallel_size"] * values["pipeline_parallel_size"])


def parsed(options: dict[str, Any]) -> dict[str, Any]:
    """The options with their defaults. Raises RefusedError, a line for each wrong one."""
    try:
        return VllmOptions.model_validate(options).model_dump()
    except ValidationError as error:
        hint = "\n".join(recipe.problems(error, "option"))
        raise RefusedError("The options of this vllm endpoint are wrong.", hint) from error


def _facts(model: Model, artifacts: Sequence[Path]) -> vllm_proposals.ModelFacts:
    """Of what vLLM will load: the base with adapters, or a whole model of a run in its place."""
    adapters = [folder for folder in artifacts if vllm_files.is_adapter(folder)]
    whole = [folder for folder in artifacts if folder not in adapters]
    if whole and len(artifacts) > 1:
        raise RefusedError("vLLM serves a fully tuned model alone.", "Make an endpoint for each, or use transformers.")
    vllm_files.refuse_unservable(adapters)
    folder = whole[0] if whole else Path(str(model.path))
    return vllm_proposals.look(model.name, folder, adapters, is_tuned=bool(whole))


def _with_draft_model(values: dict[str, Any]) -> dict[str, Any]:
    """A draft model is named by its id; vLLM is given its folder."""
    speculative = values.get("speculative_config")
    if not speculative:
        return values
    config = {name: value for name, value in speculative.items() if value is not None and name != "model_id"}
    if model_id := speculative["model_id"]:
        with db.reading() as session:
            draft = models.get(session, model_id)
        if draft is None or draft.status != ModelStatus.READY or draft.path is None:
            raise RefusedError(f"`speculative_config`: there is no ready model `{model_id}`.", "Add it first.")
        config["model"] = draft.path
    return values | {"speculative_config": config}
