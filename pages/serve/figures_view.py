"""The live figures on an endpoint's card. What is not measured is not shown: nothing is something else than zero."""

from markupsafe import Markup

from engine.serve.figures import Figures
from pages.parts import html


def figures_html(figures: Figures) -> Markup:
    """The figures of the last minute; nothing while none is known."""
    tiles = html.join(
        _tile(title, value, more)
        for title, value, more in (
            ("Requests/s", _number(figures.requests_per_second), ""),
            ("Tokens/s", _number(figures.tokens_per_second), ""),
            ("First token", _milliseconds(figures.first_token_ms_p50), _slowest(figures.first_token_ms_p95)),
            ("Between tokens", _milliseconds(figures.between_tokens_ms_p50), _slowest(figures.between_tokens_ms_p95)),
            ("In flight", _number(figures.in_flight), _waiting(figures.queued)),
            ("KV cache", _percent(figures.kv_cache_share), ""),
            ("Memory", "" if figures.memory_bytes is None else html.size(figures.memory_bytes), ""),
            ("Errors", _number(figures.errors_last_minute) if figures.errors_last_minute else "", "in a minute"),
        )
        if value
    )
    return Markup('<dl class="sv-figures" aria-label="The last minute">{}</dl>').format(tiles) if tiles else Markup()


def _tile(title: str, value: str, more: str) -> Markup:
    small = Markup("<small>{}</small>").format(more) if more else ""
    return Markup('<div data-figure="{}"><dt>{}</dt><dd>{}{}</dd></div>').format(title, title, value, small)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.1f}" if value >= 10 else f"{value:.2g}"


def _milliseconds(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value / 1000:.1f} s" if value >= 1000 else f"{value:.0f} ms" if value >= 10 else f"{value:.1f} ms"


def _slowest(value: float | None) -> str:
    return f"p95 {_milliseconds(value)}" if value is not None else ""


def _waiting(value: float | None) -> str:
    return f"{value:,.0f} waiting" if value is not None else ""


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.0f} %"
