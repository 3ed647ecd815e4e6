"""One means tried by one user, with everything that means ill: `python -m tests.engine.sandbox.trial MEANS USER`.

A process of its own, as it may become another user for good: "root" stays, a number is become. Prints JSON.
"""

import contextlib
import ctypes
import json
import os
import signal
import stat
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.sandbox import commands, folder, probing, running, watch
from engine.sandbox.inside import seccomp
from engine.sandbox.limits import Limits
from storage import home
from tests.waiting import wait_for

HOSTILE = Path(__file__).with_name("hostile.py").read_bytes()
QUICK = Limits(wall_seconds=20, nice=0)
BOMB = "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass\n"
FLOOD = "while True:\n    print('x' * 1000)\n"
DEEP = "import os\nfor number in range(10**6):\n    os.mkdir('deep')\n    os.chdir('deep')\n"
UNLINKED = """import os
kept = []
for number in range(100):
    kept.append(open('f', 'wb'))
    kept[-1].write(bytes(9_000_000))
    kept[-1].flush()
    os.unlink('f')
import time; time.sleep(5)
"""
LITTER = "for number in range(10**6):\n    open(f'f{number}', 'w').close()\n"
FILL = "for number in range(1000):\n    open(f'f{number}', 'wb').write(bytes(9_000_000))\n"
STAYS = "import os, time\nos.fork()\nopen('on', 'w').close()\ntime.sleep(300)\n"
PLANTED = "a-secret-of-the-studio"


def become(user: int) -> None:
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE: as a process that this user has started


@contextlib.contextmanager
def bait() -> Iterator[dict[str, Any]]:
    """A home and an open folder that every user of the machine could read and write, but for the sandbox."""
    with tempfile.TemporaryDirectory(prefix="tunesmith-bait-") as place:
        home_folder, open_folder = Path(place, "home"), Path(place, "open")
        for path, rights in ((Path(place), 0o755), (home_folder, 0o777), (open_folder, 0o777)):
            path.mkdir(exist_ok=True)
            path.chmod(rights)
        secret = home_folder / "secret"
        secret.write_text("a secret")
        secret.chmod(0o666)
        os.environ["TUNESMITH_PLANTED_TOKEN"] = PLANTED
        yield {
            "secret": str(secret), "folder": str(open_folder), "studio": os.getpid(), "studios_parent": os.getppid(),
            "planted": PLANTED, "start": str(Path(running.__file__).parent / "inside" / "start.py"),
            "refused": refused_calls(),
        }  # fmt: skip
        is_whole = secret.read_text() == "a secret" and stat.S_IMODE(secret.stat().st_mode) == 0o666
        assert is_whole
        assert secret.stat().st_mtime > 1000
        assert not any(open_folder.iterdir())


def refused_calls() -> dict[str, int]:
    """The numbers, on this machine, of what the filter of every means refuses."""
    column, _ = seccomp.MACHINES[os.uname().machine]
    return {name: call[column] for name, call in seccomp.REFUSED.items() if call[column] >= 0}


def trial(means: commands.Name) -> dict[str, Any]:
    reason, probes = probing.probe(means)
    report: dict[str, Any] = {"reason": reason, "probes": {probe.what: probe.held for probe in probes}}
    signals: list[int] = []
    signal.signal(signal.SIGUSR1, lambda number, _: signals.append(number))
    with bait() as told:
        result = running.run_in(means, {"main.py": HOSTILE}, json.dumps(told).encode(), QUICK)
    assert result.exit == 0, result
    report["got"] = {name: text for name, text in json.loads(result.stdout).items() if text}
    report["files"], report["signals"] = sorted(result.files), signals
    report["bomb"] = bomb(means)
    flood = running.run_in(means, {"main.py": FLOOD.encode()}, b"", QUICK)
    report["flood"] = [len(flood.stdout), flood.cut, flood.ended_for]
    for name, program in (("deep", DEEP), ("litter", LITTER), ("fill", FILL), ("unlinked", UNLINKED)):
        report[name] = running.run_in(means, {"main.py": program.encode()}, b"", QUICK).ended_for
    report["outlived"] = outlived(means)
    report["processes_left"] = len(list(watch.below(os.getpid())))
    report["folders_left"] = len(list(Path(tempfile.gettempdir()).glob(f"{folder.PREFIX}{os.getpid()}-*")))
    return report


def bomb(means: commands.Name) -> dict[str, Any]:
    """While one run forks without end, another answers."""
    ended: list[Any] = []
    limits = Limits(wall_seconds=1.5, processes=24)
    run = threading.Thread(target=lambda: ended.append(running.run_in(means, {"main.py": BOMB.encode()}, b"", limits)))
    run.start()
    wait_for(lambda: len(list(watch.below(os.getpid()))) > 20, seconds=30)
    most = len(list(watch.below(os.getpid())))
    started = time.monotonic()
    quick = running.run_in(means, {"main.py": b"print('still here')"}, b"", QUICK)
    seconds, was_running = time.monotonic() - started, run.is_alive()
    run.join()
    return {
        "answer": quick.stdout, "seconds": seconds, "was_running": was_running, "most": most,
        "timed_out": ended[0].timed_out,
    }  # fmt: skip


def outlived(means: commands.Name) -> list[str]:
    """What is left of a run once the process that asked for it was killed: commands, and its folder."""
    asking = os.fork()
    if not asking:
        running.run_in(means, {"main.py": STAYS.encode()}, b"", Limits(wall_seconds=200))
        os._exit(1)
    try:
        wait_for(lambda: list(Path(tempfile.gettempdir()).glob(f"{folder.PREFIX}{asking}-*/box/on")), seconds=30)
        running_before = len(commands_of(asking))
    finally:
        os.kill(asking, signal.SIGKILL)
        os.waitpid(asking, 0)
    assert running_before >= 3  # the guard, the code, and what that has started
    with contextlib.suppress(AssertionError):
        wait_for(lambda: not commands_of(asking), seconds=20)
    folder.remove_stale()
    return commands_of(asking) + [str(path) for path in Path(tempfile.gettempdir()).glob(f"{folder.PREFIX}{asking}-*")]


def commands_of(asking: int) -> list[str]:
    """Of the processes in the sandboxes of that process."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            line = path.read_bytes().decode(errors="replace")
            found += [line[:60]] if f"{folder.PREFIX}{asking}-" in line else []
    return found


if __name__ == "__main__":
    with open(os.devnull) as _:
        home.database_file()  # whatever is imported late is imported now: another user may not reach this Python
    b"".decode("idna"), b"".decode("ascii")
    if sys.argv[2] != "root" and os.geteuid() == 0:
        become(int(sys.argv[2]))
    name = next(name for name in commands.NAMES if name == sys.argv[1])
    sys.stdout.write(json.dumps(trial(name)))
