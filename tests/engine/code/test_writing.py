"""Questions about code asked of a served model, in the three ways there are, and what a model is told."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlmodel import select
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from engine.chat.streams import ChatError
from engine.code import candidates, fences, languages, middle, prompts, served, wanted, writing
from engine.code.actions import ACTIONS
from engine.code.wanted import Wanted
from engine.errors import NotFoundError, RefusedError
from engine.serve import probe
from storage import db
from storage.tables import Model
from tests import fake_coder
from tests.coding import NAME, QWEN, write_tokens
from tests.coding import coder as coder
from tests.coding import coder_address as coder_address
from tests.coding import serve_coder as serve_coder
from tests.waiting import wait_for

CODE = {"main.py": "def add(a, b):\n    \n\nprint(add(1, 2))\n"}
AT = CODE["main.py"].index("    \n") + 4


def asked(task: str = "mean", **facts: object) -> Wanted:
    return replace(Wanted(task, "python", {}, NAME), **facts)  # type: ignore[arg-type]


def words(question: Wanted) -> tuple[str, str, str]:
    """The answer, the way it was asked in, and how it ended."""
    pieces = list(writing.stream(question))
    return "".join(piece.text for piece in pieces), str(pieces[0].way), pieces[-1].ended


def test_code_is_written_and_the_answer_holds_its_file(coder: str) -> None:
    answer, way, ended = words(asked())
    assert (way, ended) == ("chat", "stop")
    assert writing.files_of(answer, "python") == {"main.py": fake_coder.MEAN}


def test_an_outside_model_writes_code_too(serve_coder: Callable[..., str], coder_address: str) -> None:
    serve_coder(kind="external")
    question = asked(action="complete", files=CODE, cursor=AT)
    request = writing.plan(question)
    assert (request.way, request.note) == ("chat", writing.OUTSIDE)


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_is_asked_and_its_answer_understood(action: str, coder: str) -> None:
    question = asked("" if action != "write" else "double", action=action, files=CODE, language2="javascript")
    pieces = list(writing.stream(question))
    written = candidates.written(question, pieces)
    assert written.answer
    assert bool(written.changed) == ACTIONS[action].writes_code
    names = {"translate": "main.js", "test": "test_main.py"}
    assert written.changed in ((), (names.get(action, "main.py"),))
    assert set(written.files) == ({"main.js"} if action == "translate" else {"main.py", *written.changed})


def test_a_task_in_korean_is_answered_in_korean(coder: str) -> None:
    answer, _, _ = words(asked("숫자 목록의 평균을 구하는 함수"))
    assert answer.startswith("여기 코드가 있습니다.")
    assert writing.files_of(answer, "python") == {"main.py": fake_coder.MEAN}
    assert "Japanese" in prompts.messages(asked("平均を計算する"))[0]["content"]
    assert "Chinese" in prompts.messages(asked("计算平均值"))[0]["content"]


def test_the_gap_is_filled_by_tokens_where_the_tokenizer_has_them(serve_coder: Callable[..., str]) -> None:
    serve_coder(tokens=QWEN)
    question = asked(action="complete", files=CODE, cursor=AT)
    request = writing.plan(question)
    before, behind = CODE["main.py"][:AT], CODE["main.py"][AT:]
    assert request.body["prompt"] == f"<|fim_prefix|>{before}<|fim_suffix|>{behind}<|fim_middle|>"
    assert request.body["stop_token_ids"] == [1000, 1001, 1002, 1003, 1004, 1005]
    written = candidates.written(question, list(writing.stream(question)))
    assert written.insertion == fake_coder.MIDDLE
    assert written.files == {"main.py": f"{before}{fake_coder.MIDDLE}{behind}"}
    assert words(question)[1] == "fim"


def test_without_such_tokens_the_gap_is_filled_in_words_and_that_is_said(coder: str) -> None:
    question = asked(action="complete", files=CODE, cursor=AT)
    first = next(writing.stream(question))
    assert (first.way, first.note) == ("chat", writing.NO_TOKENS)
    assert candidates.written(question, list(writing.stream(question))).insertion == fake_coder.MIDDLE


def test_code_that_holds_a_token_of_the_model_is_not_put_between_its_tokens(serve_coder: Callable[..., str]) -> None:
    serve_coder(tokens=QWEN)
    question = asked(action="complete", files={"main.py": "s = '<|fim_middle|>'\n"})
    request = writing.plan(question)
    assert request.way == "chat"
    assert "`<|fim_middle|>`" in request.note


def test_a_model_without_a_chat_template_writes_on(serve_coder: Callable[..., str]) -> None:
    serve_coder(template=False)
    answer, way, _ = words(asked("double"))
    assert way == "text"
    assert writing.files_of(answer, "python") == {"main.py": fake_coder.DOUBLE}


def real_tokenizer(known: middle.Format) -> Tokenizer:
    """A byte tokenizer with the tokens of a family, as `tokenizers` reads them."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: number for number, letter in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in known.tokens])
    return tokenizer


@pytest.mark.parametrize("known", middle.FORMATS, ids=lambda known: known.family)
def test_the_prompt_of_each_family_becomes_its_own_tokens(known: middle.Format, tmp_path: Path) -> None:
    tokenizer = real_tokenizer(known)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    tokens = served._tokens(tmp_path, "")
    assert middle.format_of(tokens) is known
    encoded = tokenizer.encode(known.prompt("def f():\n    ", "\n\nf()\n")).ids
    assert [number for number in encoded if number in tokens.values()] == [tokens[token] for token in known.tokens]
    assert set(middle.stops(known, tokens)) == {tokens[token] for token in known.tokens}


def test_tokens_are_read_from_the_config_where_the_vocabulary_is_too_large(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("[" + "1," * 2_100_000 + "1]")
    decoder = ", ".join(f'"{number}": {{"content": "{token}"}}' for number, token in enumerate(QWEN, 9))
    (tmp_path / "tokenizer_config.json").write_text(f'{{"added_tokens_decoder": {{{decoder}, "x": 1}}}}')
    tokens = served._tokens(tmp_path, "")
    assert tokens["<|fim_prefix|>"] == 10
    (tmp_path / "tokenizer_config.json").write_text("nonsense")
    assert served._tokens(tmp_path, "changed") == {}


def test_a_changed_tokenizer_is_read_again(coder: str) -> None:
    assert served.look(coder).format is None
    with db.reading() as session:
        folder = Path(str(session.exec(select(Model)).one().path))
    write_tokens(folder, QWEN)
    assert served.look(coder).format is middle.FORMATS[0]


def test_a_long_file_is_shown_around_the_cursor() -> None:
    before, behind = middle.nearest("line\n" * 10_000, "line\n" * 10_000)
    assert (len(before), len(behind)) == (11_995, 4_000)
    assert middle.nearest("x" * 20_000, "")[0] == "x" * 12_000


def test_code_cannot_close_its_fence_nor_be_taken_for_the_cursor() -> None:
    question = asked(action="complete", files={"main.py": "a = '```'\nb = '<CURSOR>'\n````\n"}, cursor=3)
    shown = prompts.question(question)
    (block,) = fences.blocks(shown)
    assert "\n".join(block.lines) == "a =<CURSOR_1> '```'\nb = '<CURSOR>'\n````"
    assert block.is_closed


def test_an_insertion_is_the_code_alone() -> None:
    question = asked(action="complete", files={"main.py": "a = 1\nb = \nprint(b)\n"}, cursor=10)
    for answer in ("2", "```python\n2\n```", "```python\na = 1\nb = 2\nprint(b)\n\n```", "a = 1\nb = 2\nprint(b)\n"):
        assert writing.insertion(answer, question, "chat") == "2"
    assert writing.insertion("```", question, "fim") == "```"
    question = asked(action="complete", files={"main.py": "def add(a, b):\n\n    "})
    for answer in ("return a + b", "def add(a, b):\n    return a + b", "def add(a, b):\n\n    return a + b"):
        assert writing.insertion(f"```python\n{answer}\n```", question, "chat").strip() == "return a + b"
    question = asked(action="complete", files={"main.py": "a = 1\nb = 2\nc = 3\n"})
    assert writing.insertion("a = 1\nb = 2", question, "text") == ""


def test_a_block_that_only_quotes_the_code_is_not_taken_for_the_mended_one() -> None:
    yours, mended, use = "def add(a, b):\n    print(add(1, 2))", "x = 1", "ls"
    quoted = f"Yours:\n```python\n{yours}\n```\nMended:\n```python\n{mended}\n```\nUse:\n```sh\n{use}\n```"
    given = "def add(a, b):\n    \n\nprint(add(1, 2))\n"
    assert fences.read(quoted, "python", "app.py", given).files == {"app.py": "x = 1\n"}
    assert fences.read("```python\nx = 1\n```", "python", "app.py", "x = 1").files == {"app.py": "x = 1\n"}


def test_an_answer_in_another_language_than_asked_is_said() -> None:
    question = asked("double", language="go")
    written = candidates.written(question, [writing.Piece("```python\nx = 1\n```")])
    assert written.warnings == ["The answer has no Go code."]


def test_closing_an_answer_stops_the_model(coder: str, coder_address: str) -> None:
    with closing(writing.stream(asked("slow " * 200))) as stream:
        for piece in stream:
            if piece.text:
                break
    wait_for(lambda: probe.in_flight(coder_address) == 0)


def test_an_answer_that_breaks_off_is_an_error(coder: str) -> None:
    with pytest.raises(ChatError, match="broke off"):
        words(asked("torn"))


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"task": " "}, "task is empty"),
        ({"action": "fix"}, "needs code"),
        ({"action": "paint"}, "no action `paint`"),
        ({"language": "klingon"}, "`klingon` is not a language"),
        ({"action": "translate", "files": CODE}, "No language to translate to"),
        ({"task": "x" * 20_001}, "20,001 characters"),
        ({"task": "a\0"}, "U.0000"),
        ({"files": {"../a.py": ""}}, "cannot be the name of a file"),
        ({"files": {"a.py": "x" * 300_000}}, "shown at most 200,000"),
        ({"action": "complete", "files": CODE, "cursor": 999}, "`cursor` is 999"),
        ({"action": "complete", "files": CODE, "cursor_file": "b.py"}, "`b.py`, which is not given"),
        ({"temperature": 3.0}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"model": " "}, "No model is chosen"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_the_reason(facts: dict[str, object], words: str, coder: str) -> None:
    with pytest.raises(RefusedError, match=words):
        next(writing.stream(asked(**facts)))  # type: ignore[arg-type]


def test_a_model_that_is_not_served_is_said_before_anything_is_asked() -> None:
    with pytest.raises(NotFoundError, match="no model `nobody`"):
        next(writing.stream(asked(model="nobody")))


def test_the_file_to_run_is_found() -> None:
    python = languages.named("python")
    assert wanted.entry({"b.py": "", "main.py": ""}, python) == "main.py"
    assert wanted.entry({"test_a.py": "", "data.csv": "", "a.py": ""}, python) == "a.py"
    assert wanted.entry({"test_a.py": ""}, python) == "test_a.py"
    assert wanted.entry({}, python) == "main.py"
