"""What a model is told: short, in English, with the code in fences that the code cannot close.

Words of the answer come in the language of the task: small models follow a language that is named, so it is named
where the letters say which it is.
"""

from collections.abc import Mapping

from engine.code import languages
from engine.code.wanted import Wanted

MOST_SHOWN = 200_000  # characters of files in one prompt
SHOWN_ERROR = 4_000  # characters: a traceback ends with the exception
CURSOR = "<CURSOR>"
_LETTERS = (("Korean", 0xAC00, 0xD7A3), ("Japanese", 0x3040, 0x30FF), ("Chinese", 0x4E00, 0x9FFF))
_ORDERS = {
    "write": "Write {title} code for this task.",
    "explain": "Explain what this {title} code does, step by step.",
    "fix": "This {title} code is wrong. Find the mistake and write the corrected code in full.",
    "test": "Write tests for this {title} code. {tests}",
    "document": "Add docstrings and comments to this {title} code. Do not change what it does. Write it in full.",
    "refactor": "Make this {title} code shorter and clearer. It must do the same as before. Write it in full.",
    "translate": "Translate this {title} code to {title2}. The program must do the same.",
    "complete": "Write the {title} code that belongs at {cursor}. Answer with only the code to put there.",
}
_TESTS = "Name the file test_main.py, import from `{module}`, and use functions named test_... with assert."


def messages(request: Wanted) -> list[dict[str, str]]:
    """The question as turns of a chat."""
    turns = [{"role": "user", "content": question(request)}]
    return [{"role": "system", "content": _system(request)}, *turns]


def text(request: Wanted) -> str:
    """The question for a model that only writes on; what it writes is in a fence that is open already."""
    return (
        f"{question(request)}\n\n{primer(request)}" if request.does.writes_code else f"{question(request)}\n\nAnswer:\n"
    )


def primer(request: Wanted) -> str:
    """The beginning of an answer that is code."""
    return f"```{request.speaks.name}\n"


def question(request: Wanted) -> str:
    """What is asked: the order, the task, the files, what went wrong."""
    cursor = _cursor(request)
    parts = [_order(request, cursor)]
    if request.task.strip():
        parts.append(("Task: " if request.action in ("write", "fix") else "Note: ") + request.task.strip())
    if request.action == "complete":
        parts.append(_with_cursor(request, cursor))
    elif request.files and request.does.reads("code"):
        parts.append(_shown(request.files))
    if request.error.strip() and request.does.reads("error"):
        parts.append("It said:\n" + _fenced("", "", request.error.strip()[-SHOWN_ERROR:]))
    return "\n\n".join(parts)


def _system(request: Wanted) -> str:
    speaks = request.speaks
    lines = [f"You are a careful programmer. You write {speaks.title}."]
    if request.does.writes_code and request.action != "complete":
        lines.append(f"Put the code in one block that begins with ```{speaks.name} and ends with ```.")
        if len(request.files) > 1:
            lines.append(f"With several files, begin each block with its name, such as ```{speaks.name} {speaks.main}.")
    lines.append(f"Write words in {_spoken(request.task)}.")
    return " ".join(lines)


def _spoken(task: str) -> str:
    for letter in task:
        for name, first, last in _LETTERS:
            if first <= ord(letter) <= last and not (name == "Chinese" and _has_kana(task)):
                return name
    return "the language of the task" if task.strip() else "English"


def _has_kana(task: str) -> bool:
    return any(0x3040 <= ord(letter) <= 0x30FF for letter in task)


def _order(request: Wanted, cursor: str) -> str:
    tests = ""
    if request.action == "test" and request.speaks.name == "python":
        tests = _TESTS.format(module=request.main.removesuffix(".py").replace("/", "."))
    return (
        _ORDERS[request.action]
        .format(title=languages.named(request.language).title, title2=request.speaks.title, tests=tests, cursor=cursor)
        .strip()
    )


def _cursor(request: Wanted) -> str:
    """A mark for the cursor that is not in the code already."""
    code = "".join(request.files.values()) if request.action == "complete" else ""
    return next(mark for mark in (CURSOR, *(f"<CURSOR_{n}>" for n in range(1, len(code) + 2))) if mark not in code)


def _with_cursor(request: Wanted, cursor: str) -> str:
    from_file = request.cursor_file or request.main
    before, behind = request.around_cursor()
    others = {name: content for name, content in request.files.items() if name != from_file}
    shown = _fenced(request.speaks.name, from_file, f"{before}{cursor}{behind}")
    return f"{_shown(others)}\n\n{shown}" if others else shown


def _shown(files: Mapping[str, str]) -> str:
    blocks = []
    for name, content in files.items():
        language = languages.of_file(name)
        blocks.append(_fenced(language.name if language else "", name, content))
    return "\n\n".join(blocks)


def _fenced(language: str, name: str, content: str) -> str:
    """A block whose fence is longer than any run of backticks in it."""
    longest = run = 0
    for letter in content:
        run = run + 1 if letter == "`" else 0
        longest = max(longest, run)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}{' ' if language and name else ''}{name}\n{content.rstrip(chr(10))}\n{fence}"
