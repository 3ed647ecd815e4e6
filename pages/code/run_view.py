"""What a run of the code gave: output, exception, pictures, time and memory, and what shut it in."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from engine.code import hidden
from pages.code import marks
from pages.parts import html

Result = Mapping[str, Any]
"""A result of `engine.sandbox.sandbox.run` as plain values: stdout, stderr, exit, seconds, memory_bytes ..."""

MOST_PICTURES, MOST_PICTURE_BYTES = 8, 4_000_000  # shown in the page
PICTURES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}
"""First bytes and type. An SVG is a document that may have scripts in it, so it is never shown as a picture."""


def result_html(result: Result, actions: Markup | str = "") -> Markup:
    """The whole of it; `actions` are buttons at the right end of its first line."""
    parts = [_head(result, actions), _exception(result), _pictures(result.get("files") or {})]
    parts += [_stream("Output", result["stdout"]), _stream("Errors", result["stderr"])]
    if not result["stdout"] and not result["stderr"]:
        parts.append(Markup('<p class="ts-note">It printed nothing.</p>'))
    if result.get("cut"):
        parts.append(Markup('<p class="ts-note">It printed more than is kept; the rest was cut off.</p>'))
    return Markup('<section class="cd-result" aria-label="Result of the run">{}</section>').format(html.join(parts))


def failed(result: Result) -> bool:
    return bool(result["timed_out"]) or result["exit"] != 0


def badge(result: Result) -> Markup:
    """In a word or two."""
    if result["timed_out"]:
        tone, words = "warn", "time over"
    elif result["exit"] == 0:
        tone, words = "good", "ran"
    else:
        tone, words = "bad", "failed" if result["exit"] is None else f"exit {result['exit']}"
    return Markup('<span class="ts-badge" data-tone="{}"><i></i>{}</span>').format(tone, words)


def facts(result: Result) -> str:
    """Seconds, memory and what contained it, in a line."""
    words = [f"{result['seconds']:.2f} s"]
    if result.get("memory_bytes"):
        words.append(html.size(result["memory_bytes"]))
    return " · ".join([*words, f"in {result['contained_by']}"])


def _head(result: Result, actions: Markup | str) -> Markup:
    return Markup('<div class="cd-line">{}<span class="ts-note">{}</span><div class="ts-actions">{}</div></div>').format(
        badge(result), facts(result), actions
    )


def _exception(result: Result) -> Markup:
    """The last line of the errors, which is where Python says what went wrong."""
    if result["timed_out"]:
        return html.notice("It was stopped: its time was over.", "Make it shorter, or allow it more seconds.", "warn")
    if not failed(result):
        return Markup()
    lines = [line for line in result["stderr"][-4000:].split("\n") if line.strip()]
    last = lines[-1][:500] if lines else "It ended without saying why."
    return Markup('<div class="ts-notice" data-tone="bad" role="status"><b>{}</b></div>').format(marks.shown(last))


def _stream(title: str, text: str) -> Markup:
    if not text:
        return Markup()
    return Markup(
        '<div class="cd-stream"><h3>{}</h3><pre class="ts-code" tabindex="0" aria-label="{}">{}</pre></div>'
    ).format(title, title, marks.shown(text))


def _pictures(files: Mapping[str, bytes]) -> Markup:
    """The pictures it wrote, and the names of what else it wrote."""
    drawn = [(name, data, kind) for name, data in files.items() if (kind := _kind(data))][:MOST_PICTURES]
    others = [f"{hidden.escaped(name)} ({html.size(len(data))})" for name, data in files.items() if not _kind(data)]
    figures = html.join(_figure(*picture) for picture in drawn)
    note = Markup('<p class="ts-note">It wrote {}.</p>').format(", ".join(others[:20])) if others else ""
    return Markup('{}{}').format(Markup('<div class="cd-pictures">{}</div>').format(figures) if drawn else "", note)


def _kind(data: bytes) -> str:
    if len(data) > MOST_PICTURE_BYTES:
        return ""
    return next((kind for first, kind in PICTURES.items() if data.startswith(first)), "")


def _figure(name: str, data: bytes, kind: str) -> Markup:
    source = f"data:{kind};base64,{b64encode(data).decode()}"
    return Markup('<figure><img src="{}" alt="{}"><figcaption>{}</figcaption></figure>').format(
        source, f"Picture {hidden.escaped(name)}", marks.shown(name)
    )
