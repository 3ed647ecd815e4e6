"""What was forgotten: a few dozen plain questions with checkable answers, and the loss on plain texts."""

from collections.abc import Sequence
from typing import Any

from engine.evaluate.skills import questions as shipped
from engine.evaluate.skills import texts as plain_texts
from engine.evaluate.statistics.compare import compare
from engine.workers.evaluate.gathering import Found
from engine.workers.evaluate.likelihood import Likelihood

MOST_LOST = 20


def prompts() -> list[tuple[str, int]]:
    """What is asked, and how many tokens an answer may have."""
    return [(question.prompt, question.max_tokens) for question in shipped.QUESTIONS]


def texts() -> list[str]:
    return list(plain_texts.TEXTS)


def result(base: Found, tuned: Found, seed: int) -> dict[str, Any]:
    """One figure over all questions with its interval, mere counts for each skill, and what was known before."""
    right = {name: _right(difference) for name, difference in (("base", base), ("tuned", tuned))}
    difference = compare(right["base"], right["tuned"], None, binary=True, better="higher", seed=seed)
    pairs = list(zip(shipped.QUESTIONS, right["base"], right["tuned"], base.skills, tuned.skills, strict=True))
    names = dict.fromkeys(question.skill for question in shipped.QUESTIONS)
    lost = [
        {"skill": question.skill, "question": question.prompt, "expected": question.expected,
         "base": said.text, "tuned": now.text}
        for question, before, after, said, now in pairs if before and not after
    ]  # fmt: skip
    numbers = {
        field: getattr(difference, field) for field in ("base", "tuned", "difference", "low", "high", "p", "verdict")
    }
    return {
        "questions": len(pairs),
        **numbers,
        "by_skill": [
            {
                "name": name,
                "questions": sum(pair[0].skill == name for pair in pairs),
                "base": int(sum(pair[1] for pair in pairs if pair[0].skill == name)),
                "tuned": int(sum(pair[2] for pair in pairs if pair[0].skill == name)),
            }
            for name in names
        ],
        "loss": {"base": _loss(base.plain), "tuned": _loss(tuned.plain)},
        "lost": lost[:MOST_LOST],
    }


def _right(answers: Found) -> list[float]:
    pairs = zip(shipped.QUESTIONS, answers.skills, strict=True)
    return [float(shipped.check(question, answer.text)) for question, answer in pairs]


def _loss(read: Sequence[Likelihood]) -> float | None:
    """Of a token, over all texts."""
    tokens = sum(count for _, count in read)
    return -sum(total for total, _ in read) / tokens if tokens else None
