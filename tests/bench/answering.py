"""How fast the studio's own server writes, beside another checkout's: `python -m tests.bench.answering OTHER [ROUNDS]`.

Both answer the same greedy questions, in turn, each in a process of its own: tokens a second of each, and the median of
the ratios (this one / the other). Then this one alone with a JSON schema on every answer, beside itself without.
The starter model must have been fetched by a test before.
"""

import os
import statistics
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT
from tests.starter import cache_folder

WRITER = """
import json, queue, sys, time
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from engine.workers.serve.batch import Batch
from engine.workers.serve.load import Voice
from engine.workers.serve.questions import Ending, Question
from engine.workers.serve.sample import Sampling

path, rows, tokens = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
tokenizer = AutoTokenizer.from_pretrained(path)
voice = Voice(AutoModelForCausalLM.from_pretrained(path, dtype=torch.bfloat16).eval(), None, frozenset())
batch, more = Batch(tokenizer), {}

def answer():
    ends = queue.SimpleQueue()
    questions = []
    for row in range(rows):
        prompt = tokenizer(f"Once upon a time there were {row} kings, and")["input_ids"]
        questions.append(
            Question(voice, prompt, Sampling(temperature=0), Ending(tokens), lambda p: p.finish and ends.put(p), **more)
        )
    began = time.perf_counter()
    for question in questions:
        batch.ask(question)
    for _ in range(rows):
        ends.get()
    return sum(question.produced for question in questions) / (time.perf_counter() - began)

for line in sys.stdin:
    if line.strip() == "form":
        from engine.workers.serve.forms.guide import Grammars
        from engine.workers.serve.forms.structured import Form
        item = {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}}
        form = Form("json", {"type": "array", "items": {**item, "required": ["name", "age"]}, "minItems": 100}, "x")
        more = {"grammar": Grammars(tokenizer)._compiled(form)}
    else:
        more = {}
    print(answer(), flush=True)
"""


class Writer:
    """One checkout's batch in a process of its own."""

    def __init__(self, checkout: Path, rows: int = 8, tokens: int = 48) -> None:
        argv = [sys.executable, "-W", "ignore", "-c", WRITER, str(cache_folder() / "starter" / "files")]
        argv += [str(rows), str(tokens)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = subprocess.Popen(argv, cwd=checkout, env=dict(os.environ), text=True, **pipes)  # type: ignore[call-overload]

    def speed(self, what: str = "plain") -> float:
        """Tokens a second of one round."""
        self.process.stdin.write(f"{what}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())


def told(name: str, pairs: list[tuple[float, float]]) -> None:
    ratios = [first / second for first, second in pairs]
    first, second = (statistics.median(side) for side in zip(*pairs, strict=True))
    print(f"{name}: {first:.0f} and {second:.0f} tokens/s, ratio {statistics.median(ratios):.3f} of {len(pairs)} pairs")


def main(other: Path, rounds: int) -> None:
    ours, theirs = Writer(ROOT), Writer(other)
    for writer in (ours, theirs):
        writer.speed()
    pairs = []
    for number in range(rounds):
        order = (ours, theirs) if number % 2 else (theirs, ours)
        speeds = {writer: writer.speed() for writer in order}
        pairs.append((speeds[ours], speeds[theirs]))
    told("this checkout and the other", pairs)
    ours.speed("form")
    told("with a schema and without", [(ours.speed("form"), ours.speed()) for _ in range(rounds)])
    for writer in (ours, theirs):
        writer.process.stdin.close()
        writer.process.wait(30)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 10)
