"""Files out of answers, however a model writes them, and whatever it tries."""

import time

import pytest

from engine import hidden
from engine.code import fences, file_names
from engine.errors import RefusedError


@pytest.mark.parametrize(
    ("answer", "files"),
    [
        ("Here:\n```python\nx = 1\n```\nDone.", {"main.py": "x = 1\n"}),
        ("```py\nx = 1", {"main.py": "x = 1\n"}),  # cut off
        ("```\nx = 1\n```", {"main.py": "x = 1\n"}),
        ("~~~python\nx = 1\n~~~", {"main.py": "x = 1\n"}),
        ("1. Do\n   ```python\n   if x:\n       y()\n   ```", {"main.py": "if x:\n    y()\n"}),
        ("```python main.py\nimport b\n```\n```python b.py\nx = 1\n```", {"main.py": "import b\n", "b.py": "x = 1\n"}),
        ('```python title="app/a.py"\nx = 1\n```', {"app/a.py": "x = 1\n"}),
        ("```python:a.py\nx = 1\n```", {"a.py": "x = 1\n"}),
        ("**a.py**\n\n```python\nx = 1\n```", {"a.py": "x = 1\n"}),
        ("File: `a.py`\n```python\nx = 1\n```", {"a.py": "x = 1\n"}),
        ("```python\n# a.py\nx = 1\n```", {"a.py": "# a.py\nx = 1\n"}),
        ("```python\nx = 1\n```\nRun it with `python main.py`:\n```bash\npython main.py\n```", {"main.py": "x = 1\n"}),
        ("Use:\n```python\nx = 1\n```\nThen:\n```text\n1\n```", {"main.py": "x = 1\n"}),
        ("````python\ns = '''\n```\n'''\n````", {"main.py": "s = '''\n```\n'''\n"}),
        ("```python\nx = 1\n```\n```python\ny = 2\n```", {"main.py": "x = 1\n", "part_2.py": "y = 2\n"}),
        ("```python\nx = 1\n```\n```python\ndef test_x(): pass\n```",
         {"main.py": "x = 1\n", "test_main.py": "def test_x(): pass\n"}),
        ("```python a.py\nx = 1\n```\nBetter:\n```python a.py\nx = 2\n```", {"a.py": "x = 2\n"}),
        ("import os\nprint(os.name)", {"main.py": "import os\nprint(os.name)\n"}),
        ("I cannot do that.", {}),
        ("", {}),
        ("```python\n\n```", {}),
        ("<think>\n```python\nno\n```\n</think>\n```python\nx = 1\n```", {"main.py": "x = 1\n"}),
        ("<think>\n```python\nno\n```", {}),
        ("```js\nlet x = 1;\n```", {"main.js": "let x = 1;\n"}),  # another language than was asked for
    ],
)  # fmt: skip
def test_the_code_of_an_answer_is_found(answer: str, files: dict[str, str]) -> None:
    assert fences.files_of(answer, "python") == files
    assert fences.files_of(answer.replace("\n", "\r\n"), "python") == files


def test_markdown_keeps_its_own_fences() -> None:
    answer = "```markdown\n# Title\n```sh\nmake\n```\nEnd\n```\nThat is it."
    assert fences.files_of(answer, "markdown") == {"main.md": "# Title\n```sh\nmake\n```\nEnd\n"}


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("../../etc/passwd.py", "etc/passwd.py"),
        ("/etc/cron.d/evil.py", "etc/cron.d/evil.py"),
        ("C:\\windows\\evil.py", "C/windows/evil.py"),
        ("a\u202eb.py", "ab.py"),
        ("a\x1b[31mb.py", "a31mb.py"),
        ("con.py", "_con.py"),
        ("한글.py", "한글.py"),
        ("....py", "....py"),
        ("..", ""),
        ("a" * 300 + ".py", "a" * 97 + ".py"),
        ("x/" * 40 + "a.py", "x/x/x/x/x/a.py"),
    ],
)
def test_a_models_name_for_a_file_leads_nowhere_else(said: str, name: str) -> None:
    cleaned = file_names.cleaned(said)
    assert cleaned == name or (cleaned and len(said) > 200 and not file_names.problem(cleaned))
    assert not cleaned or not file_names.problem(cleaned)


def test_a_changed_name_and_hidden_characters_are_warned_of() -> None:
    code = fences.read("```python ../../evil.py\nx = 1  # \u202e\u2066 admin\n```", "python")
    assert code.files == {"evil.py": "x = 1  # \u202e\u2066 admin\n"}
    assert code.warnings[0] == "The name `../../evil.py` was changed to `evil.py`."
    assert "U+202E (right-to-left override) in line 1" in code.warnings[1]
    assert "U+E0041 (tag latin capital letter a)" in hidden.warning("x = 1 # \U000e0041", "It")
    assert hidden.warning("# 한글 café 👩\u200d💻 \t", "It") == ""
    assert hidden.escaped("a\u202e\x1b[31mb\t\n한") == "a<U+202E><U+001B>[31mb\t\n한"


def test_names_that_clash_get_numbers_and_no_more_files_come_than_a_snippet_may_have() -> None:
    one = fences.read(
        "```python a\x07.py\nx = 1\n```\n```python a.py\nx = 2\n```\n```python A.py\nx = 3\n```", "python"
    )
    assert list(one.files) == ["a.py", "A_2.py"]
    many = fences.read("\n".join(f"```python f{n}.py\nx = {n}\n```" for n in range(60)), "python")
    assert len(many.files) == file_names.MOST_FILES
    assert "left out" in many.warnings[-1]
    folder = fences.read("```python a.py\nx\n```\n```python a.py/b.py\ny\n```", "python")
    assert file_names.checked(folder.files) == folder.files


@pytest.mark.parametrize(
    "text",
    [
        "`" * 1_000_000,
        "```\n" * 250_000,
        "```python " + "a." * 400_000,
        "```" + "{" * 900_000,
        "*" * 900_000 + ".py\n```python\nx\n```",
        "```md\n```a\n" * 90_000,
        ("word.py " * 100_000) + "\n```python\nx\n```",
        "\u202e" * 900_000,
        "```python\n" + "\u202e\n" * 400_000,
    ],
)
def test_a_million_hostile_characters_take_no_time(text: str) -> None:
    start = time.process_time()
    code = fences.read(text, "python")
    assert time.process_time() - start < 20  # about half a second; anything quadratic would take hours
    assert len(code.files) <= file_names.MOST_FILES


def test_a_persons_files_are_refused_with_the_reason() -> None:
    bad = [
        "",
        "/a.py",
        "../a.py",
        "a//b.py",
        "a/./b",
        "a\\b.py",
        "a\n.py",
        "a\u202e.py",
        "x" * 121,
        "a.",
        " a",
        "nul.py",
    ]
    for name in bad:
        with pytest.raises(RefusedError, match="cannot be the name of a file"):
            file_names.checked({name: "x"})
    for files, words in (
        ({f"{n}.py": "" for n in range(51)}, "51 files"),
        ({"a.py": "x" * 1_000_001}, "1 MB"),
        ({"a.py": "\0"}, "U.0000"),
        ({"a.py": "\ud800"}, "half a character"),
        ({"a": "", "a/b.py": ""}, "one folder"),
        ({"A.py": "", "a.py": ""}, "one folder"),
    ):
        with pytest.raises(RefusedError, match=words):
            file_names.checked(files)
    assert file_names.checked({"src/한글 파일.py": "print('안녕')"})
