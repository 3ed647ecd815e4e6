"""Weights that answer differently: `python -m tests.workers.serve.odd_weights MODEL ONE TWO WHOLE JUDGE JUDGE2`.

Two adapters on MODEL, a whole tuned model, and a reward model as adapter and as a whole.
"""

import sys
import warnings

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer


def make(model: str, one: str, two: str, whole: str, judges: list[str]) -> None:
    torch.manual_seed(0)
    tuned = get_peft_model(AutoModelForCausalLM.from_pretrained(model), LoraConfig(r=4, target_modules="all-linear"))
    for number, folder in enumerate((one, two)):
        torch.manual_seed(number)
        for name, weight in tuned.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(weight, std=0.5)
        tuned.save_pretrained(folder)
    make_judges(model, *judges)
    network = AutoModelForCausalLM.from_pretrained(model)
    torch.nn.init.normal_(network.lm_head.weight, std=0.5)
    network.save_pretrained(whole)


def make_judges(model: str, adapter: str, whole: str) -> None:
    judge = AutoModelForSequenceClassification.from_pretrained(model, num_labels=1)
    config = LoraConfig(r=4, target_modules="all-linear", task_type="SEQ_CLS", modules_to_save=["score"])
    judge = get_peft_model(judge, config)
    torch.nn.init.normal_(judge.score.modules_to_save["default"].weight, std=0.5)
    for name, weight in judge.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.2)
    judge.save_pretrained(adapter)
    judge.merge_and_unload().save_pretrained(whole)
    for folder in (adapter, whole):
        AutoTokenizer.from_pretrained(model).save_pretrained(folder)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    of, first, second, tuned, *scoring = sys.argv[1:]
    make(of, first, second, tuned, scoring)
