"""What a script cannot repeat: refused where it would be another training, said at its head where it may differ."""

from engine.errors import RefusedError
from engine.recipes.choices.tunings import MOVED_STARTS, TUNINGS
from engine.runs.script.told import Told

HIGH_RATE = 5e-4  # from here on a loss of the starter model was 1.1 % away after five steps (at 1e-3)


def refuse(told: Told) -> None:
    """Raises RefusedError for a run of which plain libraries would train something else."""
    recipe = told.recipe
    reason = None
    if recipe.optim == "muon":
        reason = "Its optimiser muon is put together by the studio (torch's Muon for matrices, AdamW for the rest)."
    elif recipe.init_lora_weights in MOVED_STARTS:
        reason = f"Its start of LoRA, {recipe.init_lora_weights}, is computed beside the base weights by the studio."
    elif told.spec.get("adapter_path") and not TUNINGS[recipe.tuning].layers:
        reason = f"It trains the {recipe.tuning} of an earlier run further, which PEFT does not open for training."
    if reason:
        hint = "`tunesmith train` with the same recipe repeats it; the guide's page Scripts says what is covered."
        raise RefusedError(f"No script repeats the run `{told.name}`. {reason}", hint)


def remarks(told: Told) -> list[str]:
    """What a person who runs the script should know, a sentence each."""
    return [*_sameness(told), *_course(told), *_machine(told), *_rows(told)]


def _sameness(told: Told) -> list[str]:
    exact = _is_exact(told)
    lines = ["It trains on the same rows in the same order with the same seed as the run."]
    if exact:
        lines.append("On the same machine its losses are the run's to the last digit: the studio computed as TRL does.")
    else:
        lines.append(
            "On the same machine each step's loss is within 1 % of the run's: the studio computes the same faster, "
            "and rounds elsewhere."
        )
        if told.is_bf16 and told.recipe.learning_rate >= HIGH_RATE:
            lines.append(
                "In bfloat16 either side is up to 1 % from what float32 gives, most where a step learns few tokens; at "
                "a learning rate as high as this it adds up, and later steps may be further."
            )
    lines.append("On another machine, or with other versions, numbers differ by more, as sums are rounded otherwise.")
    return lines


def _is_exact(told: Told) -> bool:
    """Whether none of the studio's own ways to compute was in force (fast loss, lean LoRA, short attention)."""
    recipe, facts = told.recipe, told.facts
    lean = recipe.tuning in ("lora", "qlora") and not recipe.use_dora and not recipe.lora_dropout
    return not (facts.fast_loss or facts.torch_compile or lean or (told.on_cpu and told.is_bf16))


def _course(told: Told) -> list[str]:
    facts, recipe = told.facts, told.recipe
    lines = []
    if told.stop_after:
        lines.append(
            f"The run ended at step {told.stop_after:,}, before its last one, and so does the script; set STOP_AFTER "
            "to 0 to go to the end."
        )
    if recipe.load_best_model_at_end:
        lines.append("The run's result is the checkpoint with the best evaluation; the script saves its last step.")
    if facts.adjustments:
        changed = ", ".join(f"{name} {value}" for name, value in facts.adjustments.items())
        lines.append(f"Memory ran out in the run, which went on with {changed}; the script has that from the start.")
    if facts.resumed_from_step:
        lines.append("The run was interrupted and resumed; the script goes through in one piece.")
    return lines


def _machine(told: Told) -> list[str]:
    recipe, lines = told.recipe, []
    if told.facts.torch_compile:
        lines.append("The run compiled its decoder (torch.compile); the script does not, and rounds otherwise.")
    if TUNINGS[recipe.tuning].quantises:
        lines.append("Quantised weights are made by bitsandbytes where they stay: on a GPU they differ from a CPU's.")
    if recipe.strategy != "none":
        processes = told.facts.processes or 1
        lines.append(f"The run had {processes} processes ({recipe.strategy}): start it with torchrun, see the command.")
    return lines


def _rows(told: Told) -> list[str]:
    if told.tokens is None:
        return ["The run's own rows are gone, so the script cannot check that it has the same tokens."]
    if told.tokens.hashed < told.tokens.rows:
        return [f"It checks the tokens of the first {told.tokens.hashed:,} rows against the run's, and counts all."]
    return ["It checks every token against the run's before it trains, and ends when one differs."]
