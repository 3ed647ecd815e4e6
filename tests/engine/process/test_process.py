"""Processes: started once, found again, ended with everything under them."""

import json
import os
import re
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine.errors import ConflictError
from engine.process import events, process, shim
from engine.process.plan import BEHIND, Plan, plan_worker
from tests.waiting import wait_for


def plan(folder: Path, **knobs: object) -> Plan:
    spec = folder / "spec.json"
    env = {f"FAKE_{name.upper()}": str(value) for name, value in knobs.items()}
    content = json.dumps({"attempt": 1})
    return Plan([sys.executable, "-m", "tests.fake_worker", str(spec), str(folder)], env, {spec: content})


def command(code: str) -> Plan:
    return Plan([sys.executable, "-S", "-c", code])


def ended(folder: Path) -> bool:
    return not process.alive(folder)


def carriers(folder: Path) -> list[int]:
    return shim._living(f"{shim.COOKIE}={folder}".encode(), None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "works" / "w1"


def record(folder: Path) -> dict[str, int]:
    """What the shim says of itself, once it has a worker."""

    def read() -> dict[str, int] | None:
        path = folder / "shim.json"
        content: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
        return content if "worker" in content else None

    content = wait_for(read)
    assert content
    return content


def test_a_command_runs_to_its_end_and_its_exit_code_is_kept(folder: Path) -> None:
    process.start(command("print('hello'); raise SystemExit(3)"), folder, 1)
    assert process.alive(folder)  # from the first moment on: the lock is taken before the shim is born
    wait_for(lambda: ended(folder))
    assert process.exit_code(folder, 1) == 3
    assert process.exit_code(folder, 2) is None
    assert process.tail(folder / "output.log") == "hello"
    assert process.was_started(folder, 1)
    assert not process.was_started(folder, 2)


def test_work_that_nobody_waits_for_lets_trainings_go_before_it(folder: Path) -> None:
    plans = [plan_worker(name, {}, folder) for name in ("look_model", "health", "fit_probe", "sft", "fetch_model")]
    assert [plan.nice for plan in plans] == [BEHIND, BEHIND, 0, 0, 0]
    shown = "import os; print(os.nice(0) - int(os.environ['BEFORE']))"
    process.start(Plan([sys.executable, "-S", "-c", shown], {"BEFORE": str(os.nice(0))}, nice=3), folder, 1)
    wait_for(lambda: ended(folder))
    assert process.tail(folder / "output.log") == "3"


def test_a_worker_gets_its_files_its_cookie_its_secrets_and_none_of_the_studios(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNESMITH_TOKEN", "the studio's own")
    code = "import os, json, engine.process.plan; json.dump(dict(os.environ), open('w1/env.json', 'w'))"
    note = folder / "sub" / "note.txt"
    process.start(Plan([sys.executable, "-c", code], {"X": "1"}, {note: "für dich"}), folder, 1, {"HF_TOKEN": "hf_s"})
    wait_for(lambda: ended(folder))
    env = json.loads((folder / "env.json").read_text())
    assert (env["X"], env["HF_TOKEN"], env["TUNESMITH_WORK"]) == ("1", "hf_s", str(folder))
    assert "TUNESMITH_TOKEN" not in env
    assert note.read_text(encoding="utf-8") == "für dich"
    written = [path for path in folder.rglob("*.json") if path.name != "env.json"]
    assert not [path for path in written if "hf_s" in path.read_text()]


def test_threads_of_a_worker_spin_little_unless_the_studios_environment_says_how_much(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = [sys.executable, "-S", "-c", "import os; print(os.environ['GOMP_SPINCOUNT'])"]
    for attempt, (said, given) in enumerate(((None, process.SPIN_COUNT), ("77", "77")), 1):
        monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
        if said:
            monkeypatch.setenv("GOMP_SPINCOUNT", said)
        process.start(Plan(shown), folder, attempt)
        wait_for(lambda: ended(folder))
        assert process.tail(folder / "output.log", 1) == given


def test_an_attempt_starts_once_however_often_it_is_asked_for(folder: Path) -> None:
    code = "open('w1/count', 'a').write('x'); import time; time.sleep(0.3)"
    calls = [threading.Thread(target=process.start, args=(command(code), folder, 1)) for _ in range(8)]
    for call in calls:
        call.start()
    for call in calls:
        call.join()
    wait_for(lambda: ended(folder))
    process.start(command(code), folder, 1)  # late, after its end
    assert not process.alive(folder)
    assert (folder / "count").read_text() == "x"


def test_an_older_attempt_that_comes_late_is_not_started(folder: Path) -> None:
    process.start(command("pass"), folder, 2)
    wait_for(lambda: ended(folder))
    process.start(command("open('w1/late', 'w')"), folder, 1)
    assert not process.alive(folder)
    assert not (folder / "late").exists()


def test_two_attempts_never_live_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "LOCK_SECONDS", 0.2)
    process.start(command("import time; time.sleep(60)"), folder, 1)
    with pytest.raises(ConflictError, match="w1"):
        process.start(command("pass"), folder, 2)
    process.kill(folder)


def test_a_program_that_is_not_there_ends_with_127_and_says_so(folder: Path) -> None:
    process.start(Plan(["/no/such/program"]), folder, 1)
    wait_for(lambda: ended(folder))
    assert process.exit_code(folder, 1) == shim.NOT_STARTED
    assert "/no/such/program" in process.tail(folder / "output.log")


def test_a_folder_nobody_worked_in_is_not_alive(tmp_path: Path) -> None:
    assert not process.alive(tmp_path)
    process.terminate(tmp_path)
    process.kill(tmp_path)


def test_a_stop_request_is_seen_by_the_worker_and_gone_for_the_next_attempt(folder: Path) -> None:
    process.start(plan(folder, steps=1000, pause=0.05), folder, 1)
    process.request_stop(folder)
    wait_for(lambda: ended(folder))
    last = events.read(folder)[0][-1]
    assert isinstance(last, events.Finished)
    assert last.outcome == "stopped"
    process.start(plan(folder, steps=2), folder, 2)
    assert not (folder / process.STOP).exists()
    wait_for(lambda: ended(folder))


def test_terminate_ends_a_worker_and_what_it_started_in_a_session_of_its_own(folder: Path) -> None:
    process.start(plan(folder, steps=1000, spawn=1), folder, 1)
    wait_for(lambda: len(carriers(folder)) == 2)
    process.terminate(folder)
    wait_for(lambda: ended(folder))
    assert process.exit_code(folder, 1) == -signal.SIGTERM
    assert carriers(folder) == []


def test_a_worker_that_ignores_terminate_is_killed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Path(shim.__file__).read_text().replace("TERM_SECONDS = 10", "TERM_SECONDS = 0.5")
    impatient = folder.parent.parent / "shim.py"
    impatient.write_text(source)
    monkeypatch.setattr(shim, "__file__", str(impatient))
    process.start(plan(folder, steps=1000, ignore_stop=2), folder, 1)
    wait_for(lambda: events.read(folder)[0])
    process.terminate(folder)
    wait_for(lambda: ended(folder))
    assert process.exit_code(folder, 1) == -signal.SIGKILL
    assert process.exit_record(folder, 1) == {**(process.exit_record(folder, 1) or {}), "out_of_memory": False}


def test_kill_ends_everything_at_once_even_a_moment_after_the_start(folder: Path) -> None:
    process.start(plan(folder, steps=1000, spawn=1), folder, 1)
    process.kill(folder)
    wait_for(lambda: ended(folder))
    assert carriers(folder) == []


def test_a_killed_shim_takes_its_worker_along_and_the_sweep_gets_the_rest(folder: Path) -> None:
    process.start(plan(folder, steps=1000, spawn=1), folder, 1)
    pids = record(folder)
    wait_for(lambda: len(carriers(folder)) == 2)
    os.kill(pids["shim"], signal.SIGKILL)
    wait_for(lambda: ended(folder))
    wait_for(lambda: pids["worker"] not in carriers(folder))
    assert process.exit_code(folder, 1) is None
    assert process.sweep(folder) == 1
    assert carriers(folder) == []


def test_the_next_attempt_ends_what_a_killed_shim_left(folder: Path) -> None:
    process.start(plan(folder, steps=1000, spawn=1), folder, 1)
    wait_for(lambda: len(carriers(folder)) == 2)
    before = set(carriers(folder))
    os.kill(record(folder)["shim"], signal.SIGKILL)
    wait_for(lambda: ended(folder))
    process.start(plan(folder, steps=1), folder, 2)
    wait_for(lambda: ended(folder))
    assert process.exit_code(folder, 2) == 0
    assert not before & set(carriers(folder))


def test_a_child_that_hides_its_cookie_is_ended_with_its_worker(folder: Path) -> None:
    code = (
        "import subprocess, sys; child = subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(60)'],"
        " start_new_session=True, env={}); print(child.pid)"
    )
    process.start(command(code), folder, 1)
    wait_for(lambda: ended(folder))
    pid = int(process.tail(folder / "output.log"))
    assert shim.started_at(pid) is None


def test_a_process_id_that_was_used_again_is_not_signalled(folder: Path) -> None:
    process.start(command("import time; time.sleep(60)"), folder, 1)
    pids = record(folder)
    shim.write_json(folder / "shim.json", {**pids, "shim": os.getpid()})
    assert process.shim_pid(folder) is None
    shim.write_json(folder / "shim.json", pids)
    process.kill(folder)


def test_the_kernel_takes_the_worker_first_when_memory_runs_out(folder: Path) -> None:
    process.start(command("print(open('/proc/self/oom_score_adj').read())"), folder, 1)
    wait_for(lambda: ended(folder))
    assert process.tail(folder / "output.log").strip() == str(shim.OOM_SCORE)


def test_a_log_is_read_as_a_terminal_would_leave_it(tmp_path: Path) -> None:
    log = tmp_path / "output.log"
    log.write_bytes(b"\x1b[1mbold\x1b[0m\r\nstep 1\rstep 2\rstep 3\nlast \xff\x07\x1b]0;title\x07line\n")
    assert process.tail(log) == "bold\nstep 3\nlast �line"
    assert process.tail(log, lines=1) == "last �line"
    assert process.tail(tmp_path / "none.log") == ""


def test_a_short_command_gives_its_output_or_none() -> None:
    assert process.output([sys.executable, "-S", "-c", "print(1)"]) == "1\n"
    assert process.output([sys.executable, "-S", "-c", "raise SystemExit(1)"]) is None
    assert process.output(["/no/such/program"]) is None
    assert process.output([sys.executable, "-S", "-c", "import time; time.sleep(60)"], seconds=0.2) is None


def test_the_shim_needs_the_standard_library_only() -> None:
    names = re.findall(r"^(?:import|from) (\w+)", Path(shim.__file__).read_text(), re.MULTILINE)
    assert set(names) <= sys.stdlib_module_names


def test_threads_that_write_one_file_at_once_leave_it_whole_and_no_draft(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: shim.write_json(tmp_path / "row.json", [number] * 2000), range(80)))
    assert len(set(json.loads((tmp_path / "row.json").read_text()))) == 1
    assert [path.name for path in tmp_path.glob("row.json*")] == ["row.json"]
