"""The machine now: processor, memory, disk, temperatures, cards, who holds which device; and the studio itself."""

import sys
from collections.abc import Mapping
from functools import lru_cache
from importlib import metadata

from markupsafe import Markup

from engine.process import devices
from engine.system import machine_now
from engine.system.machine_now import Card, Machine
from pages.parts import gauges, html
from pages.parts.log_link import log_link
from storage import db, endpoints, home, runs
from storage.tables import Lease

VERSIONS = (
    "tunesmith",
    "torch",
    "transformers",
    "trl",
    "peft",
    "bitsandbytes",
    "datasets",
    "gradio",
    "huey",
    "sqlmodel",
)


def machine_html(query: Mapping[str, str]) -> str:
    """What the machine does, who holds its devices, where the data lies, and the versions in use."""
    leases = devices.holders()
    device_items = html.join(
        _device(device, [lease for lease in leases if device in devices.parts(lease.device)])
        for device in devices.on_this_machine()
    )
    return str(
        Markup('<div class="ts-stack">{}<div class="sy-two">{}{}</div></div>').format(
            Markup('<div class="sy-machine">{}</div>').format(html.card("This machine", _gauges(machine_now.look()))),
            html.card("Devices", Markup('<ul class="ts-holders">{}</ul>').format(device_items)),
            html.card("Studio", _studio(query.get("role") == "viewer")),
        )
    )


def _gauges(seen: Machine) -> Markup:
    processor = f"{seen.processor_percent:.0f} % of {seen.cores} cores" if seen.cores > 1 else "one core"
    items = [
        gauges.share("Processor", processor, seen.processor_percent / 100, full_is_bad=False),
        gauges.of_bytes("Memory", seen.memory_used_bytes, seen.memory_bytes),
        gauges.of_bytes("Disk", seen.disk_used_bytes, seen.disk_used_bytes + seen.disk_free_bytes),
        *(gauge for card in seen.cards for gauge in _card(card)),
    ]
    if seen.load is not None:
        items.append(gauges.figure("Load", "{:.2f}, {:.2f}, {:.2f} over 1, 5, 15 minutes".format(*seen.load)))
    if seen.swap_used_bytes:
        items.append(gauges.figure("Swap", html.size(seen.swap_used_bytes)))
    warmest = sorted(seen.temperatures.items(), key=lambda pair: -pair[1])[:4]
    items += [gauges.figure(f"{name.capitalize()} temperature", f"{degrees:.0f} °C") for name, degrees in warmest]
    return gauges.gauges(items) + html.join(html.notice(words, "", "calm") for words in seen.missing)


def _card(card: Card) -> list[Markup]:
    """Two gauges of a GPU: how busy it is, and its memory. What its driver does not tell is left out."""
    title, items = card.name.upper().replace(":", " "), []
    more = [f"{card.temperature:.0f} °C" if card.temperature is not None else ""]
    more.append(f"{card.watts:.0f} W" if card.watts is not None else "")
    if card.percent is not None:
        words = ", ".join(filter(None, [f"{card.percent:.0f} %", *more]))
        items.append(gauges.share(title, words, card.percent / 100, full_is_bad=False))
    if card.memory_used_bytes is not None and card.memory_bytes:
        items.append(gauges.of_bytes(f"{title} memory", card.memory_used_bytes, card.memory_bytes))
    return items


def _studio(for_visitor: bool) -> Markup:
    """Where it keeps its data, and what it is made of. Paths of this machine are nothing for a visitor."""
    place = Markup('<code id="home-path">{}</code> {}').format(home.home(), _copy("home-path"))
    facts = html.facts(
        [
            ("Version", _version("tunesmith") or "not installed"),
            ("Database", db.url().split("://")[0]),
            ("Python", sys.version.split()[0]),
        ]
    )
    versions = html.facts((name, version) for name in VERSIONS if (version := _version(name)))
    folder = Markup() if for_visitor else Markup('<dl class="mo-paths"><div><dt>Data</dt><dd>{}</dd></div></dl>')
    return html.join(
        (
            facts,
            folder.format(place),
            Markup('<details class="ts-more" data-keep id="versions"><summary>Versions</summary>{}</details>').format(
                versions
            ),
        )
    )


def _copy(element_id: str) -> Markup:
    return Markup(
        '<button type="button" class="ts-button" data-copy="{}" aria-label="Copy: data folder">Copy</button>'
    ).format(element_id)


def _device(device: str, leases: list[Lease]) -> Markup:
    training = any(lease.exclusive for lease in leases)
    state = html.badge("running" if training else "ready", "trains" if training else "free for a training")
    words = html.join(_holder(lease) for lease in leases) or Markup(
        "<span>Free. The next training starts at once.</span>"
    )
    return Markup("<li><b>{}</b>{}<div>{}</div></li>").format("CPU" if device == devices.CPU else device, state, words)


def _holder(lease: Lease) -> Markup:
    with db.reading() as session:
        if lease.holder_kind == "run":
            run = runs.get(session, lease.holder_id)
            holder = html.link(run.name if run else lease.holder_id, f"/runs?run={lease.holder_id}")
        elif lease.holder_kind == "work":
            doing = ("A measurement before a training", "/train") if lease.exclusive else ("A report", "/evaluate")
            log = log_link(lease.holder_id, doing[0].lower())
            return Markup("<span>{} since {} {}</span>").format(html.link(*doing), html.moment(lease.since), log)
        else:
            backend = endpoints.backend(session, lease.holder_id)
            endpoint = endpoints.get(session, backend.endpoint_id) if backend else None
            holder = html.link(endpoint.name if endpoint else lease.holder_id, "/serve")
    words = "trains" if lease.exclusive else "serves, and shares the device"
    return Markup("<span>{} {} since {}</span>").format(holder, words, html.moment(lease.since))


@lru_cache(maxsize=len(VERSIONS))  # what is imported stays, and a package's description is long
def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
