"""Memory, disk and devices of this machine, as gauges."""

from collections.abc import Mapping

from markupsafe import Markup
from sqlmodel import Session

from engine.process import devices, machine
from engine.system import machine_now
from pages.parts import gauges, html
from storage import runs
from storage.tables import Run

Held = Mapping[str, Run | None]


def held(session: Session) -> Held:
    """Device -> the run that has it for itself; None where that is something else."""
    leases = [lease for lease in devices.holders_in(session) if lease.exclusive]
    return {part: runs.get(session, lease.holder_id) for lease in leases for part in devices.parts(lease.device)}


def gauges_html(held: Held) -> Markup:
    """Memory and disk in use, and each device with who holds it."""
    seen = machine_now.look()
    return gauges.gauges(
        [
            gauges.of_bytes("Memory", seen.memory_used_bytes, seen.memory_bytes),
            gauges.of_bytes("Disk", seen.disk_used_bytes, seen.disk_used_bytes + seen.disk_free_bytes),
            *(_device(name, held) for name in devices.on_this_machine()),
        ]
    )


def _device(name: str, held: Held) -> Markup:
    sizes = {gpu.name: gpu.memory_bytes for gpu in machine.visible_gpus()}
    title = f"{name.upper()}, {html.size(sizes[name])}" if name in sizes else name.upper()
    return gauges.figure(title, _holder(held[name]) if name in held else "free")


def _holder(run: Run | None) -> Markup | str:
    return html.link(run.name, f"/runs?run={run.id}") if run else "in use"
