"""How a recipe's optimiser and schedule are told to transformers, and those that it does not make by itself."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import torch
from peft.optimizers import create_loraplus_optimizer

from engine.recipes.choices import optimisers
from engine.recipes.choices.optimisers import OPTIMISERS
from engine.recipes.choices.tuning_sizes import names
from engine.recipes.recipe import Recipe


def arguments(recipe: Recipe) -> dict[str, Any]:
    """TrainingArguments, by name, for optimiser, schedule, warm-up and noise."""
    return {
        "optim": "adamw_torch" if recipe.optim == "muon" else recipe.optim,
        "optim_args": recipe.optim_args if recipe.optim != "muon" and recipe.optim_args else None,
        "optim_target_modules": _projected_modules(recipe),
        "lr_scheduler_type": recipe.lr_scheduler_type,
        "lr_scheduler_kwargs": _schedule(recipe),
        "warmup_steps": recipe.warmup_ratio or recipe.warmup_steps,
        "neftune_noise_alpha": recipe.neftune_noise_alpha or None,
    }


def _projected_modules(recipe: Recipe) -> str | list[str] | None:
    if not OPTIMISERS[recipe.optim].whole:
        return None
    module_names = names(recipe.optim_target_modules)
    return "all-linear" if module_names == ["all-linear"] else module_names


def _schedule(recipe: Recipe) -> dict[str, int | float] | None:
    schedule_settings = optimisers.settings(recipe.lr_scheduler_kwargs)
    return {name: optimisers.number(value) for name, value in schedule_settings.items()} or None


# What the state of an optimiser holds beside tensors; torch.load refuses it when a run is resumed, unless it is named.
STATE_KINDS = {
    "galore": ("galore_torch.galore_projector", "GaLoreProjector"),
    "apollo": ("apollo_torch.random_projector", "GradientProjector"),
}


def prepare(trainer: Any, recipe: Recipe) -> None:
    """Has the trainer make LoRA+ or Muon where the recipe wants it, when it comes to making an optimiser."""
    if recipe.loraplus_lr_ratio is not None:
        trainer.optimizer_cls_and_kwargs = (lambda: _loraplus, {"trainer": trainer, "ratio": recipe.loraplus_lr_ratio})
    elif recipe.optim == "muon":
        trainer.optimizer_cls_and_kwargs = (lambda: _muon, {"trainer": trainer, "recipe": recipe})
    elif class_path := STATE_KINDS.get(recipe.optim.partition("_")[0]):
        module, name = class_path
        torch.serialization.add_safe_globals([getattr(import_module(module), name)])


def _loraplus(model: Any, trainer: Any, ratio: float) -> torch.optim.Optimizer:
    """LoRA+ (arXiv:2402.12354): the second matrix learns faster than the first."""
    optimizer_class, options = trainer.get_optimizer_cls_and_kwargs(trainer.args, model)
    learning_rate, weight_decay = options.pop("lr"), trainer.args.weight_decay
    return create_loraplus_optimizer(
        trainer.model,
        optimizer_class,
        lr=learning_rate,
        loraplus_lr_ratio=ratio,
        loraplus_weight_decay=weight_decay,
        **options,
    )


def _muon(model: Any, trainer: Any, recipe: Recipe) -> torch.optim.Optimizer:
    """Muon for the matrices inside the model; AdamW for embeddings, heads, and what is no matrix."""
    outer_modules = [trainer.model.get_input_embeddings(), trainer.model.get_output_embeddings()]
    outer_ids = {id(weight) for module in outer_modules if module is not None for weight in module.parameters()}
    trainable = [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]
    matrices = [
        weight
        for name, weight in trainable
        if weight.ndim == 2 and id(weight) not in outer_ids and ".score." not in name
    ]
    matrix_ids = {id(weight) for weight in matrices}
    decayed_names = set(trainer.get_decay_parameter_names(model))
    others = [(name, weight) for name, weight in trainable if id(weight) not in matrix_ids]
    return MatrixSteps(
        matrices,
        [weight for name, weight in others if name in decayed_names],
        [weight for name, weight in others if name not in decayed_names],
        recipe,
    )


class MatrixSteps(torch.optim.Optimizer):
    """torch's Muon for some weights and its AdamW for the others, as one optimiser to schedule, save and load."""

    def __init__(
        self,
        matrices: list[torch.nn.Parameter],
        decayed: list[torch.nn.Parameter],
        others: list[torch.nn.Parameter],
        recipe: Recipe,
    ) -> None:
        options = optimisers.settings(recipe.optim_args)
        learning_rate, weight_decay = recipe.learning_rate, recipe.weight_decay
        adam_options: dict[str, Any] = {"betas": (recipe.adam_beta1, recipe.adam_beta2), "eps": recipe.adam_epsilon}
        groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
        groups = [group for group in groups if group["params"]]
        self.parts: list[torch.optim.Optimizer] = []
        if matrices:
            muon = torch.optim.Muon(
                matrices,
                lr=learning_rate,
                weight_decay=weight_decay,
                momentum=float(options.get("momentum", 0.95)),
                ns_steps=int(options.get("ns_steps", 5)),
                adjust_lr_fn="match_rms_adamw",  # so that AdamW's learning rates are good ones here
            )
            self.parts.append(muon)
        if groups:
            self.parts.append(torch.optim.AdamW(groups, lr=learning_rate, **adam_options))
        super().__init__([*matrices, *decayed, *others], {"lr": learning_rate})
        self._gather()

    def _gather(self) -> None:
        self.param_groups = [group for part in self.parts for group in part.param_groups]

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """A step of each part."""
        loss = closure() if closure else None
        for part in self.parts:
            part.step()
        return loss

    def state_dict(self) -> dict[str, Any]:
        """The states of the parts."""
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Puts back what state_dict gave."""
        for part, state in zip(self.parts, state_dict["parts"], strict=True):
            part.load_state_dict(state)
        self._gather()
