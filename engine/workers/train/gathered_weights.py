"""The trained model in one piece, in the process that saves it, whatever the training had divided.

DDP, ZeRO 1 and 2 leave every process with all weights. FSDP and ZeRO 3 leave each with a share: all join to write
them to one safetensors file (OUT/gathered), and the first process opens it on a model read anew.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from peft import PeftModel
from transformers import PreTrainedModel
from transformers.integrations.deepspeed import unset_hf_deepspeed_config

from engine.workers import group, ranks
from engine.workers.train.strategy import Strategy


def trained(trainer: Any, strategy: Strategy, load: Callable[[Path | None], PreTrainedModel], out: Path) -> Any:
    """The model to save, or None in a process that saves nothing. Every process must call it.

    `load` reads the base model anew, or for full tuning a model from the folder it is given.
    """
    if not strategy.spread.divides_weights:
        return trainer.model if ranks.first() else None
    folder = out / "gathered"
    trainer.save_model(str(folder))
    group.wait()
    if not ranks.first():
        return None
    unset_hf_deepspeed_config()  # with it, ZeRO 3 would divide the model that is read now among the others
    if strategy.recipe.tuning == "full":
        model: Any = load(folder)
    else:
        model = PeftModel.from_pretrained(load(None), folder, is_trainable=True)
    shutil.rmtree(folder)
    # Liger has changed the layers of every model of this kind, and they compute on a GPU alone.
    return model.to(trainer.accelerator.device) if trainer.args.use_liger_kernel else model
