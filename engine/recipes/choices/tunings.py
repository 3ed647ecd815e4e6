"""The tunings: which weights each changes, which fields of a recipe are its own, and what its result is good for.

Fields that are in no tuning's list belong to all of them.
"""

from dataclasses import dataclass
from typing import Literal

from engine.recipes.choices.tuning_sizes import trained_parameters as trained_parameters

Name = Literal["lora", "qlora", "full", "freeze", "oft", "boft", "ia3", "prompt", "prefix"]
Quantization = Literal["nf4", "fp4", "int8"]
Start = Literal["default", "gaussian", "pissa", "pissa_niter_16", "olora", "loftq"]

# Starts that are no zero: the adapter begins as a part of the base weights, and is saved as what it has changed since,
# with twice the rank (see engine.workers.tuning.starts).
MOVED_STARTS = ("pissa", "pissa_niter_16", "olora", "loftq")


@dataclass(frozen=True)
class Tuning:
    """`rate` is how many times the good learning rate of LoRA (or of full, for whole models) is a good start here.

    `artifact` is what a run leaves: an adapter to be used with its base, or a whole model. `vllm` says whether vLLM
    serves that artifact as it is, `mergeable` whether an adapter can be folded into its base. `layers` says whether
    the layers themselves are changed, so that they may be called one by one; otherwise tokens are put before every row.
    """

    fields: tuple[str, ...] = ()
    artifact: Literal["adapter", "model"] = "adapter"
    rate: float = 1.0
    quantises: bool = False
    mergeable: bool = True
    vllm: bool = False
    layers: bool = True
    methods: tuple[str, ...] = ()  # that it fits; empty: all

    def fits(self, method: str) -> bool:
        """Whether that method can be trained in this way."""
        return not self.methods or method in self.methods


_LAYERS = ("target_modules", "modules_to_save")
_LORA = (
    "lora_r",
    "lora_alpha",
    "lora_dropout",
    *_LAYERS,
    "use_rslora",
    "use_dora",
    "init_lora_weights",
    "loraplus_lr_ratio",
)
_PROMPTED = ("sft", "cpt", "dpo", "kto")

TUNINGS: dict[str, Tuning] = {
    "lora": Tuning(_LORA, vllm=True),
    "qlora": Tuning((*_LORA, "quantization"), quantises=True, vllm=True),
    "full": Tuning(artifact="model", mergeable=False, vllm=True),
    "freeze": Tuning(
        ("freeze_trainable_layers", "freeze_extra_modules"), artifact="model", rate=2, mergeable=False, vllm=True
    ),
    "oft": Tuning((*_LAYERS, "oft_block_size"), rate=2),
    "boft": Tuning((*_LAYERS, "boft_block_size", "boft_n_butterfly_factor"), rate=2),
    "ia3": Tuning(_LAYERS, rate=20),
    "prompt": Tuning(
        ("num_virtual_tokens", "prompt_tuning_init_text"), rate=100, mergeable=False, layers=False, methods=_PROMPTED
    ),
    "prefix": Tuning(("num_virtual_tokens",), rate=50, mergeable=False, layers=False, methods=_PROMPTED),
}

OWN_FIELDS = frozenset(field for tuning in TUNINGS.values() for field in tuning.fields)


def uses(tuning: str, field: str) -> bool:
    """Whether the tuning reads that field of a recipe."""
    return field not in OWN_FIELDS or (tuning in TUNINGS and field in TUNINGS[tuning].fields)


def leaves_model(tuning: str) -> bool:
    """Whether the result is a whole model, and the training keeps no untouched base."""
    return tuning in TUNINGS and TUNINGS[tuning].artifact == "model"


def served_rank(lora_r: int, init_lora_weights: str) -> int:
    """The rank of the saved adapter; a server has to be told the largest it will meet."""
    return 2 * lora_r if init_lora_weights in MOVED_STARTS else lora_r
