"""The sampler beside a real shim and a real worker: what it leaves, how it ends, and how little it keeps."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from engine.process import events, process, shim
from engine.process.meter import samples
from engine.process.meter.host import Host
from engine.process.meter.sampler import Sampler
from engine.process.meter.samples import Line, Now, Stretch, Totals
from engine.process.meter.step_watch import StepWatch
from engine.process.plan import Plan
from tests.waiting import wait_for

SAMPLER = (sys.executable, "-m", "engine.process.meter.sampler")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "works" / "w1"


def test_it_looks_beside_a_worker_and_ends_with_it(folder: Path) -> None:
    """The worker computes for two looks, in 20 MB of memory more than it began with, at step 3."""
    code = (
        "import pathlib, time; kept = bytearray(20 << 20); here = pathlib.Path('w1')\n"
        '(here / \'events.jsonl\').write_text(\'{"kind": "step", "step": 3, "metrics": {}}\\n\')\n'
        "def looked(): return 'run_cpu_percent' in (here / 'machine.json').read_text()\n"
        "while not (here / 'machine.json').exists() or not looked(): sum(range(20000))\n"
    )
    plan = Plan([sys.executable, "-S", "-c", code], beside=(*SAMPLER, str(folder)))
    process.start(plan, folder, 1)
    wait_for(lambda: not process.alive(folder), 30)
    assert process.exit_code(folder, 1) == 0, process.tail(folder / "beside.log")
    now = samples.latest(folder)
    lines, end = samples.read(folder)
    assert now is not None
    assert (now.step, now.error, now.totals.gpu_joules) == (3, "", {})
    assert now.sizes["memory_bytes"] > now.values["memory_bytes"] > 0
    assert now.totals.peaks["run_memory_bytes"] > 20 << 20
    assert 0 < now.totals.peaks["run_cpu_percent"] <= 100
    assert 2 <= now.totals.seconds == now.totals.device_seconds
    assert 0 < now.totals.sampler_seconds < 2
    assert lines[-1].step == 3
    assert {"cpu_percent", "memory_bytes", "disk_bytes"} <= lines[-1].values.keys()
    assert end == (folder / samples.FILE).stat().st_size
    assert not shim._living(f"{shim.COOKIE}={folder}".encode(), None)


def test_it_dies_with_a_shim_that_was_killed(folder: Path) -> None:
    plan = Plan([sys.executable, "-S", "-c", "import time; time.sleep(60)"], beside=(*SAMPLER, str(folder)))
    process.start(plan, folder, 1)
    wait_for(lambda: samples.latest(folder))
    process.kill(folder)
    wait_for(lambda: not shim._living(f"{shim.COOKIE}={folder}".encode(), None))


def test_a_sampler_that_cannot_start_or_fails_changes_nothing_for_the_worker(folder: Path) -> None:
    for attempt, beside in enumerate((("/no/such/program",), (sys.executable, "-c", "raise SystemExit(5)")), 1):
        process.start(Plan([sys.executable, "-S", "-c", "raise SystemExit(3)"], beside=beside), folder, attempt)
        wait_for(lambda: not process.alive(folder))
        assert process.exit_code(folder, attempt) == 3


def test_a_year_of_lines_fits_on_a_screen_and_a_resume_goes_on_at_the_same_pace(tmp_path: Path) -> None:
    seconds, lines = 0.0, 0
    while seconds < 365 * 86_400:
        seconds += samples.pace_seconds(lines)
        lines += 1
    assert lines < 4_200
    for number in range(samples.LINES_AT_ONE_PACE):
        samples.append(tmp_path, Line(float(number), 2.0, number, {"cpu_percent": 1.0}))
    assert samples.pace_seconds(samples.count(tmp_path)) == 2 * samples.EVERY_SECONDS


def test_a_look_that_is_expensive_is_taken_less_often(tmp_path: Path) -> None:
    class Slow:
        """A machine with so many processes that a look takes 40 ms of the processor."""

        def read(self) -> dict[str, float]:
            end = time.process_time() + 0.04
            while time.process_time() < end:
                pass
            return {"cpu_percent": 1.0}

    sampler = Sampler(tmp_path, [], os.getppid())
    assert min(sampler.look() for _ in range(5)) == samples.EVERY_SECONDS
    sampler._host = Slow()  # type: ignore[assignment]
    assert sampler.look() >= 0.04 / 0.004


def test_another_attempt_adds_to_what_the_one_before_has_used(tmp_path: Path) -> None:
    samples.keep(tmp_path, Now(totals=Totals(seconds=100.0, device_seconds=200.0, gpu_joules={"gpu0": 7.0})))
    sampler = Sampler(tmp_path, [], os.getppid())
    sampler.look()
    sampler.end()
    now = samples.latest(tmp_path)
    assert now is not None
    assert 100 < now.totals.seconds < 102
    assert 200 < now.totals.device_seconds < 202
    assert now.totals.gpu_joules == {"gpu0": 7.0}
    assert samples.count(tmp_path) == 1


def test_of_a_stretch_the_mean_counts_and_of_memory_and_heat_the_greatest() -> None:
    stretch = Stretch()
    stretch.add({"cpu_percent": 10.0, "memory_bytes": 5.0, "gpu0_temperature": 60.0})
    stretch.add({"cpu_percent": 20.0, "memory_bytes": 9.0, "gpu0_temperature": 55.0, "gpu0_watts": 8.0})
    assert stretch.values() == {"cpu_percent": 15.0, "memory_bytes": 9.0, "gpu0_temperature": 60.0, "gpu0_watts": 8.0}


def test_lines_are_read_whole_from_an_offset_and_torn_ones_passed_over(tmp_path: Path) -> None:
    assert samples.read(tmp_path) == ([], 0)
    (tmp_path / samples.FILE).write_bytes(b'{"at": 1, "seco')  # a sampler was killed while it wrote
    samples.append(tmp_path, Line(2.0, 2.0, 1, {"cpu_percent": 3.0}))
    lines, offset = samples.read(tmp_path)
    assert lines == [Line(2.0, 2.0, 1, {"cpu_percent": 3.0})]
    assert samples.read(tmp_path, offset) == ([], offset)
    (tmp_path / samples.NOW).write_text('{"at": 1')
    assert samples.latest(tmp_path) is None
    (tmp_path / samples.NOW).write_text(json.dumps({"at": 1, "of_a_later_studio": 2, "totals": {}}))
    assert samples.latest(tmp_path) is None


def test_the_step_is_the_newest_that_was_told_and_after_a_resume_that_of_the_checkpoint(tmp_path: Path) -> None:
    watch = StepWatch(tmp_path)
    assert watch.look() == 0
    events.append(tmp_path, events.Step(step=7, metrics={"loss": 1.0}))
    events.append(tmp_path, events.Saved(step=9, checkpoint="c"))
    assert watch.look() == 7
    with (tmp_path / events.FILE).open("a") as file:
        file.write('{"kind": "step", "step": 8')  # half a line
    assert watch.look() == 7
    events.append(tmp_path, events.Started(facts={"resumed_from_step": 5}))
    assert watch.look() == 5
    assert StepWatch(tmp_path).look() == 5


def test_what_has_ended_and_is_waited_for_by_nobody_takes_no_memory(tmp_path: Path) -> None:
    """A look between the end of a training and its burial once said 0 bytes, and every chart ended on the floor."""
    code = "import subprocess, sys; subprocess.Popen([sys.executable, '-S', '-c', '']); input()"
    with subprocess.Popen([sys.executable, "-S", "-c", code], stdin=subprocess.PIPE) as parent:
        below = psutil.Process(parent.pid)
        wait_for(lambda: [child.status() for child in below.children()] == [psutil.STATUS_ZOMBIE])
        host = Host(tmp_path, parent.pid)
        for _ in range(2):
            assert "run_memory_bytes" not in host.read()
        parent.communicate(b"\n")
