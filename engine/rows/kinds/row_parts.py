"""The parts a row of each kind is made of, for those who map columns by hand, and the names columns usually have."""

import re

from engine.rows.verdict import Kind

# Part -> what it is. A column goes to each; lists may be written as JSON inside a text cell.
ABOUT = {
    "messages": "a whole chat: a list of turns",
    "prompt": "what is asked: text, or a list of turns",
    "input": "what the question is about; put below the question",
    "completion": "the answer: text, or a list of turns",
    "system": "a system text",
    "history": "earlier exchanges: a list of [question, answer]",
    "tools": "the tools that may be called: a list of function schemas",
    "text": "the text",
    "chosen": "the better answer: text, one turn, or a list of turns",
    "rejected": "the worse answer: text, one turn, or a list of turns",
    "answers": "several answers with ranks: a list of {answer, rank}; the best is compared with the worst",
    "label": "whether the answer is good: true or false, 1 or 0, yes or no",
    "completions": "the steps of an answer: a list of texts",
    "labels": "whether each step is right: a list of true and false",
}

_BESIDE = ("system", "history", "tools")
PARTS: dict[Kind, tuple[str, ...]] = {
    "chat": ("messages", "prompt", "input", "completion", *_BESIDE),
    "completion": ("prompt", "completion"),
    "text": ("text",),
    "preference": ("messages", "prompt", "input", "completion", "chosen", "rejected", "answers", *_BESIDE),
    "unpaired": ("messages", "prompt", "input", "completion", "label", *_BESIDE),
    "prompt": ("messages", "prompt", "input", *_BESIDE),
    "stepwise": ("prompt", "completions", "labels"),
}

# The sets of parts of which one must be there.
NEEDS: dict[Kind, tuple[tuple[str, ...], ...]] = {
    "chat": (("messages",), ("prompt", "completion")),
    "completion": (("prompt", "completion"),),
    "text": (("text",),),
    "preference": (
        ("prompt", "chosen", "rejected"),
        ("chosen", "rejected"),
        ("messages", "rejected"),
        ("prompt", "completion", "rejected"),
        ("prompt", "answers"),
    ),
    "unpaired": (("messages", "label"), ("prompt", "completion", "label")),
    "prompt": (("messages",), ("prompt",)),
    "stepwise": (("prompt", "completions", "labels"),),
}

# Names of columns, the usual one first. Of two that are there the first is taken.
_CHATS = ("messages", "conversations", "conversation", "chat", "dialogue", "dialog", "turns", "texts")
CHATS = (*_CHATS, "contents", "trajectory")
_PROMPTS = ("prompt", "query", "question", "instruction", "problem", "input", "user", "human")
_MORE_PROMPTS = ("prompt_messages", "user_prompt", "user_input", "user_query", "user_message")
PROMPTS = (*_PROMPTS, *_MORE_PROMPTS, "질문", "프롬프트", "지시문", "지시", "명령", "문제")
_ANSWERS = ("completion", "response", "answer", "output", "solution", "target", "targets", "canonical_solution")
_MORE_ANSWERS = ("answer_key", "answers", "assistant", "assistant_response", "model_response", "model_answer")
ANSWERS = (*_ANSWERS, *_MORE_ANSWERS, "답변", "응답", "대답", "출력", "정답", "답")
SENDERS = ("user", "human")  # in exports of chats and logs also who wrote a text, as a name or an id
COMPLETIONS = (*ANSWERS, "text", "content")
INPUTS = ("input", "context", "입력")
LABELS = ("label", "kto_tag")
BESIDE = {
    "system": ("system", "system_prompt", "system_instruction", "systeminstruction"),
    "history": ("history",),
    "tools": ("tools", "functions"),
}
_ID = re.compile(r"@?[\w.:@-]{1,64}")


def is_id(value: object) -> bool:
    """Whether a value names somebody or something rather than says something: one word with a digit or an @ in it, or
    a number, such as U024BE7LH, ann@example.org, 4711."""
    if not isinstance(value, str):
        return value is not None
    return _ID.fullmatch(value) is not None and any(letter.isdigit() or letter == "@" for letter in value)
