"""The optimisers: what library each needs, what it demands of the rest of a recipe, and how much it remembers.

The names are those of transformers (OptimizerNames), but `muon`, which is torch's.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

Name = Literal[
    "adamw_torch",
    "adamw_torch_fused",
    "adamw_8bit",
    "paged_adamw_8bit",
    "paged_adamw_32bit",
    "ademamix",
    "ademamix_8bit",
    "adafactor",
    "sgd",
    "adagrad",
    "rmsprop",
    "rmsprop_bnb_8bit",
    "lion_32bit",
    "lion_8bit",
    "paged_lion_32bit",
    "paged_lion_8bit",
    "muon",
    "galore_adamw",
    "galore_adamw_8bit",
    "galore_adafactor",
    "apollo_adamw",
    "schedule_free_adamw",
    "schedule_free_radam",
    "schedule_free_sgd",
]
Schedule = Literal[
    "linear",
    "cosine",
    "cosine_with_restarts",
    "cosine_with_min_lr",
    "polynomial",
    "inverse_sqrt",
    "warmup_stable_decay",
    "reduce_lr_on_plateau",
    "constant",
    "constant_with_warmup",
]


@dataclass(frozen=True)
class Optimiser:
    """`state` is what it remembers, in bytes for each trained number; `package` is what pip calls its library."""

    state: float = 8.0
    packages: tuple[str, ...] = ()  # that have to be installed, by the names of pip
    whole: bool = False  # only where weights are trained as they are: full and freeze
    steady: bool = False  # its steps shrink by themselves, so the schedule has to be constant
    gpu: bool = False  # its kernel for CPUs is missing, or fails
    options: tuple[str, ...] = ()  # what optim_args may set


def _bnb(state: float, **facts: object) -> Optimiser:
    return Optimiser(state, ("bitsandbytes",), **facts)  # type: ignore[arg-type]


def _galore(state: float, gpu: bool = False) -> Optimiser:
    return Optimiser(state, ("galore-torch", "bitsandbytes"), whole=True, gpu=gpu, options=_PROJECTION)


def _free(state: float) -> Optimiser:
    options = ("weight_lr_power", "r")
    return Optimiser(state, ("schedulefree",), steady=True, options=options)


_PROJECTION = ("rank", "update_proj_gap", "scale", "proj_type")
_MIXED = ("beta3", "alpha", "t_alpha", "t_beta3")

# GaLore's and APOLLO's moments depend on the rank and the shapes: a quarter is what rank 128 takes in a small model.
OPTIMISERS: dict[str, Optimiser] = {
    "adamw_torch": Optimiser(),
    "adamw_torch_fused": Optimiser(),
    "adamw_8bit": _bnb(2),
    "paged_adamw_8bit": _bnb(2),
    "paged_adamw_32bit": _bnb(8),
    "ademamix": _bnb(12, options=_MIXED, gpu=True),
    "ademamix_8bit": _bnb(3, options=_MIXED),
    "adafactor": Optimiser(1),
    "sgd": Optimiser(0, options=("momentum", "dampening", "nesterov")),
    "adagrad": Optimiser(4, options=("lr_decay", "eps")),
    "rmsprop": Optimiser(4, options=("momentum", "alpha", "eps", "centered")),
    "rmsprop_bnb_8bit": _bnb(1),
    "lion_32bit": _bnb(4),
    "lion_8bit": _bnb(1),
    "paged_lion_32bit": _bnb(4),
    "paged_lion_8bit": _bnb(1),
    "muon": Optimiser(4, options=("momentum", "ns_steps")),
    "galore_adamw": _galore(2),
    "galore_adamw_8bit": _galore(0.5, gpu=True),
    "galore_adafactor": _galore(1),
    "apollo_adamw": Optimiser(2, ("apollo-torch",), whole=True, options=(*_PROJECTION, "proj", "scale_type")),
    "schedule_free_adamw": _free(8),
    "schedule_free_radam": _free(8),
    "schedule_free_sgd": _free(4),
}

ON_CPU = {"ademamix": "ademamix_8bit", "galore_adamw_8bit": "galore_adamw"}  # instead of those that need a GPU

# What each schedule may be told by lr_scheduler_kwargs, and one of which it has to be told.
SCHEDULE_OPTIONS: dict[str, tuple[str, ...]] = {
    "cosine_with_restarts": ("num_cycles",),
    "cosine_with_min_lr": ("min_lr_rate", "min_lr", "num_cycles"),
    "polynomial": ("lr_end", "power"),
    "inverse_sqrt": ("timescale",),
    "warmup_stable_decay": ("num_decay_steps", "num_stable_steps", "min_lr_ratio", "num_cycles"),
    "reduce_lr_on_plateau": ("factor", "patience", "threshold", "cooldown", "min_lr"),
}
SCHEDULE_NEEDS: dict[str, tuple[str, ...]] = {
    "cosine_with_min_lr": ("min_lr_rate", "min_lr"),
    "warmup_stable_decay": ("num_decay_steps",),
}


def missing(optim: str) -> list[str]:
    """The packages that the optimiser needs and this Python lacks."""
    return [name for name in OPTIMISERS[optim].packages if find_spec(name.replace("-", "_")) is None]


WORDS = ("nesterov", "centered", "proj_type", "proj", "scale_type")  # settings that are no numbers


def settings(text: str) -> dict[str, str]:
    """`name=value, name=value` as a dict. Raises ValueError that says what is no such pair."""
    values: dict[str, str] = {}
    for part in text.replace(" ", "").split(","):
        name, equals, value = part.partition("=")
        if part and not (name and equals and value):
            raise ValueError(f"{part!r} is not name=value")
        if part:
            values[name] = value
    return values


def number(text: str) -> int | float:
    """A whole number where it is one. Raises ValueError."""
    value = float(text)
    return int(value) if value == int(value) and "." not in text and "e" not in text.lower() else value
