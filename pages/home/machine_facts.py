"""Memory, disk and devices of this machine, as gauges."""

from markupsafe import Markup

from engine.process import devices, machine
from engine.system import machine_now
from pages.parts import gauges, html
from storage import db, runs


def gauges_html() -> Markup:
    """Memory and disk in use, and each device with who holds it."""
    seen = machine_now.look()
    return gauges.gauges(
        [
            gauges.of_bytes("Memory", seen.memory_used_bytes, seen.memory_bytes),
            gauges.of_bytes("Disk", seen.disk_used_bytes, seen.disk_used_bytes + seen.disk_free_bytes),
            *(_device(name) for name in devices.on_this_machine()),
        ]
    )


def _device(name: str) -> Markup:
    sizes = {gpu.name: gpu.memory_bytes for gpu in machine.visible_gpus()}
    title = f"{name.upper()}, {html.size(sizes[name])}" if name in sizes else name.upper()
    holders = [lease for lease in devices.holders() if lease.device == name and lease.exclusive]
    return gauges.figure(title, _holder(holders[0].holder_id) if holders else "free")


def _holder(run_id: str) -> Markup | str:
    with db.reading() as session:
        run = runs.get(session, run_id)
    return html.link(run.name, f"/runs?run={run.id}") if run else "in use"
