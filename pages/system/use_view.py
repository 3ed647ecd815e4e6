"""How busy the machine was in the last hour, as small charts with their tables behind a fold."""

import time
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from engine.system import use
from engine.system.use import Sample
from pages.parts import html, svg_chart
from pages.parts.svg_chart import Axis

HEIGHT = 120
WHOLE = (0.0, 100.0)
FEWEST = 2  # looks that make a line
Series = Sequence[tuple[str, svg_chart.Points]]


def use_html(_query: Mapping[str, str]) -> str:
    """Processor, memory and disk, and each GPU, in percent."""
    samples = use.last_hour()
    note = "A look every 15 seconds, for an hour, since the studio started. A restart forgets it."
    if len(samples) < FEWEST:
        words = "The first minute is being measured."
        return str(html.card("In the last hour", Markup('<p class="ts-note">{} {}</p>').format(words, note)))
    drawn = html.join(_chart(title, series, samples) for title, series in charts(samples))
    grid = Markup('<div class="sy-use">{}</div>').format(drawn)
    return str(html.card("In the last hour", Markup('<p class="ts-note">{}</p>').format(note), grid))


def charts(samples: Sequence[Sample]) -> list[tuple[str, Series]]:
    """The title and the lines of each chart."""
    memory, disk = use.sizes()
    drawn: list[tuple[str, Series]] = [
        ("Processor, %", [("busy", _points(samples, [one.processor_percent for one in samples]))]),
        (
            f"Memory, % of {html.size(memory)}",
            [("in use", _shares(samples, [one.memory_used_bytes for one in samples], memory))],
        ),
        (
            f"Disk, % of {html.size(disk)}",
            [("in use", _shares(samples, [one.disk_used_bytes for one in samples], disk))],
        ),
    ]
    names = sorted({card.name for one in samples for card in one.cards})
    return drawn + [(f"{name.upper().replace(':', ' ')}, %", _card(samples, name)) for name in names]


def _card(samples: Sequence[Sample], name: str) -> Series:
    """How busy a GPU was, and how full its memory. What its driver does not tell is left out."""
    looks = [next((card for card in one.cards if card.name == name), None) for one in samples]
    busy = [look.percent if look else None for look in looks]
    full = [
        100 * look.memory_used_bytes / look.memory_bytes
        if look and look.memory_used_bytes is not None and look.memory_bytes
        else None
        for look in looks
    ]
    return [("busy", _points(samples, busy)), ("memory", _points(samples, full))]


def _shares(samples: Sequence[Sample], used: Sequence[int], total: int) -> svg_chart.Points:
    return _points(samples, [100 * value / max(1, total) for value in used])


def _points(samples: Sequence[Sample], values: Sequence[float | None]) -> svg_chart.Points:
    """Along the seconds since 1970."""
    return [(round(one.at), value) for one, value in zip(samples, values, strict=True) if value is not None]


def _chart(title: str, series: Series, samples: Sequence[Sample]) -> Markup:
    now = time.time()
    along = Axis("When", lambda at: f"{html.duration(max(0, now - at))} ago")
    return svg_chart.chart(title, series, HEIGHT, along, WHOLE)
