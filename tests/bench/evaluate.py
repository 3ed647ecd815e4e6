"""Answers a second of the report, beside plain `model.generate`: `python -m tests.bench.evaluate [ROWS [TOKENS]]`.

The same questions to the starter model, greedy, in the same precision and on the same threads: one by one, in batches
of as many rows as the report's, and by the code of the report. Aim: 3 times the first, 0.95 of the second. The starter
model must have been fetched by a test before.
"""

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from engine.workers.evaluate import written
from engine.workers.evaluate.written import Asking
from engine.workers.serve import load
from engine.workers.serve.batch import MOST_ROWS
from tests.starter import cache_folder

ROUNDS = 3
QUESTION = "Explain in a few sentences why {} is {} than {}, and give an example."
WORDS = ("iron", "tea", "a horse", "the sea", "paper", "snow", "a city", "music")


def questions(rows: int, tokenizer: Any) -> list[list[int]]:
    """Questions of differing lengths, as token ids."""
    asked = [
        QUESTION.format(WORDS[row % 8], "older or much larger" * (1 + row % 3), WORDS[row * 3 % 7])
        for row in range(rows)
    ]
    texts = [
        tokenizer.apply_chat_template([{"role": "user", "content": text}], add_generation_prompt=True, tokenize=False)
        for text in asked
    ]
    ids: list[list[int]] = tokenizer(texts, add_special_tokens=False)["input_ids"]
    return ids


def generate(network: Any, tokenizer: Any, prompts: Sequence[list[int]], tokens: int) -> None:
    """Plain transformers: padded at the left, greedy."""
    tokenizer.padding_side = "left"
    batch = tokenizer.pad({"input_ids": list(prompts)}, return_tensors="pt").to(network.device)
    with torch.inference_mode():
        network.generate(**batch, do_sample=False, max_new_tokens=tokens, pad_token_id=tokenizer.pad_token_id)


@dataclass(frozen=True)
class Rate:
    """Answers a second by the clock, and for each second of processor time: what a busy machine does not change."""

    clock: float
    processor: float

    def line(self, name: str) -> str:
        return f"{name:<12} {self.clock:7.2f} answers/s, {self.processor:7.2f} a processor second"


def rate(count: int, work: Callable[[], object]) -> Rate:
    """The median of some rounds."""
    by_clock, by_processor = [], []
    for _ in range(ROUNDS):
        began, used = time.perf_counter(), time.process_time()
        work()
        by_clock.append(count / (time.perf_counter() - began))
        by_processor.append(count / (time.process_time() - used))
    return Rate(statistics.median(by_clock), statistics.median(by_processor))


def main(rows: int = MOST_ROWS, tokens: int = 48) -> None:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    path = str(cache_folder() / "starter" / "files")
    loaded = load.load({"model_path": path, "adapters": {}, "names": {"base": load.BASE}, "device": device})
    voice, tokenizer = loaded.voices["base"], loaded.tokenizer
    prompts = questions(rows, tokenizer)
    asked = [Asking(prompt, tokens) for prompt in prompts]
    groups = [[prompts[number] for number in group] for group in written.batches([len(prompt) for prompt in prompts])]
    few = max(2, rows // 8)

    def plainly(batches: Sequence[Sequence[list[int]]]) -> None:
        for batch in batches:
            generate(voice.network, tokenizer, batch, tokens)

    one = rate(few, lambda: plainly([[prompt] for prompt in prompts[:few]]))
    many = rate(rows, lambda: plainly(groups))

    def ours() -> None:
        for group in written.batches([len(prompt) for prompt in prompts]):
            written.answers(voice, tokenizer, [asked[number] for number in group], lambda: None)

    report = rate(rows, ours)
    print(
        f"{rows} answers of up to {tokens} tokens, {device}, {torch.get_num_threads()} threads, {voice.network.dtype}"
    )
    for name, found in (("one by one", one), ("in batches", many), ("the report", report)):
        print(found.line(name))
    for name, other in (("one by one", one), ("batches", many)):
        ratios = report.clock / other.clock, report.processor / other.processor
        print(f"{ratios[0]:.2f} of {name} by the clock, {ratios[1]:.2f} by processor time")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
