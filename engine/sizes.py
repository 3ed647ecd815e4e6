"""Sizes and energy in words. It is ground: it knows nothing of the engine."""

UNITS = ("B", "kB", "MB", "GB")


def in_words(size: float) -> str:
    """Bytes as people say them, in the largest unit that keeps the number above one: 512 MB, 1.5 GB."""
    for unit in UNITS:
        if abs(size) < 999.5:
            return f"{_number(size)} {unit}"
        size /= 1000
    return f"{_number(size)} TB"


def energy_in_words(wh: float) -> str:
    """Energy to three digits: 0.42 Wh, 12.3 Wh, 1.25 kWh."""
    value, unit = (wh, "Wh") if wh < 999.5 else (wh / 1000, "kWh")
    return f"{value:,.0f} {unit}" if value >= 999.5 else f"{value:.3g} {unit}"


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 99.95 else f"{value:.1f}".removesuffix(".0")
