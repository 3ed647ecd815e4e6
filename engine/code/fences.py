"""Code out of answers: fenced blocks and the names of files, read line by line. An answer is a stranger's text."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from engine import hidden
from engine.code import file_names, languages
from engine.code.languages import Language

MOST_ANSWER = 1_000_000  # characters that are looked at
MOST_BLOCKS = 500
MOST_NAME_WORDS = 8  # of a line that is about a file's name and not about something else
_MARKS = " \t*_`'\":#()[]<>=,;"


@dataclass(frozen=True)
class Code:
    """The files of an answer, and what a person should know about them."""

    files: dict[str, str]
    warnings: list[str] = field(default_factory=list)


@dataclass
class Block:
    """One fenced block. `info` stands behind its fence, `before` on the last line above that is not empty."""

    info: str
    before: str
    lines: list[str]
    is_closed: bool = False

    @property
    def language(self) -> Language | None:
        return languages.of_fence(self._words()[0].partition(":")[0]) if self._words() else None

    def _words(self) -> list[str]:
        return self.info.replace("{", " ").replace("}", " ").split()

    def name(self) -> str:
        """What the file is called: behind the fence, on the line above, or in a first line of comment."""
        words = [part for word in self._words() for part in word.replace("=", ":").split(":")]
        file_name = next((name for word in words if (name := _file_name(word))), "")
        return file_name or self._name_above() or self._name_inside()

    def _name_above(self) -> str:
        words = self.before.split()
        names = [name for word in words if (name := _file_name(word)) and self._fits(name)]
        return names[0] if len(words) <= MOST_NAME_WORDS and len(names) == 1 else ""

    def _name_inside(self) -> str:
        first = self.lines[0].strip() if self.lines else ""
        mark = next((mark for mark in ("#", "//", "--", "<!--", "/*") if first.startswith(mark)), "")
        words = first.removeprefix(mark).removesuffix("-->").removesuffix("*/").split() if mark else []
        name = _file_name(words[-1]) if 1 <= len(words) <= 2 else ""
        return name if name and self._fits(name) else ""

    def _fits(self, name: str) -> bool:
        return self.language is None or languages.of_file(name) is self.language


def files_of(answer: str, language: str) -> dict[str, str]:
    """The code of an answer by names of files; main.py (or main.js ...) when there is one block without a name."""
    return read(answer, language).files


def read(answer: str, language: str, main: str = "", given: str | None = None) -> Code:
    """The same with warnings. Names lead nowhere, files are as many and as large as a snippet may have.

    `main`: what the first block without a name is called, instead of main.py. `given`: code that the answer is about;
    one block without a name is then taken, and not one that only quotes it.
    """
    speaks = languages.named(language)
    main = main or speaks.main
    text = spoken(hidden.storable(answer[:MOST_ANSWER]).replace("\r\n", "\n"))
    fenced = list(islice(blocks(text), MOST_BLOCKS))
    code = Code({})
    chosen = _of_language(fenced, speaks)
    for block in chosen if given is None else _one(chosen, given):
        _add(code, block, main)
    if not fenced and _looks_like_code(text, speaks):
        code.files[main] = text.strip("\n") + "\n"
    for name, content in code.files.items():
        if sentence := hidden.warning(content, f"`{name}`"):
            code.warnings.append(sentence)
    return code


def spoken(answer: str) -> str:
    """The answer without what a reasoning model thought before it; nothing while it still thinks."""
    if not answer.lstrip().startswith("<think>"):
        return answer
    return answer.partition("</think>")[2]


def blocks(text: str) -> Iterator[Block]:
    """The fenced blocks of a text. One that is not closed ends with the text: the answer may have been cut."""
    block: Block | None = None
    fence, indent, depth, before = "", 0, 0, ""
    for line in text.split("\n"):
        mark, info = _fence(line)
        if block is None:
            if mark:
                block, fence, indent, depth = Block(info, before, []), mark, len(line) - len(line.lstrip()), 0
            elif line.strip():
                before = line.strip()[:300]
            continue
        closes = mark.startswith(fence) and not info
        if closes and depth == 0:
            block.is_closed = True
            yield block
            block, before = None, ""
            continue
        if mark and block.language is languages.LANGUAGES["markdown"]:  # its own fences stand in it
            depth += 1 if info else -1
        block.lines.append(line[min(indent, len(line) - len(line.lstrip())) :])
    if block is not None:
        yield block


def _fence(line: str) -> tuple[str, str]:
    """The backticks or tildes that a line begins with, three at least, and what follows them."""
    stripped = line.strip()
    for sign in ("`", "~"):
        if stripped.startswith(sign * 3):
            info = stripped.lstrip(sign)
            return ("", "") if sign == "`" and "`" in info else (stripped[: len(stripped) - len(info)], info.strip())
    return "", ""


def _of_language(filled: list[Block], speaks: Language) -> list[Block]:
    """Blocks that are files: with a name, or in the language; else those that say no language; else all."""
    filled = [block for block in filled if any(line.strip() for line in block.lines)]
    chosen = [block for block in filled if block.language is speaks or block.name()]
    return chosen or [block for block in filled if not block.info] or filled


def _one(chosen: list[Block], given: str) -> list[Block]:
    """Those with a name, and of the others the longest that is not what was given; the last of several."""
    unnamed = [block for block in chosen if not block.name()]
    quoted = given.split()
    new = [block for block in unnamed if "\n".join(block.lines).split() != quoted] or unnamed
    longest = max(new[::-1], key=lambda block: sum(map(len, block.lines)), default=None)
    return [block for block in chosen if block is longest or block.name()]


def _add(code: Code, block: Block, main: str) -> None:
    text = "\n".join(block.lines).strip("\n") + "\n"
    size = sum(len(content.encode()) for content in code.files.values())
    if len(code.files) >= file_names.MOST_FILES or size + len(text.encode()) > file_names.MOST_BYTES:
        if not code.warnings or "left out" not in code.warnings[-1]:
            code.warnings.append("The answer has more or larger files than a snippet may have: some were left out.")
        return
    said = block.name()
    name = file_names.cleaned(said)
    if said and name != said:
        instead = f"`{name}`" if name else "another name"
        code.warnings.append(f"The name `{hidden.escaped(said)[:120]}` was changed to {instead}.")
    if said and said == name and name in code.files:  # the model has written the file again: the newer one counts
        code.files[name] = text
        return
    code.files[file_names.free(name or _usual_name(block, code, main), code.files)] = text


def _usual_name(block: Block, code: Code, main: str) -> str:
    """What a block without a name becomes: the main file, then tests of it, then further parts."""
    speaks = languages.of_file(main)
    language = block.language or speaks
    if language is None or language is speaks:
        if main not in code.files:
            return main
        is_tests = main.endswith(".py") and _has_tests(block.lines)
        return "test_main.py" if is_tests else f"part_2.{main.rpartition('.')[2]}"
    return language.main if language.main not in code.files else f"part_2.{language.ending}"


def _has_tests(lines: list[str]) -> bool:
    return any(line.startswith(("def test_", "import unittest", "import pytest", "class Test")) for line in lines)


def _file_name(word: str) -> str:
    """The word without marks around it, where it looks like the name of a file; else nothing."""
    name = word.strip(_MARKS).rstrip(".")
    stem, dot, ending = name.rpartition(".")
    is_name = bool(dot and stem) and 1 <= len(ending) <= 10 and ending.isascii() and ending.isalnum()
    return name if is_name and not ending.isdigit() and "://" not in name else ""


def _looks_like_code(text: str, speaks: Language) -> bool:
    """Whether an answer without fences is code: a model was asked for code only, and gave it."""
    begins = {
        "python": ("def ", "class ", "import ", "from ", "#!", "@", "print("),
        "javascript": ("function ", "const ", "let ", "var ", "import ", "//"),
        "html": ("<!doctype", "<!DOCTYPE", "<html"),
        "sql": ("SELECT ", "CREATE ", "INSERT ", "WITH "),
        "shell": ("#!",),
    }
    lines = [line for line in text.split("\n") if line.strip()]
    return bool(lines) and lines[0].startswith(begins.get(speaks.name, ()))
