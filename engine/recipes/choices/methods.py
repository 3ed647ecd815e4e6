"""The names of the methods and of their losses, as the fields of a recipe take them."""

from typing import Literal

Name = Literal["sft", "cpt", "dpo", "orpo", "kto", "simpo", "cpo", "reward", "grpo", "rloo", "gkd"]

DpoLoss = Literal[
    "sigmoid",
    "ipo",
    "hinge",
    "robust",
    "exo_pair",
    "nca_pair",
    "bco_pair",
    "sppo_hard",
    "aot",
    "apo_zero",
    "apo_down",
    "discopop",
    "sigmoid_norm",
]
KtoLoss = Literal["kto", "apo_zero_unpaired"]
GroupLoss = Literal["dapo", "grpo", "dr_grpo", "bnpo"]
LossType = Literal[DpoLoss, KtoLoss, GroupLoss]
