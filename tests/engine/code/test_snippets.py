"""Snippets: kept, found, versions and what differs between them, taken away."""

import io
import random
import subprocess
import threading
import time
import zipfile
from pathlib import Path

import pytest
from sqlmodel import select

from engine.code import deleting, diff, snippets
from engine.errors import ConflictError, NotFoundError, RefusedError
from storage import db
from storage.tables import Project, Snippet, SnippetVersion
from tests.load.counting import counting

MAIN = {"main.py": "print('안녕')\n"}


def test_versions_are_kept_and_told_without_their_files() -> None:
    made = snippets.create("Hello", "py", "greet", MAIN, model="coder", action="write", answer="Here", note="first")
    assert (made.language, made.task) == ("python", "greet")
    two = snippets.save_version(made.id, {"main.py": "print(1)\n"}, result={"exit": 0}, action="fix")
    again = snippets.save_version(made.id, {"main.py": "print(1)\n"}, result={"exit": 0})
    assert (two.number, again.id) == (2, two.id)
    assert snippets.save_version(made.id, {"main.py": "print(1)\n"}, result={"exit": 1}).number == 3
    lines = snippets.versions(made.id)
    assert [(line.number, line.action, line.note) for line in lines] == [
        (3, "", ""),
        (2, "fix", ""),
        (1, "write", "first"),
    ]
    assert snippets.versions(made.id, limit=1, offset=1) == lines[1:2]
    first = snippets.version(made.id, 1)
    assert (first.files_json, first.model, first.answer, first.result_json) == (MAIN, "coder", "Here", None)
    assert snippets.version(made.id).number == 3
    assert snippets.get(made.id).updated_at > made.created_at
    assert snippets.newest_numbers([made.id]) == {made.id: 3}


def test_snippets_are_found_by_all_words_in_any_case_and_signs_of_like_are_letters() -> None:
    for name, task in (("Mean of a list", "Statistics"), ("100 % sure", ""), ("snake_case", "평균"), ("a\\b", "")):
        snippets.create(name, "python", task, MAIN)
    names = [snippet.name for snippet in snippets.find()]
    assert names == ["a\\b", "snake_case", "100 % sure", "Mean of a list"]
    found = {
        query: [snippet.name for snippet in snippets.find(query)] for query in ("LIST mean", "%", "_", "평균", "\\")
    }
    assert found == {
        "LIST mean": ["Mean of a list"],
        "%": ["100 % sure"],
        "_": ["snake_case"],
        "평균": ["snake_case"],
        "\\": ["a\\b"],
    }
    assert snippets.find("mean nothing") == []
    coded = snippets.create("in code", "python", "", {"a.py": "total = '100%'  # 잘가 \\d !x", "find_me.txt": ""})
    for query in ("TOTAL", "잘가", "'100%'", "\\d", "!x", "find_me", "total in"):
        assert [snippet.name for snippet in snippets.find(query)] == ["in code"], query
    snippets.save_version(coded.id, MAIN)
    assert snippets.find("total") == []
    deleting.delete(coded.id)
    assert [snippet.name for snippet in snippets.find(limit=2, offset=1)] == names[1:3]
    assert (snippets.count(), snippets.count("python"), snippets.count("list"), snippets.count(project_id="x")) == (
        4,
        4,
        1,
        0,
    )


def test_a_list_costs_the_same_with_many_snippets_and_reads_none_of_their_files() -> None:
    costs = []
    for more in (3, 60):
        for number in range(more):
            made = snippets.create(f"n{number}", "python", "", {"main.py": "x" * 1000})
            snippets.save_version(made.id, MAIN)
        with counting() as counted:
            listed = snippets.find(limit=3)
            numbers = snippets.newest_numbers([snippet.id for snippet in listed])
            lines = snippets.versions(made.id)
        assert (len(listed), set(numbers.values()), len(lines)) == (3, {2}, 2)
        assert not any("files_json" in statement for statement in counted.statements)
        costs.append((len(counted.statements), counted.rows))
    assert costs[0] == costs[1]


def test_snippets_are_renamed_and_deleted_with_their_versions() -> None:
    made = snippets.create("Hello", "python", "", MAIN)
    assert snippets.rename(made.id, "  Other   name ").name == "Other name"
    deleting.free(deleting.delete(made.id))
    with db.reading() as session:
        assert session.get(Snippet, made.id) is None
        assert session.exec(select(SnippetVersion)).all() == []
    for act in (snippets.get, deleting.delete, snippets.versions, snippets.version, snippets.archive):
        with pytest.raises(NotFoundError, match="no snippet"):
            act(made.id)


def test_the_same_run_again_makes_no_version_and_another_result_does() -> None:
    code = {"main.py": "print(1)"}
    snippet = snippets.create("twice", "python", "", code)
    result = {"stdout": "1\n", "exit": 0, "seconds": 0.2, "memory_bytes": 9_000_000}
    first = snippets.save_version(snippet.id, code, result=result)
    again = snippets.save_version(snippet.id, code, result=result | {"seconds": 0.3, "memory_bytes": 9_100_000})
    other = snippets.save_version(snippet.id, code, result=result | {"stdout": "2\n"})
    assert [first.number, again.number, other.number] == [2, 2, 3]


def test_a_search_meets_no_sign_of_how_files_are_stored() -> None:
    snippets.create("plain", "python", "", {"main.py": 'print("평균")\nprint("{}")'})
    assert [len(snippets.find(query)) for query in ("\\n", "u", '":')] == [0, 0, 0]
    assert [len(snippets.find(query)) for query in ("{}", '("평균', "PRINT")] == [1, 1, 1]


def test_an_archive_holds_the_files_and_is_the_same_each_time() -> None:
    files = {**MAIN, "app/util.py": "x = 1\n"}
    made = snippets.create("Hello", "python", "", files)
    packed = snippets.archive(made.id)
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert {name: archive.read(name).decode() for name in archive.namelist()} == files
    assert snippets.archive(made.id, 1) == packed
    with pytest.raises(NotFoundError, match="no version 7"):
        snippets.archive(made.id, 7)


def test_versions_kept_at_the_same_time_have_each_its_number() -> None:
    made = snippets.create("Hello", "python", "", MAIN)
    together = threading.Barrier(5)

    def keep(number: int) -> None:
        together.wait(60)
        snippets.save_version(made.id, {"main.py": f"print({number})\n"})

    threads = [threading.Thread(target=keep, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [line.number for line in snippets.versions(made.id)] == [6, 5, 4, 3, 2, 1]


def test_what_cannot_be_kept_is_refused_and_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong: tuple[tuple[tuple[str, str, str, dict[str, str]], str], ...] = (
        (("", "python", "", MAIN), "needs a name"),
        (("a\u202eb", "python", "", MAIN), "cannot be the name"),
        (("a", "klingon", "", MAIN), "not a language"),
        (("a", "python", "x" * 20_001, MAIN), "task"),
        (("a", "python", "", {}), "no files"),
        (("a", "python", "", {"../a.py": ""}), "cannot be the name"),
        (("a", "python", "", {"a.py": "x" * 1_000_001}), "1 MB"),
    )
    for arguments, words in wrong:
        with pytest.raises(RefusedError, match=words):
            snippets.create(*arguments)
    with pytest.raises(NotFoundError, match="no project"):
        snippets.create("a", "python", "", MAIN, project_id="nothing")
    assert snippets.count() == 0
    made = snippets.create("a", "python", "", MAIN)
    with pytest.raises(RefusedError, match="result has"):
        snippets.save_version(made.id, MAIN, result={"stdout": "x" * 2_000_000})
    monkeypatch.setattr(snippets, "MOST_VERSIONS", 1)
    with pytest.raises(ConflictError, match="1 versions"):
        snippets.save_version(made.id, {"b.py": ""})


def test_snippets_of_a_project_are_listed_alone() -> None:
    with db.session() as session:
        session.add(Project(id="other", name="Other"))
    snippets.create("a", "python", "", MAIN)
    snippets.create("b", "python", "", MAIN, project_id="other")
    assert [snippet.name for snippet in snippets.find(project_id="other")] == ["b"]


def patched(before: dict[str, str], after: dict[str, str], folder: Path) -> dict[str, str]:
    """What git makes of the files with the diff between them, in a new folder."""
    folder.mkdir()
    for name, text in before.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8", newline="")
    subprocess.run(["git", "apply", "-"], input=diff.unified(before, after).encode(), cwd=folder, check=True)
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes().decode() for path in files}


def test_a_diff_makes_the_one_version_out_of_the_other(tmp_path: Path) -> None:
    rng = random.Random(5)
    for number in range(12):
        lines = [rng.choice("abcd\r\u2028한") + "\n" for _ in range(rng.randrange(60))]
        other = list(lines)
        for _ in range(rng.randrange(1, 6)):
            place = rng.randrange(len(other) + 1)
            other[place : place + rng.randrange(3)] = [f"{rng.random()}\n"] * rng.randrange(3)
        before = {"a.py": "".join(lines).rstrip("\n" if number % 2 else ""), "gone/b.py": "x"}
        after = {"a.py": "".join(other), "c.py": "y\nz"}
        assert patched(before, after, tmp_path / str(number)) == after
    assert diff.unified(MAIN, MAIN) == ""


def test_texts_that_would_take_difflib_minutes_are_told_as_replaced_at_once(tmp_path: Path) -> None:
    before = {"a.py": "".join(f"{n % 7}\n" for n in range(100_000))}
    after = {"a.py": "".join(f"{n % 11}\n" for n in range(100_000))}
    for name in map(str, range(20)):  # each of them alone would take three seconds
        before[name] = "".join(f"{n % 3}\n" for n in range(15_000))
        after[name] = "".join(f"{(n // 2) % 3}\n" for n in range(199))
    start = time.process_time()
    text = diff.unified(before, after)
    assert time.process_time() - start < 20
    assert text.count("\n-") > 90_000
    assert patched(before, after, tmp_path / "long") == after
