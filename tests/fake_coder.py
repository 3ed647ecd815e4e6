"""What tests.fake_openai answers when it is asked about code as the studio asks: good code, told by the task's words.

* `mean` is wrong at first: it raises ZeroDivisionError; shown that exception, the code is right.
* `double` is right with an even seed and wrong with an odd one.
* `hopeless` never gets better, and `hostile` gives names and characters that should harm nobody.
* `nothing` has no code, `fixed` two files. Anything else prints hello.
"""

MEAN = "def mean(numbers):\n    return sum(numbers) / len(numbers)\n\n\nprint(mean([1, 2, 3]))\nprint(mean([]))\n"
MENDED = MEAN.replace("    return sum", "    return 0.0 if not numbers else sum")
DOUBLE = "def double(number):\n    return number * 2\n\n\nprint(double(4))\n"
WRONG = DOUBLE.replace("* 2", "+ 2")
TESTS = "from main import double\n\n\ndef test_double():\n    assert double(4) == 8\n"
HOSTILE = "print('safe')  # \u202e\u2066 nothing\n"
MIDDLE = "return a + b"


def answer(messages: list[dict[str, str]], seed: int) -> str | None:
    """The answer to a question of the Code room; None when it is none of those."""
    if not messages or not str(messages[0].get("content", "")).startswith("You are a careful programmer."):
        return None
    asked, is_korean = str(messages[-1]["content"]), "Write words in Korean." in str(messages[0]["content"])
    if asked.startswith("Explain"):
        return "이 코드는 평균을 계산합니다." if is_korean else "The code adds the numbers and divides by their count."
    if "<CURSOR" in asked:
        return _block(MIDDLE, "python")
    if asked.startswith("Translate"):
        return _block("console.log(4 * 2);", "javascript")
    return ("여기 코드가 있습니다.\n\n" if is_korean else "Here is the code.\n\n") + _code(asked, seed)


def _code(asked: str, seed: int) -> str:
    if asked.startswith("Write tests"):
        return _block(TESTS, "python")
    if "ZeroDivisionError" in asked:
        return _block(MENDED, "python")
    if "double" in asked:
        return _block(DOUBLE if seed % 2 == 0 else WRONG, "python")
    if "hopeless" in asked:
        return _block(f"raise ValueError('try {asked.count('try') + 1}')\n", "python")
    return next((text for word, text in _BY_WORD.items() if word in asked), _block("print('hello')\n", "python"))


def _block(text: str, info: str) -> str:
    return f"```{info}\n{text.rstrip()}\n```"


def filled(prompt: str) -> str | None:
    """What belongs in the gap of a prompt with tokens to fill in the middle, or into a fence that was opened."""
    if any(token in prompt for token in ("<|fim_middle|>", "<fim_middle>", "<｜fim▁end｜>", "▁<MID>", "[PREFIX]")):
        return MIDDLE
    return DOUBLE if prompt.endswith("```python\n") else None


_HOSTILE_NAMES = ("../../etc/cron.d/evil.py", "C:\\windows\\evil.py", "a\u202eb.py")
_BY_WORD = {
    "nothing": "I do not know.",
    "hostile": "\n\n".join(_block(HOSTILE, f"python name={name}") for name in _HOSTILE_NAMES),
    "two files": "\n\n".join(
        (
            _block("import shapes\n\nprint(shapes.area(2))\n", "python main.py"),
            _block("def area(a):\n    return a * a\n", "python shapes.py"),
        )
    ),
    "torn": "```python\nprint('half') # torn in the middle",
    "mean": _block(MEAN, "python"),
    "평균": _block(MEAN, "python"),
}
