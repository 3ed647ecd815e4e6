"""LoRA that begins as a part of the weights (PiSSA, OLoRA), or as what 4 bits lost of them (LoftQ).

PEFT takes the start A0, B0 out of the base weights and trains A and B beside the rest. Here the base stays as it is,
and the start is subtracted while computing: W x + s (B A x - B0 A0 x). That is the same function, with nothing lost to
rounding the rest; and the base is still there, to be a reference and to be resumed with. LoftQ adds its start to the
quantised base instead, which lacks just that: Q(W) x + s B A x.

The start is kept in OUT/start.safetensors, so that a resumed training has the same. What is saved at the end is what
has changed since, s (B A - B0 A0): a plain LoRA of twice the rank for the original base.
"""

import json
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from peft.tuners.lora import LoraLayer
from peft.tuners.lora.layer import LoraVariant
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch.nn import functional

from engine.recipes.choices.tunings import MOVED_STARTS
from engine.recipes.recipe import Recipe
from engine.workers import ranks
from engine.workers.contract import WorkFailedError

KEPT = "start.safetensors"
PREFIX = "base_model.model."
ITERATIONS = 16  # of the randomised decomposition for LoftQ
Pair = tuple[torch.Tensor, torch.Tensor]  # A (r, inputs), B (outputs, r)


class SinceStart(LoraVariant):
    """What a LoRA layer adds, counted from where it began."""

    @staticmethod
    def forward(module: Any, active_adapter: str, x: torch.Tensor, result: torch.Tensor, **_: Any) -> torch.Tensor:
        """Base output plus s (B A x - B0 A0 x): (..., outputs)."""
        a, b = module.lora_A[active_adapter], module.lora_B[active_adapter]
        x = module._cast_input_dtype(x, a.weight.dtype)
        learnt = b(a(module.lora_dropout[active_adapter](x)))
        start = functional.linear(functional.linear(x, module.start_A), module.start_B)
        return result + (learnt - start) * module.scaling[active_adapter]


def prepare(model: Any, recipe: Recipe, model_path: Path, out: Path) -> None:
    """Gives a new adapter the start that the recipe wants, if that is another than no change."""
    if recipe.init_lora_weights in MOVED_STARTS:
        begin(model, recipe, model_path, out)


def has_start(model: PeftModel) -> bool:
    """Whether that adapter began elsewhere than at no change."""
    return any(hasattr(layer, "start_A") for layer in _lora_layers(model).values())


def begin(model: PeftModel, recipe: Recipe, model_path: Path, out: Path) -> None:
    """Gives every LoRA layer its start: the one that OUT keeps, or else a new one, which is kept there."""
    file, layers = out / KEPT, _lora_layers(model)
    if file.exists():
        saved = load_file(file)
        pairs = {name: (saved[f"{name}.A"], saved[f"{name}.B"]) for name in layers}
    else:
        with torch.random.fork_rng():
            torch.manual_seed(recipe.seed)
            pairs = {name: _initial_pair(recipe, name, layer, model_path) for name, layer in layers.items()}
        if ranks.first():
            _save_pairs(pairs, file)
    for name, layer in layers.items():
        _set_start(layer, pairs[name])
        if recipe.init_lora_weights != "loftq":
            subtract(layer)


def _lora_layers(model: PeftModel) -> dict[str, Any]:
    return {name: module for name, module in model.named_modules() if isinstance(module, LoraLayer)}


def _save_pairs(pairs: dict[str, Pair], file: Path) -> None:
    tensors = {
        f"{name}.{side}": pair[index].contiguous() for name, pair in pairs.items() for index, side in enumerate("AB")
    }
    partial = file.with_suffix(".partial")
    save_file(tensors, partial)
    partial.rename(file)


def _set_start(layer: Any, pair: Pair) -> None:
    """The start as first values of A and B, and as constants that are in no checkpoint."""
    for matrix, buffer, value in ((layer.lora_A, "start_A", pair[0]), (layer.lora_B, "start_B", pair[1])):
        weight = matrix["default"].weight
        value = value.to(weight.device, torch.float32)
        weight.data = value.to(weight.dtype)
        layer.register_buffer(buffer, weight.data.clone(), persistent=False)


def subtract(layer: Any) -> None:
    """From here on the layer computes SinceStart."""
    layer.lora_variant["default"] = SinceStart()


def subtract_all(model: PeftModel) -> None:
    """The same for every layer: the trained model as its saved adapter makes it, on the base it has here."""
    for layer in _lora_layers(model).values():
        subtract(layer)


@torch.no_grad()
def _initial_pair(recipe: Recipe, name: str, layer: Any, model_path: Path) -> Pair:
    if recipe.init_lora_weights == "loftq":
        return _loftq_pair(name.removeprefix(PREFIX), layer, model_path)
    base = layer.get_base_layer()
    weight = base.weight.data
    base.weight.data = weight.clone()  # PEFT takes the start out of it
    if recipe.init_lora_weights == "olora":
        layer.olora_init("default")
    else:
        layer.pissa_init("default", recipe.init_lora_weights)
    base.weight.data = weight
    return layer.lora_A["default"].weight.data, layer.lora_B["default"].weight.data


def _loftq_pair(name: str, layer: Any, model_path: Path) -> Pair:
    """The best A and B of that rank for W - Q(W), after LoftQ (arXiv:2310.08659), without changing Q(W)."""
    from bitsandbytes.functional import dequantize_4bit  # noqa: PLC0415  (hidden where nothing is quantised)

    weight = layer.get_base_layer().weight
    quantised = dequantize_4bit(weight.data, weight.quant_state).float()
    residual = _original(f"{name}.weight", model_path).to(quantised) - quantised
    rank, scale = layer.r["default"], layer.scaling["default"]
    left, singular_values, right = torch.svd_lowrank(residual, min(rank, *residual.shape), niter=ITERATIONS)
    roots = (singular_values / scale).sqrt()
    padding = rank - len(singular_values)  # a rank beyond the layer's own
    a = functional.pad(roots[:, None] * right.T, (0, 0, 0, padding))
    return a, functional.pad(left * roots, (0, padding))


def _original(name: str, model_path: Path) -> torch.Tensor:
    """A tensor of the model's own files."""
    for file in sorted(model_path.glob("*.safetensors")):
        with safe_open(file, framework="pt") as weights_file:
            if name in weights_file.keys():  # noqa: SIM118 (not a dict)
                tensor: torch.Tensor = weights_file.get_tensor(name)
                return tensor
    message = f"The model's files name no {name}, so what quantising lost of it cannot be known."
    raise WorkFailedError("config", message, "Use another init_lora_weights than loftq.")


def save_since(folder: Path, start_file: Path) -> None:
    """Turns the adapter saved in `folder` into a plain LoRA of twice the rank: [B, -B0] [A; A0], scaling folded in."""
    file, config_file = folder / "adapter_model.safetensors", folder / "adapter_config.json"
    config, tensors, start = json.loads(config_file.read_text()), load_file(file), load_file(start_file)
    rank = config["r"]
    scale = config["lora_alpha"] / (rank**0.5 if config["use_rslora"] else rank)
    for name in [name for name in tensors if name.endswith(".lora_A.weight")]:
        layer = name.removesuffix(".lora_A.weight")
        lora_b_name = f"{layer}.lora_B.weight"
        start_a, start_b = start[f"{layer}.A"].to(tensors[name]), start[f"{layer}.B"].to(tensors[lora_b_name])
        tensors[name] = torch.cat([tensors[name], start_a]).contiguous()
        tensors[lora_b_name] = (torch.cat([tensors[lora_b_name], -start_b], dim=1) * scale).contiguous()
    save_file(tensors, file, metadata={"format": "pt"})
    config |= {"r": 2 * rank, "lora_alpha": 2 * rank, "use_rslora": False, "init_lora_weights": True}
    config_file.write_text(json.dumps(config, indent=2, sort_keys=True))


def unchanged(model: PeftModel) -> bool:
    """Whether every LoRA layer still is where it began."""
    return all(
        torch.equal(layer.lora_A["default"].weight.data, layer.start_A)
        and torch.equal(layer.lora_B["default"].weight.data, layer.start_B)
        for layer in _lora_layers(model).values()
    )
