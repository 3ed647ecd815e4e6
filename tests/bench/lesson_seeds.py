"""How well the first lesson teaches, over seeds: `python -m tests.bench.lesson_seeds --model FOLDER [--seeds 5]`.

Trains the lesson's rows by its recipe once for each seed (order of the rows, start of the adapter), without the studio
around it, and asks in the precision of serving: the twenty sums that the lesson keeps out, forty more that are kept
out here, and plain questions. Fields of the recipe can be changed to try them
(`--set max_steps=60 per_device_train_batch_size=3`). Prints what each seed got right and processor seconds, which mean
something on a busy machine too; then the means and the worst.
"""

import argparse
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from engine.lesson import addition_rows, lesson, plain_rows
from engine.workers.train import sft
from tests.bench.train import stored

MORE = 40  # sums kept out beside the lesson's own
PLAIN = {  # question: what a right answer has in it; none of them is taught
    plain_rows.QUESTION: "Paris",
    "What is the capital of Japan?": "Tokyo",
    "Who wrote Romeo and Juliet?": "Shakespeare",
    "What is the opposite of hot?": "cold",
    "What is the capital of Germany?": "Berlin",
    "What is the capital of England?": "London",
    "How many days are in a week?": "seven",
    "What color is the sky?": "blue",
    "What is the largest ocean?": "Pacific",
    "What planet do we live on?": "Earth",
    "What is the capital of China?": "Beijing",
    "Where is the Eiffel Tower?": "Paris",
}
LONGEST_ANSWER = 24  # tokens


class Learnt(NamedTuple):
    """What one seed got right, and what it took."""

    own: int  # of the lesson's twenty
    more: int  # of forty
    plain: int
    seconds: float  # of the processor, for the training alone
    wrong: Sequence[str]


def more_sums() -> list[addition_rows.Pair]:
    """Sums that are kept out here, always the same; none of the lesson's own."""
    chance, own = random.Random(1234), {frozenset(pair) for pair in addition_rows.KEPT_OUT}
    every = [(a, b) for a in range(addition_rows.BELOW) for b in range(a, addition_rows.BELOW)]
    chosen = chance.sample([pair for pair in every if frozenset(pair) not in own], MORE)
    return [pair if chance.random() < 0.5 else pair[::-1] for pair in chosen]


def train(model: str, seed: int, changes: dict[str, Any], more: Collection[addition_rows.Pair], folder: Path) -> Any:
    """The training as the studio's worker makes it, and its processor seconds."""
    from engine.workers.train import checkpointing, training  # noqa: PLC0415  (seconds, and after the environment)

    chats = addition_rows.chats({*addition_rows.KEPT_OUT, *more})
    path = stored(folder / "train.parquet", "chat", [{"messages": turns} for turns in chats])
    recipe = lesson.recipe("bench", "bench").model_dump(mode="json") | {"save_steps": 100_000, "seed": seed} | changes
    told = {"recipe": recipe, "model_path": model, "dataset_kind": "chat", "dataset_path": str(path)}
    made = training.make(training.Spec.read(told), training.SUPERVISED, folder)
    began = time.process_time()
    checkpointing.train(made.trainer, None)
    return made, time.process_time() - began


def as_served(made: Any) -> Any:
    """The model with its adapter in the precision that a server computes in, and PEFT's own layers."""
    from engine.workers.trainers import lean_lora  # noqa: PLC0415

    model = made.trainer.model.eval()
    lean_lora.disable(model)
    for name, weight in model.named_parameters():
        if "lora_" in name:
            weight.data = weight.data.bfloat16()
    return model


def answers(model: Any, tokenizer: Any, questions: Sequence[str], together: int = 40) -> Iterator[str]:
    """Greedy answers, each to a chat of one question."""
    tokenizer.padding_side = "left"
    for start in range(0, len(questions), together):
        chats = [[{"role": "user", "content": question}] for question in questions[start : start + together]]
        texts = tokenizer.apply_chat_template(chats, add_generation_prompt=True, tokenize=False)
        asked = tokenizer(texts, padding=True, add_special_tokens=False, return_tensors="pt")
        length, ends = asked["input_ids"].shape[1], tokenizer.eos_token_id
        said = model.generate(
            **asked, max_new_tokens=LONGEST_ANSWER, do_sample=False, pad_token_id=ends, eos_token_id=ends
        )
        yield from (tokenizer.decode(row[length:], skip_special_tokens=True) for row in said)


def learn(model: str, seed: int, changes: dict[str, Any]) -> Learnt:
    more = more_sums()
    with tempfile.TemporaryDirectory() as folder:
        made, seconds = train(model, seed, changes, more, Path(folder))
        tuned, tokenizer = as_served(made), made.base.tokenizer
        sums = [*addition_rows.KEPT_OUT, *more]
        said = list(answers(tuned, tokenizer, [addition_rows.QUESTION.format(*pair) for pair in sums]))
        right = [answer == addition_rows.ANSWER.format(*p, sum(p)) for p, answer in zip(sums, said, strict=True)]
        plain = list(answers(tuned, tokenizer, list(PLAIN)))
        known = sum(word.lower() in answer.lower() for word, answer in zip(PLAIN.values(), plain, strict=True))
    own = len(addition_rows.KEPT_OUT)
    wrong = [answer for answer, is_right in zip(said, right, strict=True) if not is_right]
    return Learnt(sum(right[:own]), sum(right[own:]), known, seconds, wrong)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--set", nargs="*", default=[], metavar="FIELD=VALUE")
    chosen = parser.parse_args()
    os.environ.update(sft.OFFLINE)
    changes = {name: yaml.safe_load(value) for name, value in (one.split("=", 1) for one in chosen.set)}
    found = []
    for seed in range(chosen.seeds):
        found.append(learn(chosen.model, seed, changes))
        print(f"seed {seed}: {json.dumps(found[-1]._asdict())}", flush=True)
    for name, most in (("own", len(addition_rows.KEPT_OUT)), ("more", MORE), ("plain", len(PLAIN))):
        values = [getattr(one, name) for one in found]
        print(f"{name:8} of {most:3}: mean {statistics.mean(values):.1f}, worst {min(values)}")
    print(f"processor seconds: {statistics.median(one.seconds for one in found):.0f} in the middle")


if __name__ == "__main__":
    main()
