"""The first lesson as a beginner has it: `python -m tests.bench.lesson`.

Starts a studio on an empty home and the lesson in it; prints when each stage began (seconds since the button), how long
the run took to its first loss, how many of the sums that were kept out of the data are right, and what is said to plain
questions. Budget: 75 s from the button to the chat on two idle cores, 18 of 20 sums, nothing plain forgotten.
"""

import tempfile
import time
from pathlib import Path

from engine.lesson import addition_rows, plain_rows
from engine.process import events
from tests.bench.spine import Studio, until

PLAIN = ("What is the capital of Japan?", "Who wrote Romeo and Juliet?", "What is the opposite of hot?")


def stages(studio: Studio) -> None:
    """Runs the lesson to its end. Exits when it fails."""
    began, shown = time.monotonic(), ""
    studio.post("lesson", {})
    while shown not in ("ready", "failed"):
        stage = str(studio.get("lesson")["stage"])
        if stage != shown:
            print(f"{time.monotonic() - began:6.1f} s  {stage}", flush=True)
            shown = stage
        time.sleep(0.2)
    if shown == "failed":
        raise SystemExit(studio.get("lesson")["error"])


def first_loss(studio: Studio) -> float:
    """Seconds from the start of the run to its first loss."""
    run = studio.get(f"runs/{studio.get('lesson')['run_id']}")
    seen, _ = events.read(studio.home / "runs" / run["id"])
    return next(event.at for event in seen if isinstance(event, events.Step)) - float(run["started_at"])


def ask(studio: Studio, question: str) -> str:
    messages = [{"role": "user", "content": question}]
    body = {"model": "first-lesson", "messages": messages, "temperature": 0, "max_tokens": 24}
    answer = studio.http.post("/v1/chat/completions", json=body).raise_for_status()
    return str(answer.json()["choices"][0]["message"]["content"])


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        studio = Studio(str(Path(folder) / "home"))
        try:
            until(studio.answers)
            stages(studio)
            print(f"first loss {first_loss(studio):.1f} s after the run began")
            answers = {pair: ask(studio, addition_rows.QUESTION.format(*pair)) for pair in addition_rows.KEPT_OUT}
            wrong = [answer for pair, answer in answers.items() if f"equals {sum(pair)}." not in answer]
            print(f"{len(answers) - len(wrong)} of {len(answers)} sums right; wrong: {wrong}")
            for question in (plain_rows.QUESTION, *PLAIN):
                print(f"{question} {ask(studio, question)}")
        finally:
            studio.close()


if __name__ == "__main__":
    main()
