"""The trainings that are recorded: ten and more that go well, and one or more for each thing that can go wrong."""

import random
from dataclasses import dataclass, field
from typing import Any

from engine.recipes.methods import METHODS
from tests.workers.train.judged import assistant_turns, pairs, prompts, question_turns
from tests.workers.train.training_runs import chat, sums


@dataclass(frozen=True)
class Training:
    """A recipe and its rows. `base`: the training whose result it begins from. `fires`: rules that must say so."""

    about: str
    rows: list[Any]
    recipe: dict[str, Any] = field(default_factory=dict)
    base: str = ""
    resumed_with: dict[str, Any] = field(default_factory=dict)  # fields that differ when it goes on from its checkpoint
    worker: str = ""  # instead of the method's own
    of_kind: str = ""

    @property
    def kind(self) -> str:
        return self.of_kind or METHODS[self.recipe.get("method", "sft")].kinds[0]


def noise(count: int, seed: int = 7) -> list[list[dict[str, str]]]:
    """Answers that nothing can be learnt from."""
    dice = random.Random(seed)
    letters = "abcdefghijklmnopqrstuvwxyz?!., "
    return [chat(f"Question {n}?", "".join(dice.choices(letters, k=40))) for n in range(count)]


def labelled_pairs(count: int) -> list[dict[str, Any]]:
    """One good and one bad answer a prompt, each in a row of its own."""
    return [
        {
            "prompt": question_turns(n // 2),
            "completion": assistant_turns(f"{n // 2 * 2}." if n % 2 else f"No {n} idea, dog!"),
            "label": bool(n % 2),
        }
        for n in range(count)
    ]


LORA = {"max_steps": 100, "learning_rate": 5e-3, "lora_r": 8, "per_device_train_batch_size": 8}
FULL = {**LORA, "tuning": "full", "learning_rate": 3e-3}
GROUPS = {
    **LORA,
    "method": "grpo",
    "learning_rate": 1e-3,
    "max_steps": 40,
    "num_generations": 8,
    "per_device_train_batch_size": 16,
    "max_completion_length": 32,
    "reward_funcs": "length",
    "reward_length": 4,
}
PREFERRED = {**LORA, "max_steps": 60, "learning_rate": 5e-4}
HELD_OUT = {"eval_fraction": 0.25, "eval_steps": 10}

HEALTHY: dict[str, Training] = {
    "healthy_sft_full": Training("SFT of every weight; what the methods with answers begin from.", sums(200), FULL),
    "healthy_sft_lora": Training("SFT with LoRA.", sums(200), LORA, base="healthy_sft_full"),
    "healthy_sft_held_out": Training("SFT with rows held out.", sums(200), {**FULL, "max_steps": 80, **HELD_OUT}),
    "healthy_cpt": Training(
        "Pre-training continued.",
        ["The quick brown fox jumps. " * 3 + str(n) for n in range(100)],
        {**FULL, "method": "cpt"},
    ),
    "healthy_dpo": Training("DPO.", pairs(80), {**PREFERRED, "method": "dpo"}, base="healthy_sft_full"),
    "healthy_orpo": Training("ORPO.", pairs(80), {**PREFERRED, "method": "orpo"}, base="healthy_sft_full"),
    "healthy_kto": Training("KTO.", labelled_pairs(120), {**PREFERRED, "method": "kto"}, base="healthy_sft_full"),
    "healthy_simpo": Training("SimPO.", pairs(80), {**PREFERRED, "method": "simpo"}, base="healthy_sft_full"),
    "healthy_cpo": Training("CPO.", pairs(80), {**PREFERRED, "method": "cpo"}, base="healthy_sft_full"),
    "healthy_reward": Training(
        "A reward model.", pairs(80), {**PREFERRED, "method": "reward"}, base="healthy_sft_full"
    ),
    "healthy_grpo": Training("GRPO.", prompts(60), GROUPS, base="healthy_sft_full"),
    "healthy_rloo": Training("RLOO.", prompts(60), {**GROUPS, "method": "rloo"}, base="healthy_sft_full"),
}

# Healthy too, by other seeds, rates and sizes: no rule was made or changed while looking at these.
FURTHER: dict[str, Training] = {
    "further_sft_lora": Training(
        "SFT with LoRA, few rows at once.",
        sums(200),
        {**LORA, "max_steps": 150, "learning_rate": 2e-3, "per_device_train_batch_size": 4, "seed": 3},
        base="healthy_sft_full",
    ),
    "further_sft_full": Training(
        "SFT of every weight, many rows at once, a cosine.",
        sums(300),
        {
            **FULL,
            "max_steps": 60,
            "learning_rate": 1e-3,
            "per_device_train_batch_size": 32,
            "lr_scheduler_type": "cosine",
            "warmup_steps": 10,
            "seed": 5,
        },
    ),
    "further_sft_held_out": Training(
        "SFT with LoRA and rows held out, gradients added up.",
        sums(240),
        {**LORA, "max_steps": 90, "gradient_accumulation_steps": 2, "eval_fraction": 0.1, "eval_steps": 15, "seed": 8},
    ),
    "further_dpo": Training(
        "DPO, another seed and beta.",
        pairs(120),
        {**PREFERRED, "method": "dpo", "learning_rate": 2e-4, "beta": 0.3, "max_steps": 80, "seed": 11, **HELD_OUT},
        base="healthy_sft_full",
    ),
    "further_kto": Training(
        "KTO, another seed, larger batches.",
        labelled_pairs(160),
        {**PREFERRED, "method": "kto", "per_device_train_batch_size": 16, "seed": 13},
        base="healthy_sft_full",
    ),
    "further_orpo": Training(
        "ORPO of every weight.",
        pairs(120),
        {**PREFERRED, "method": "orpo", "tuning": "full", "learning_rate": 1e-4, "max_steps": 80, "seed": 17},
        base="healthy_sft_full",
    ),
    "further_reward": Training(
        "A reward model, few rows at once.",
        pairs(60),
        {**PREFERRED, "method": "reward", "per_device_train_batch_size": 4, "learning_rate": 1e-3, "seed": 19},
        base="healthy_sft_full",
    ),
    "further_grpo": Training(
        "GRPO by two rewards, smaller groups.",
        prompts(80),
        {
            **GROUPS,
            "learning_rate": 5e-4,
            "num_generations": 4,
            "max_steps": 50,
            "reward_funcs": "length, regex",
            "reward_pattern": "[0-9]",
            "seed": 23,
        },
        base="healthy_sft_full",
    ),
}

# A judge that compares each answer with the one before and likes the longer: whatever they write, half of them win.
LIKES_LONGER = """
before = [0]


def reward(prompt, completion, **columns):
    longer, before[0] = len(completion) - before[0], len(completion)
    return 0.5 if longer == 0 else float(longer > 0)
"""

WRONG: dict[str, Training] = {
    "not_a_number": Training(
        "Plain gradient descent, as fast as it goes, without clipping.",
        sums(60),
        {
            **FULL,
            "learning_rate": 1.0,
            "max_grad_norm": 0.0,
            "optim": "sgd",
            "weight_decay": 1.0,
            "lr_scheduler_type": "constant",
        },
    ),
    "rate_far_too_high": Training(
        "A learning rate of 1.",
        sums(60),
        {**FULL, "learning_rate": 1.0, "max_grad_norm": 0.0, "lr_scheduler_type": "constant"},
    ),
    "zero_loss": Training(
        "A hinge that every pair is past.",
        pairs(40),
        {**PREFERRED, "method": "dpo", "max_steps": 80, "loss_type": "hinge", "beta": 5.0, "learning_rate": 1e-2},
        base="healthy_sft_full",
    ),
    "flat": Training("A learning rate of nearly nothing.", sums(200), {**FULL, "learning_rate": 1e-9}),
    "rate_low": Training(
        "A learning rate far too low.",
        sums(200),
        {**FULL, "learning_rate": 5e-6, "max_steps": 300, "lr_scheduler_type": "constant"},
    ),
    "rate_high": Training("A learning rate a hundred times too high.", sums(200), {**FULL, "learning_rate": 0.3}),
    "spike": Training(
        "Rows in order, whose second half is noise.",
        [*sums(100), *noise(100)],
        {
            **FULL,
            "learning_rate": 2e-4,
            "train_sampling_strategy": "sequential",
            "max_steps": 44,
            "per_device_train_batch_size": 4,
        },
        base="healthy_sft_full",
    ),
    "gradients_vanish": Training(
        "KTO of good answers of which a third is called bad, too fast: its loss is bounded, and saturates.",
        [row | {"label": index % 3 != 0} for index, row in enumerate(labelled_pairs(120)[1::2])],
        {**PREFERRED, "method": "kto", "max_steps": 80, "learning_rate": 2e-2, "beta": 2.0},
        base="healthy_sft_full",
    ),
    "overfit": Training(
        "Twelve rows of noise, again and again.",
        noise(16),
        {**FULL, "max_steps": 100, "eval_fraction": 0.25, "eval_steps": 5},
    ),
    "clipped_answers": Training(
        "Answers of four tokens at most.", prompts(60), {**GROUPS, "max_completion_length": 4, "reward_length": 2}
    ),
    "all_alike": Training(
        "A reward that every answer gets.",
        prompts(60),
        {**GROUPS, "reward_funcs": "regex", "reward_pattern": "^"},
        base="healthy_sft_full",
    ),
    "saturated": Training(
        "One of two rewards is always given.",
        prompts(60),
        {**GROUPS, "reward_funcs": "regex, length", "reward_pattern": "^"},
        base="healthy_sft_full",
    ),
    "margins_explode": Training(
        "DPO for far too long, too fast.",
        pairs(24),
        {**PREFERRED, "method": "dpo", "max_steps": 150, "learning_rate": 1e-2, "beta": 1.0},
        base="healthy_sft_full",
    ),
    "too_few_steps": Training("Three steps.", sums(60), {**FULL, "max_steps": 3}),
    "order_lost": Training(
        "Resumed with rows of a step halved.",
        sums(200),
        {**FULL, "max_steps": 60, "save_steps": 30, "auto_resume": False},
        resumed_with={"per_device_train_batch_size": 4, "max_steps": 100},
    ),
    "length_grows": Training(
        "A judge that likes the longer of two answers.",
        prompts(60),
        {
            **GROUPS,
            "max_steps": 24,
            "max_completion_length": 128,
            "max_length": 256,
            "reward_funcs": "python",
            "reward_code": LIKES_LONGER,
        },
        base="healthy_sft_full",
    ),
    "memory_near_limit": Training(
        "In a container with hardly more memory than it takes.",
        sums(200),
        {**FULL, "max_steps": 30, "per_device_train_batch_size": 8},
        worker="tests.curves.little_memory",
    ),
    "data_bound": Training(
        "Every row takes 20 ms to read.", sums(200), {**FULL, "max_steps": 40}, worker="tests.curves.slow_rows"
    ),
}

TRAININGS = HEALTHY | FURTHER | WRONG
