"""lm-eval, unchanged, against a studio's gateway: sums by multiple choice (`echo` with `logprobs`), and sums in a chat.

    python -m tests.vllm.lm_eval_check PYTHON URL TOKENIZER ENDPOINT... [--rows 24]

PYTHON has `lm-eval[api]` and transformers, URL is a running studio whose token is in TUNESMITH_TOKEN, TOKENIZER a
model's folder. Prints the figures of each endpoint, and how far its log-likelihoods are from those of the first one.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMMON = """
dataset_path: json
dataset_kwargs: {{data_files: {{test: {rows}}}}}
test_split: test
"""
CHOICE = """
task: sums_choice
output_type: multiple_choice
doc_to_text: "{{{{question}}}}"
doc_to_choice: "{{{{choices}}}}"
doc_to_target: "{{{{label}}}}"
metric_list: [{{metric: acc}}, {{metric: acc_norm}}]
"""
CHAT = """
task: sums_chat
output_type: generate_until
doc_to_text: "{{{{question}}}}"
doc_to_target: "{{{{answer}}}}"
generation_kwargs: {{until: ["\\n"], max_gen_toks: 16, do_sample: false}}
filter_list:
  - {{name: last_number, filter: [{{function: regex, regex_pattern: '(\\d+)\\D*$'}}, {{function: take_first}}]}}
metric_list: [{{metric: exact_match, aggregation: mean, higher_is_better: true}}]
"""


@dataclass(frozen=True)
class Scores:
    """What lm-eval found: its metrics by name, each row's answers, and how long the command took."""

    metrics: dict[str, float]
    answers: list[Any]
    seconds: float


@dataclass(frozen=True)
class Harness:
    """lm-eval in an environment of its own, and the gateway that it asks."""

    python: Path
    url: str
    key: str
    tokenizer: Path
    rows: int = 24

    def choice(self, model: str) -> Scores:
        """Log-likelihoods of four sums, by local-completions."""
        named = f"model={model},base_url={self.url}/v1/completions,tokenizer={self.tokenizer},num_concurrent=2"
        return self._run("sums_choice", CHOICE, "local-completions", named, "--batch_size", "4")

    def chat(self, model: str) -> Scores:
        """Written sums, by local-chat-completions."""
        named = f"model={model},base_url={self.url}/v1/chat/completions,num_concurrent=2,tokenized_requests=False"
        return self._run("sums_chat", CHAT, "local-chat-completions", named, "--apply_chat_template")

    def _run(self, task: str, form: str, kind: str, named: str, *more: str) -> Scores:
        with tempfile.TemporaryDirectory() as folder:
            rows = Path(folder) / "sums.jsonl"
            rows.write_text("".join(f"{json.dumps(row)}\n" for row in _sums(task == "sums_chat", self.rows)))
            (Path(folder) / f"{task}.yaml").write_text((form + COMMON).format(rows=rows))
            command = [
                str(self.python), "-m", "lm_eval", "run", "--model", kind, "--model_args", named, "--tasks", task,
                "--include_path", folder, "--output_path", f"{folder}/out", "--log_samples", *more,
            ]  # fmt: skip
            offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HOME": f"{folder}/cache"}
            kept = {name: value for name, value in os.environ.items() if not name.startswith("TUNESMITH_")}
            began = time.monotonic()
            environment = kept | offline | {"OPENAI_API_KEY": self.key}
            ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900, cwd=folder)
            assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-4000:]
            return _scores(Path(folder) / "out", task, time.monotonic() - began)


def _sums(is_chat: bool, count: int) -> list[dict[str, Any]]:
    pairs = [(7 * n % 40 + 3, 11 * n % 30 + 2) for n in range(count)]
    if is_chat:
        return [{"question": f"What is {a} plus {b}?", "answer": str(a + b)} for a, b in pairs]
    return [
        {
            "question": f"{a} plus {b} equals",
            "choices": [str(a + b + off - place) for off in range(4)],
            "label": place,
        }
        for number, (a, b) in enumerate(pairs)
        for place in (number % 4,)
    ]


def _scores(out: Path, task: str, seconds: float) -> Scores:
    [results] = out.rglob("results_*.json")
    found = json.loads(results.read_text())["results"][task]
    metrics = {
        name.partition(",")[0]: value
        for name, value in found.items()
        if isinstance(value, float) and "stderr" not in name
    }
    [samples] = out.rglob(f"samples_{task}_*.jsonl")
    rows = sorted((json.loads(line) for line in samples.read_text().splitlines()), key=lambda row: row["doc_id"])
    return Scores(metrics, [row["resps"] for row in rows], seconds)


def likelihoods(scores: Scores) -> list[float]:
    """The log-likelihood of every choice, in order."""
    return [float(answer[0][0]) for row in scores.answers for answer in row]


def furthest(one: Scores, other: Scores) -> float:
    """The largest difference between two log-likelihoods of the same choice."""
    return max(abs(a - b) for a, b in zip(likelihoods(one), likelihoods(other), strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, kind in (("python", Path), ("url", str), ("tokenizer", Path)):
        parser.add_argument(name, type=kind)
    parser.add_argument("endpoints", nargs="+")
    parser.add_argument("--rows", type=int, default=24)
    given = parser.parse_args()
    harness = Harness(given.python, given.url, os.environ["TUNESMITH_TOKEN"], given.tokenizer, given.rows)
    first: Scores | None = None
    for endpoint in given.endpoints:
        choice, chat = harness.choice(endpoint), harness.chat(endpoint)
        first = first or choice
        print(f"{endpoint}: choice {choice.metrics} in {choice.seconds:.0f} s", end=", ")
        print(f"log-likelihoods up to {furthest(first, choice):.3f} from the first's", end="; ")
        print(f"chat {chat.metrics} in {chat.seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
