"""The last lines of the studio's own log, and the whole of it as a download."""

import time
from collections.abc import Mapping
from typing import cast, get_args

from markupsafe import Markup

from engine.system import studio_log
from engine.system.studio_log import Level, Line
from pages.parts import filters, html

LINES = 60
LEVELS = [("all", "All lines"), ("warning", "Warnings and errors"), ("error", "Errors")]


def log_html(query: Mapping[str, str]) -> str:
    """The newest lines, the newest last. Nothing for a visitor: they name what others do."""
    if query.get("role") == "viewer":
        return ""
    level = cast(Level, query["level"]) if query.get("level") in get_args(Level) else "all"
    lines = studio_log.last(LINES, level)
    download = Markup('<a class="ts-button" href="/api/system/log/download" download>Download</a>')
    choice = Markup('<form class="sy-levels" data-query="change" id="log-level">{}</form>').format(
        filters.select("level", "Which lines", LEVELS, level)
    )
    text = html.join(map(_line, lines))
    content = (
        Markup('<pre class="ts-code sy-log" tabindex="0" aria-label="Log of the studio">{}</pre>').format(text)
        if lines
        else Markup('<p class="ts-note">{}</p>').format("Nothing was written yet." if level == "all" else "None.")
    )
    return str(
        html.card(
            "Log of the studio", content, aside=Markup('<div class="sy-head">{}{}</div>').format(choice, download)
        )
    )


def _line(line: Line) -> Markup:
    at = time.strftime("%m-%d %H:%M:%S", time.localtime(line.at))
    about = f" {line.about}" if line.about else ""
    error = f"\n{line.error}" if line.error else ""
    text = f"{at} {line.level:<7} {line.logger.removeprefix('tunesmith.')}{about}: {line.message}{error}"
    return Markup('<span data-level="{}">{}\n</span>').format(line.level.lower(), text)
