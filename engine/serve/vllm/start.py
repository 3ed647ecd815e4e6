"""From an endpoint's options to what vLLM is started with here and now, or why it cannot be."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from engine.errors import RefusedError
from engine.process import devices
from engine.recipes import recipe
from engine.serve.vllm import checks, command, environments, files, memory, proposals
from engine.serve.vllm.options import VllmOptions
from storage import db, models
from storage.statuses import ModelStatus
from storage.tables import Model


@dataclass(frozen=True)
class Start:
    """One start on one device: what was looked at, and every option with its value."""

    environment: environments.Environment
    facts: proposals.ModelFacts
    machine: proposals.Machine
    options: dict[str, Any]

    def needs(self) -> memory.Needs:
        """The memory that it will take on a CPU."""
        weights = self.facts.weights_bytes(self.options["dtype"])
        return memory.needs(weights, self.options.get("kv_cache_gib", 0), self.machine.free_bytes)


def look(model: Model, artifacts: Sequence[Path], options: dict[str, Any], device: str) -> Start:
    """What a start on `device` (cpu, gpu:N) would be now. `artifacts` are the folders that runs have left.

    Raises RefusedError without a vLLM that can serve here, and for options and adapters that are wrong in themselves.
    """
    environment = environments.look(command.python())
    environments.refuse_unfit(environment, devices.on_this_machine())
    machine, facts = proposals.this_machine(environment, device), _facts(model, artifacts)
    return Start(environment, facts, machine, proposals.settled(facts, machine, parsed(options)))


def settled(model: Model, artifacts: Sequence[Path], options: dict[str, Any], device: str) -> dict[str, Any]:
    """Every option with its value, for a start now. Raises RefusedError for what cannot start, memory included."""
    start = look(model, artifacts, options, device)
    _refuse(start, memory_too=True)
    return _with_draft_model(start.options)


def refuse(model: Model, artifacts: Sequence[Path], options: dict[str, Any], memory_too: bool = True) -> None:
    """Raises RefusedError for what could not start on this machine, as it is now or (without memory) at all."""
    start = look(model, artifacts, options, devices.on_this_machine()[0])
    _refuse(start, memory_too)
    _with_draft_model(start.options)


def proposed(model: Model, artifacts: Sequence[Path] = (), options: dict[str, Any] | None = None) -> dict[str, Any]:
    """What a start would take for each option that depends on model and machine: for a form."""
    start = look(model, artifacts, options or {}, devices.on_this_machine()[0])
    return proposals.proposed(start.facts, start.machine, parsed(options or {}))


def _refuse(start: Start, memory_too: bool) -> None:
    checks.refuse_options(start.options, start.facts, start.machine, start.environment)
    if memory_too:
        checks.refuse_memory(start.options, start.facts, start.machine, start.needs())


def devices_wanted(options: dict[str, Any]) -> int:
    """How many GPUs a backend with these options holds."""
    values = parsed(options)
    return int(values["tensor_parallel_size"] * values["pipeline_parallel_size"])


def parsed(options: dict[str, Any]) -> dict[str, Any]:
    """The options with their defaults. Raises RefusedError, a line for each wrong one."""
    try:
        return VllmOptions.model_validate(options).model_dump()
    except ValidationError as error:
        hint = "\n".join(recipe.problems(error, "option", VllmOptions.model_fields))
        raise RefusedError("The options of this vllm endpoint are wrong.", hint) from error


def _facts(model: Model, artifacts: Sequence[Path]) -> proposals.ModelFacts:
    """Of what vLLM will load: the base with adapters, or a whole model of a run in its place."""
    adapters = [folder for folder in artifacts if files.is_adapter(folder)]
    whole = [folder for folder in artifacts if folder not in adapters]
    if whole and len(artifacts) > 1:
        raise RefusedError("vLLM serves a fully tuned model alone.", "Make an endpoint for each, or use transformers.")
    files.refuse_unservable(adapters)
    folder = whole[0] if whole else Path(str(model.path))
    return proposals.look(model.name, folder, adapters, is_tuned=bool(whole))


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
