"""Running code as a person does: what comes back, what is refused, how it ends."""

import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from engine.errors import BusyError
from engine.sandbox import box, commands, folder, interpreter, probing, sandbox
from engine.sandbox.limits import Limits, Result
from tests.conftest import ROOT

if sys.platform != "linux":
    pytest.skip("code is run on Linux only", allow_module_level=True)


def run(program: str, stdin: str = "", limits: Limits | None = None, **files: str) -> Result:
    """`files` by their names, with __ for the dot."""
    others = {name.replace("__", "."): content for name, content in files.items()}
    return sandbox.run({"main.py": program, **others}, stdin, limits=limits)


def test_a_program_of_several_files_reads_prints_writes_and_says_how_it_ended() -> None:
    program = """
        import os, sys, tempfile, tools
        print(tools.double(input()), __name__, __file__[-8:], sys.argv)
        print("to the errors", file=sys.stderr)
        os.makedirs("out")
        open("out/result.csv", "w").write("a,b")
        open("out/raw", "wb").write(bytes(range(256)))
        open("data.txt", "a").write(" and more")
        open("same.txt", "r+").write("same")
        open(".hidden", "w").write("x")
        tempfile.TemporaryFile().write(b"x" * 1000)
        block = bytearray(60_000_000)
        exit(3)
    """
    files = {"tools__py": "def double(text): return text * 2", "data__txt": "given", "same__txt": "same"}
    result = run("\n".join(line.strip() for line in program.splitlines()), "ab\nc", None, **files)
    assert result.stdout == "abab __main__ /main.py ['main.py']\n"
    assert (result.stderr, result.exit, result.timed_out, result.cut) == ("to the errors\n", 3, False, False)
    assert result.files == {"out/result.csv": b"a,b", "out/raw": bytes(range(256)), "data.txt": b"given and more"}
    assert 60_000_000 < result.memory_bytes < 200_000_000
    assert 0 < result.seconds < 10
    assert result.contained_by == sandbox.means().name != ""


def test_an_exception_is_told_as_python_tells_it() -> None:
    result = run("import tools\ntools.fail()", tools__py="def fail():\n    raise KeyError('höhe')")
    lines = result.stderr.splitlines()
    assert (result.exit, lines[0], lines[-1]) == (1, "Traceback (most recent call last):", "KeyError: 'höhe'")
    assert '  File "main.py", line 2, in <module>' in lines
    assert "sandbox" not in result.stderr  # no line of ours
    assert run("x = (").stderr.splitlines()[-1] == "SyntaxError: '(' was never closed"


@pytest.mark.parametrize(
    ("program", "limits", "code", "words"),
    [
        ("print('so far')\nwhile True: pass", Limits(wall_seconds=0.5), None, "longer than 0.5 seconds"),
        ("print('so far')\nimport time; time.sleep(60)", Limits(wall_seconds=0.5), None, "longer than 0.5 seconds"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", None, 137, ""),
        ("import os; print('so far', flush=True); os.abort()", None, 134, ""),
        ("while True: pass", Limits(cpu_seconds=1, nice=0), 152, ""),
    ],
)
def test_what_is_ended_says_why_and_keeps_what_it_printed(
    program: str, limits: Limits | None, code: int | None, words: str
) -> None:
    result = run(program, limits=limits)
    assert (result.exit, result.timed_out) == (code, bool(words))
    assert words in result.ended_for
    assert result.stdout == ("so far\n" if "so far" in program else "")


def test_much_output_is_cut_and_the_program_goes_on_to_its_end() -> None:
    result = run("print('a' * 900_000)\nimport sys; sys.stderr.write('b' * 900_000)\nprint('end')")
    assert (result.exit, result.cut, len(result.stdout) + len(result.stderr)) == (0, True, 1_000_000)


def test_output_that_is_no_text_is_shown_all_the_same() -> None:
    result = run("import sys\nsys.stdout.buffer.write(b'\\xff\\x00ok')\nprint('\\ud800')")
    assert result.stdout == "\ufffd\0ok\\ud800\n"


def test_processes_of_its_own_are_waited_for_and_counted() -> None:
    program = """
import subprocess, sys
from multiprocessing.pool import ThreadPool
print(subprocess.run([sys.executable, "-c", "print(6 * 7)"], capture_output=True, text=True).stdout)
print(sum(ThreadPool(4).map(len, ["a", "bb"])))
"""
    assert run(program).stdout.split() == ["42", "3"]


def test_pages_that_forked_processes_share_are_counted_once() -> None:
    program = """
import os, time
held = b"x" * 90_000_000
children = []
for _ in range(4):
    if not (child := os.fork()):
        time.sleep(0.6)
        os._exit(0)
    children.append(child)
print([os.waitpid(child, 0)[1] for child in children])
"""
    result = run(program, limits=Limits(memory_bytes=250_000_000))
    assert (result.ended_for, result.stdout) == ("", "[0, 0, 0, 0]\n")


@pytest.mark.skipif(
    not interpreter.others_reach((sys.base_prefix, sys.prefix)) and not commands.bubblewrap(), reason="hidden"
)
def test_the_studios_packages_are_there_and_cannot_be_changed() -> None:
    result = run("import numpy, pandas\nprint(numpy.arange(4).sum(), pandas.__name__)\nopen(numpy.__file__, 'a')")
    assert result.stdout == "6 pandas\n"
    assert "Read-only file system" in result.stderr or "PermissionError" in result.stderr
    assert "No module named 'engine'" in run("import engine").stderr


def test_plots_come_back_as_pictures() -> None:
    program = """
import matplotlib.pyplot as plt
plt.plot([1, 2]); plt.show()
plt.plot([2, 1]); plt.savefig("mine.png")
plt.figure(); plt.bar(["a"], [1])
"""
    result = run(program, limits=Limits(wall_seconds=30))
    assert (result.exit, result.stderr) == (0, "")
    assert sorted(result.files) == ["mine.png", "plot-1.png", "plot-2.png"]
    assert all(content.startswith(b"\x89PNG") for content in result.files.values())


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"main.py": "", "/etc/cron.d/x": ""}, "'/etc/cron.d/x': it has to stay inside"),
        ({"main.py": "", "../x": ""}, "stay inside its folder"),
        ({"main.py": "", "a/../../x": ""}, "stay inside its folder"),
        ({"main.py": "", "a//b": ""}, "stay inside its folder"),
        ({"main.py": "", "a\nb": ""}, "control characters"),
        ({"main.py": "", "a\0b": ""}, "control characters"),
        ({"main.py": "", "evil\u202egpj.py": ""}, "invisible"),
        ({"main.py": "", "\ud800": ""}, "control characters"),
        ({"main.py": "", "..\\x": ""}, "backslashes"),
        ({"main.py": "", "": ""}, "1 to 120 bytes"),
        ({"main.py": "", "x" * 121: ""}, "1 to 120 bytes"),
        ({"main.py": "", "/".join("abcdefghi"): ""}, "8 folders"),
        ({"main.py": "", ".tmp/x": ""}, "uses this name itself"),
        ({"main.py": "", "main.py/x": ""}, "`main.py` is a file and the folder"),
        ({"main.py": "x" * 1_000_001}, "1000001 bytes"),
        ({f"f{number}": "" for number in range(51)}, "51 files"),
        ({"other.py": ""}, "no file `main.py` to run (files: other.py)"),
        ({}, "(files: none)"),
    ],
)
def test_files_that_cannot_be_run_are_refused_with_their_name(files: dict[str, Any], words: str) -> None:
    with pytest.raises(sandbox.SandboxError) as caught:
        sandbox.run(files)
    assert words in caught.value.message
    assert caught.value.status == 422


@pytest.mark.parametrize("seconds", [0.0, -1.0, 30.1, float("nan"), float("inf")])
def test_a_time_that_is_none_is_refused(seconds: float) -> None:
    with pytest.raises(sandbox.SandboxError, match="a run may take up to 30"):
        run("", limits=Limits(wall_seconds=seconds))


def test_other_languages_are_refused() -> None:
    with pytest.raises(sandbox.SandboxError, match="only Python"):
        sandbox.run({"main.py": ""}, language="javascript")


@pytest.mark.usefixtures("no_sandbox")
def test_where_nothing_holds_code_back_none_is_run() -> None:
    with pytest.raises(sandbox.NoSandboxError) as caught:
        run("open('/tmp/ran', 'w')")
    assert "bubblewrap: it is not installed" in caught.value.message
    assert caught.value.status == 503


def test_a_means_that_lets_one_thing_through_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(probing.WORDS, "not_held", "what no sandbox holds")
    attempt = probing.ATTEMPTS.read_text().replace(
        "def reads()", "def not_held() -> bool:\n    return False\n\n\ndef reads()"
    )
    changed = tmp_path / "attempts.py"
    changed.write_text(attempt)
    monkeypatch.setattr(probing, "ATTEMPTS", changed)
    reason, probes = probing.probe(commands.LANDLOCK)
    assert reason == "these limits do not work: what no sandbox holds"
    assert [probe.what for probe in probes if not probe.held] == ["what no sandbox holds"]


def test_a_run_that_goes_on_meanwhile_is_none_that_was_left_over() -> None:
    name = sandbox.means().name
    assert name
    with box.opened(name, {"main.py": "import time; time.sleep(60)"}, b"", Limits()) as other:
        reason, _ = probing.probe(name)
        assert other.process.poll() is None
    assert not reason


def test_where_nothing_was_found_it_is_tried_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as nowhere:
        nowhere.setattr(commands, "NAMES", ())
        probing.forget()
        assert not sandbox.means().name
    assert not sandbox.means().name
    monkeypatch.setattr(probing, "NOTHING_SECONDS", -1.0)
    assert sandbox.means().name


def test_as_many_run_at_once_as_may_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "WAIT_SECONDS", 0.1)
    free, taken = threading.Event(), threading.Barrier(sandbox.AT_ONCE + 1)

    def take() -> None:
        with sandbox.room():
            taken.wait(60)
            free.wait(60)

    holders = [threading.Thread(target=take) for _ in range(sandbox.AT_ONCE)]
    for holder in holders:
        holder.start()
    taken.wait(60)
    try:
        with pytest.raises(BusyError, match="as many as can at once"):
            run("")
    finally:
        free.set()
        for holder in holders:
            holder.join()
    assert run("print('again')").stdout == "again\n"


def test_what_a_killed_studio_left_is_removed(tmp_path: Path) -> None:
    left = folder.made(None)
    (left / folder.BOX / "deep" / "er").mkdir(parents=True)
    (left / folder.BOX / "link").symlink_to(tmp_path)
    dead = left.rename(left.with_name(f"{folder.PREFIX}4194304-left"))  # one above the highest id there can be
    folder.remove_stale()
    assert not dead.exists()
    assert tmp_path.exists()


def test_root_runs_code_as_a_user_that_nobody_is() -> None:
    chosen = box.user()
    if chosen is None:
        pytest.skip("the studio is not root here")
    assert chosen >= box.FEW_USERS[0]
    assert f":{chosen}:" not in Path("/etc/passwd").read_text()
    assert run("import os; print(os.getuid())").stdout != "0\n"
    assert ROOT.exists()
