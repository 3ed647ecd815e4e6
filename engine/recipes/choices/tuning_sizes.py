"""How many numbers a training changes, by its tuning, from the shapes of the model's layers.

LoRA    r x (n + m) for a layer of n inputs and m outputs; DoRA m more
OFT     n / b blocks of b (b - 1) / 2;  BOFT f factors of n / b blocks of b^2, and m
IA3     m;  prompt tokens x width;  prefix tokens x 2 x layers x width of the keys
"""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

Layers = dict[str, tuple[int, int]]  # name -> (outputs, inputs) of every matrix but the embeddings

_NUMBER = re.compile(r"\.(\d+)\.")


def trained_parameters(recipe: Any, layers: Layers, parameters: int) -> int:
    """How many of `parameters`, or beside them, the recipe's training changes.

    `layers` are those a file names, without embeddings and head; their size is the rest of `parameters`.
    """
    match recipe.tuning:
        case "full":
            return parameters
        case "freeze":
            return _last_layers(recipe.freeze_trainable_layers, layers) + _whole(
                names(recipe.freeze_extra_modules), layers, parameters
            )
        case "prompt":
            return int(recipe.num_virtual_tokens * _width(layers))
        case "prefix":
            return int(recipe.num_virtual_tokens * 2 * len(_blocks(layers)) * _key_width(layers))
    adapted = [shape for name, shape in layers.items() if is_target(name, recipe.target_modules)]
    return sum(_adapter(recipe, *shape) for shape in adapted) + _whole(
        names(recipe.modules_to_save), layers, parameters
    )


def _adapter(recipe: Any, outputs: int, inputs: int) -> int:
    match recipe.tuning:
        case "oft":
            block = _divisor(inputs, recipe.oft_block_size)
            return inputs // block * block * (block - 1) // 2
        case "boft":
            return int(recipe.boft_n_butterfly_factor * inputs * recipe.boft_block_size + outputs)
        case "ia3":
            return outputs
        case _:
            return int(recipe.lora_r * (inputs + outputs) + outputs * recipe.use_dora)


def names(text: str) -> list[str]:
    """The names between the commas."""
    return [name for part in text.split(",") if (name := part.strip())]


def is_target(module: str, target_modules: str) -> bool:
    """Whether PEFT adapts that module: all-linear, or a name which is the module's own, or its ending after a dot."""
    targets = names(target_modules)
    return targets == ["all-linear"] or is_one_of(module, targets)


def is_one_of(module: str, module_names: Iterable[str]) -> bool:
    """Whether a module has one of those names: its own, or the ending after a dot."""
    return any(module == name or module.endswith(f".{name}") for name in module_names)


def _whole(module_names: list[str], layers: Layers, parameters: int) -> int:
    """Modules that are trained as they are. One that is no layer is an embedding, a head, or a norm (next to none)."""
    inside = sum(outputs * inputs for name, (outputs, inputs) in layers.items() if is_one_of(name, module_names))
    outside = [name for name in module_names if re.search(r"embed|head|wte", name)]
    rest = parameters - sum(outputs * inputs for outputs, inputs in layers.values())
    return inside + (max(rest, 0) if outside else 0)


def _blocks(layers: Layers) -> set[int]:
    return {int(match[1]) for name in layers if (match := _NUMBER.search(name))}


def _last_layers(count: int, layers: Layers) -> int:
    chosen = sorted(_blocks(layers))[-count:]
    return sum(
        outputs * inputs
        for name, (outputs, inputs) in layers.items()
        if (match := _NUMBER.search(name)) and int(match[1]) in chosen
    )


def _width(layers: Layers) -> int:
    """The model's own width: what most layers read."""
    widths = Counter(inputs for _, inputs in layers.values())
    return widths.most_common(1)[0][0] if widths else 0


def _key_width(layers: Layers) -> int:
    """The width of a layer's keys, which is less than the model's where heads share them."""
    return next((outputs for name, (outputs, _) in layers.items() if name.endswith("k_proj")), _width(layers))


def _divisor(inputs: int, nearest_to: int) -> int:
    """The block size that PEFT takes: the nearest to `wanted` that divides the inputs."""
    return min((size for size in range(1, inputs + 1) if inputs % size == 0), key=lambda size: abs(size - nearest_to))
