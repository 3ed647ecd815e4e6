"""Results of evaluations as the studio keeps them, for tests of what shows and exports them."""

from typing import Any

from engine.evaluate import shape

HOSTILE = (
    "<img src=x onerror='window.pwned=1'>${window.pwned=2}</script><script>window.pwned=3</script>\u202egnp.exe C:\\u"
)
BETTER: dict[str, Any] = {
    "status": "succeeded",
    "verdict": "better",
    "sentence": "Better. Exact match went from 5 % to 92 % on 40 rows. The true difference is between +78 points "
    "and +95 points, with 95 % confidence. But worse at: Repetition.",
    "but_worse": ["repetition"],
    "primary": "exact_match",
    "rows": 40,
    "clusters": 40,
    "metrics": [
        {"name": "exact_match", "title": "Exact match", "better": "higher", "base": 0.05, "tuned": 0.925,
         "difference": 0.875, "low": 0.775, "high": 0.95, "p": 0.0000001, "verdict": "better", "rows": 40},
        {"name": "token_f1", "title": "Token F1", "better": "higher", "base": 0.31, "tuned": 0.94,
         "difference": 0.63, "low": 0.52, "high": 0.71, "p": 0.0001, "verdict": "better", "rows": 40},
        {"name": "nll", "title": "Loss of the answers", "better": "lower", "base": 2.31, "tuned": 0.12,
         "difference": -2.19, "low": -2.4, "high": -1.9, "p": 0.0001, "verdict": "better", "rows": 40},
        {"name": "repetition", "title": "Repetition", "better": "lower", "base": 0.02, "tuned": 0.09,
         "difference": 0.07, "low": 0.03, "high": 0.11, "p": 0.004, "verdict": "worse", "rows": 40},
        {"name": "chrf", "title": "chrF", "better": "higher", "base": 41.0, "tuned": 44.0,
         "difference": 3.0, "low": -1.5, "high": 7.9, "p": 0.2, "verdict": "no_proof", "rows": 40},
        {"name": "length", "title": "Length", "better": "neither", "base": 154.3, "tuned": 21.0,
         "difference": -133.3, "low": -150.0, "high": -110.0, "p": 0.0001, "verdict": None, "rows": 40},
    ],
    "worse_rows": [
        {"row": 12, "prompt": "What is 22 plus 2?", "expected": "22 plus 2 equals 24.",
         "base": "22 plus 2 equals 24.", "tuned": "22 plus 2 equals 22.", "base_score": 1.0, "tuned_score": 0.0},
        {"row": 31, "prompt": "What is 3 plus 24?", "expected": "3 plus 24 equals 27.",
         "base": "The answer is 27.", "tuned": "3 plus 24 equals 57.", "base_score": 0.5, "tuned_score": 0.2},
    ],
    "subject": "run:r1", "subject_title": "first-lesson", "against": "model:m1", "against_title": "SmolLM2-135M",
    "dataset_id": "d1", "dataset_name": "sums", "part": "test", "all_rows": 120,
    "leakage": {"exact": 0, "near": 0, "checked": 40, "compared": 180},
    "skills": {
        "questions": 60, "base": 0.4, "tuned": 0.25, "difference": -0.15, "low": -0.25, "high": -0.05,
        "verdict": "worse",
        "by_skill": [{"name": "arithmetic", "questions": 10, "base": 2, "tuned": 7},
                     {"name": "code", "questions": 10, "base": 5, "tuned": 0}],
        "loss": {"base": 2.9, "tuned": 3.4},
        "lost": [{"question": "Write a Python function that doubles a number.", "expected": "def",
                  "base": "def double(x): return 2 * x", "tuned": "17 plus 6 equals 23."}],
    },
    "seconds": 12.3, "answers_per_second": 14.2, "longest_answer": 256, "created_at": 1_796_000_000.0, "reports": 1,
}  # fmt: skip


def succeeded(**changes: Any) -> dict[str, Any]:
    """A report that says better, complete, with what a test changes."""
    return {**shape.EMPTY, **BETTER, **changes}


def no_proof(**changes: Any) -> dict[str, Any]:
    """One whose interval crosses zero."""
    metric = {"name": "exact_match", "title": "Exact match", "better": "higher", "base": 0.5, "tuned": 0.55,
              "difference": 0.05, "low": -0.1, "high": 0.2, "p": 0.6, "verdict": "no_proof", "rows": 40}  # fmt: skip
    sentence = "No proof. Exact match went from 50 % to 55 % on 40 rows, which may be chance."
    found = {"verdict": "no_proof", "sentence": sentence, "metrics": [metric], "rows_to_decide": 300, "but_worse": []}
    return succeeded(**found, **changes)


def hostile() -> dict[str, Any]:
    """One in which every text is a stranger's."""
    row = {"row": 1, "prompt": HOSTILE, "expected": HOSTILE, "base": HOSTILE + " then", "tuned": "x" * 10**6 + HOSTILE,
           "base_score": 1.0, "tuned_score": None}  # fmt: skip
    lost = dict.fromkeys(("question", "expected", "base", "tuned"), HOSTILE)
    skills = {
        **BETTER["skills"],
        "lost": [lost],
        "by_skill": [{"name": HOSTILE, "questions": 1, "base": 1, "tuned": 0}],
    }
    named = dict.fromkeys(("subject_title", "against_title", "dataset_name", "sentence"), HOSTILE)
    metrics = [{**metric, "title": HOSTILE} for metric in BETTER["metrics"]]
    told = {"notes": [HOSTILE], "but_worse": [HOSTILE], "left_out": 1, "left_out_why": {HOSTILE: 1}}
    return succeeded(**named, **told, worse_rows=[row] * 3, skills=skills, metrics=metrics)
