"""The devices of this machine, who holds which memory of them, and a button that frees it."""

from collections.abc import Sequence

from markupsafe import Markup

from engine.runs.queue.holders import Device, Free, Holder
from pages.parts import html, stopping

FULL = 0.9  # from here on the bar warns
LINKS = {"training": "/runs?run={}", "endpoint": "/serve?endpoint={}", "evaluation": "/evaluate?id={}"}
FREE: dict[Free, tuple[str, str]] = {
    "stop_run": ("Stop run", stopping.QUESTIONS["run"]),
    "sleep_endpoint": ("Sleep", ""),
    "stop_endpoint": ("Stop endpoint", "Stop the endpoint {}? It does not answer until it is started again."),
    "stop_evaluation": ("Stop evaluation", stopping.QUESTIONS["evaluation"]),
    "stop_work": ("Stop", "Stop: {}? What it has made so far is not kept."),
}


def devices_html(devices: Sequence[Device], may_act: bool) -> Markup:
    """Each device with a bar of its memory, and a line for everyone who computes there."""
    return Markup('<div class="rq-devices">{}</div>').format(html.join(_device(one, may_act) for one in devices))


def _device(device: Device, may_act: bool) -> Markup:
    used = None if device.free_bytes is None else device.memory_bytes - device.free_bytes
    if used is None:
        words, bar = f"{html.size(device.memory_bytes)}, use not known", Markup()
    else:
        share = used / device.memory_bytes if device.memory_bytes else 0.0
        words = f"{html.size(used)} of {html.size(device.memory_bytes)} in use"
        bar = html.progress(share, f"Memory of {device.name} in use", "bad" if share > FULL else "calm")
    holders = html.join(_holder(one, may_act) for one in device.holders)
    nobody = Markup('<p class="ts-hint">Nobody computes here.</p>') if not device.holders else ""
    title = "CPU and the machine's memory" if device.name == "cpu" else device.name.upper()
    return Markup(
        '<section class="rq-device" data-key="{}"><header><b>{}</b><small>{}</small></header>{}<ul>{}</ul>{}</section>'
    ).format(device.name, title, words, bar, holders, nobody)


def _holder(holder: Holder, may_act: bool) -> Markup:
    link = LINKS.get(holder.kind)
    name = html.link(holder.name, link.format(holder.id)) if link else holder.name
    acts = html.join(_button(act, holder) for act in holder.free) if may_act else ""
    return Markup(
        '<li data-key="{}"><span><b>{}</b><small>{}</small></span><span class="rq-memory">{}</span>'
        '<span class="ts-actions">{}</span></li>'
    ).format(holder.id, name, f"{holder.kind}, {holder.status}", _memory(holder), acts)


def _memory(holder: Holder) -> str:
    """What is known of it; nothing is guessed."""
    on_gpu = f"{html.size(holder.device_memory_bytes)} on the GPU" if holder.device_memory_bytes is not None else ""
    on_host = f"{html.size(holder.memory_bytes)} of memory" if holder.memory_bytes is not None else ""
    return ", ".join(filter(None, (on_gpu, on_host))) or "memory not known"


def _button(act: Free, holder: Holder) -> Markup:
    label, question = FREE[act]
    return html.button(label, f"queue-free-{act}", holder.id, question.format(holder.name))
