"""Memory, disk and devices of this machine, as gauges."""

import shutil

import psutil
from markupsafe import Markup

from engine.process import devices, machine
from pages.parts import html
from storage import db, home, runs

FULL = 0.9  # from here on a gauge warns


def gauges_html() -> Markup:
    """Memory and disk in use, and each device with who holds it."""
    memory = psutil.virtual_memory()
    disk = shutil.disk_usage(home.home())
    total = min(memory.total, machine.memory_bytes()) if not machine.has_gpu() else memory.total
    gauges = [
        _gauge("Memory", memory.total - memory.available, total),
        _gauge("Disk", disk.used, disk.used + disk.free),
        *(_device(name) for name in devices.on_this_machine()),
    ]
    return Markup('<div class="ts-gauges">{}</div>').format(html.join(gauges))


def _gauge(name: str, used: float, total: float) -> Markup:
    share = used / total if total else 0.0
    words = f"{html.size(used)} of {html.size(total)}"
    return Markup("<div><span>{}</span><small>{}</small>{}</div>").format(
        name, words, html.progress(share, f"{name} in use", "bad" if share > FULL else "calm")
    )


def _device(name: str) -> Markup:
    sizes = {gpu.name: gpu.memory_bytes for gpu in machine.visible_gpus()}
    title = f"{name.upper()}, {html.size(sizes[name])}" if name in sizes else name.upper()
    holders = [lease for lease in devices.holders() if lease.device == name and lease.exclusive]
    return Markup("<div><span>{}</span><small>{}</small></div>").format(
        title, _holder(holders[0].holder_id) if holders else "free"
    )


def _holder(run_id: str) -> Markup | str:
    with db.reading() as session:
        run = runs.get(session, run_id)
    return html.link(run.name, f"/runs?run={run.id}") if run else "in use"
