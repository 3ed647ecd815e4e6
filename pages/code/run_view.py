"""What a run of the code gave: output, exception, pictures, time and memory, and what shut it in."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from markupsafe import Markup

from engine import hidden
from engine.sandbox.limits import Result
from pages.parts import html, marks

Shown = Mapping[str, Any]
"""A result of `engine.sandbox.sandbox.run` as plain values, as a version keeps it: stdout, stderr, exit, seconds,
memory_bytes, timed_out, ended_for, contained_by, cut; `pictures`: name, type, base64 data; `wrote`: name, bytes."""

MOST_PICTURES, MOST_PICTURE_BYTES = 8, 4_000_000  # shown in the page
MOST_KEPT_BYTES = 500_000  # of pictures, in base64, that a version keeps
MOST_KEPT_TEXT = 100_000  # characters of output
MOST_TESTS, MOST_OF_TEST = 10, 10_000  # that failed, and characters of what each said
MOST_WROTE = 20  # names of other files
PICTURES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}
"""First bytes and type. An SVG is a document that may have scripts in it, so it is never shown as a picture."""


def output_html(result: Shown) -> str:
    """The result as it stands under the editor, with Fix it where there is something to mend."""
    return str(result_html(result, html.button("Fix it", "fix", tone="primary") if failed(result) else ""))


def plain(result: Result) -> dict[str, Any]:
    """With its pictures, ready to be shown."""
    told = {name: value for name, value in asdict(result).items() if name != "files"}
    drawn = [(name, kind, data) for name, data in result.files.items() if (kind := _kind(data))][:MOST_PICTURES]
    told["pictures"] = [{"name": name, "type": kind, "data": b64encode(data).decode()} for name, kind, data in drawn]
    told["wrote"] = [[name, len(data)] for name, data in result.files.items() if not _kind(data)]
    return told


def kept(shown: Shown) -> dict[str, Any]:
    """What of it a version keeps: text up to a length, pictures up to a size."""
    pictures, room = [], MOST_KEPT_BYTES
    for picture in shown.get("pictures", ()):
        room -= len(picture["data"])
        if room >= 0:
            pictures.append(picture)
    texts = {name: shown[name][-MOST_KEPT_TEXT:] for name in ("stdout", "stderr")}
    was_cut = any(len(shown[name]) > MOST_KEPT_TEXT for name in texts)
    return {
        **shown,
        **texts,
        "cut": shown.get("cut", False) or was_cut,
        "pictures": pictures,
        "wrote": list(shown.get("wrote", ()))[:MOST_WROTE],
    }


def result_html(result: Shown, actions: Markup | str = "") -> Markup:
    """The whole of it; `actions` are buttons at the right end of its first line."""
    parts = [_head(result, actions), _exception(result), _pictures(result)]
    parts += [_stream("Output", result["stdout"]), _stream("Errors", result["stderr"])]
    if not (result["stdout"] or result["stderr"] or result.get("tests")):
        parts.append(Markup('<p class="ts-note">It printed nothing.</p>'))
    if result.get("cut"):
        parts.append(Markup('<p class="ts-note">It printed more than is kept; the rest was cut off.</p>'))
    return Markup('<section class="cd-result" aria-label="Result of the run">{}</section>').format(html.join(parts))


def failed(result: Shown) -> bool:
    """Whether it ended badly, or a test did not pass."""
    return bool(result["timed_out"]) or result["exit"] != 0 or result.get("works") is False


def badge(result: Shown) -> Markup:
    """In a word or two."""
    tests = result.get("tests")
    if result["timed_out"]:
        tone, said = "warn", "time over"
    elif tests:
        tone, said = "bad" if failed(result) else "good", _passed(result)
    elif failed(result):
        tone, said = "bad", f"exit {result['exit']}" if result["exit"] else "failed"
    else:
        tone, said = "good", "ran"
    return Markup('<span class="ts-badge" data-tone="{}"><i></i>{}</span>').format(tone, said)


def _passed(result: Shown) -> str:
    count = len(result["tests"])
    return f"{result['passed']} of {count} tests pass" if count > 1 else f"1 test {_verb(result)}"


def _verb(result: Shown) -> str:
    return "passes" if result["passed"] else "fails"


def facts(result: Shown) -> str:
    """Seconds, memory and what contained it, in a line."""
    words = [f"{result['seconds']:.2f} s"]
    if result.get("memory_bytes"):
        words.append(html.size(result["memory_bytes"]))
    return " · ".join([*words, f"in {result['contained_by']}"])


def _head(result: Shown, actions: Markup | str) -> Markup:
    return Markup(
        '<div class="cd-line">{}<span class="ts-note">{}</span><div class="ts-actions">{}</div></div>'
    ).format(badge(result), facts(result), actions)


def _exception(result: Shown) -> Markup:
    """The last line of what went wrong, which is where Python says it; of tests, each that did not pass."""
    if result["timed_out"]:
        return html.notice(
            "It was stopped: the time limit was reached.", "Make it shorter, or allow it more seconds.", "warn"
        )
    if not failed(result):
        return Markup()
    if wrong := [test for test in result.get("tests") or () if test["error"]]:
        return html.join(_test(test["name"], test["error"]) for test in wrong[:MOST_TESTS])
    ended_for = Markup("<p>It was stopped: {}.</p>").format(result["ended_for"]) if result.get("ended_for") else ""
    return _wrong(_last_line(error_of(result)), ended_for)


def _wrong(title: str, more: Markup | str) -> Markup:
    return Markup('<div class="ts-notice" data-tone="bad" role="status"><b>{}</b>{}</div>').format(
        marks.shown(title, 500), more
    )


def _test(name: str, error: str) -> Markup:
    fold = Markup('<details class="cd-fold"><summary>What it said</summary><pre class="ts-code">{}</pre></details>')
    return _wrong(f"{name}: {_last_line(error)}", fold.format(marks.shown(error, MOST_OF_TEST)))


def _last_line(text: str) -> str:
    lines = [line for line in text[-4000:].split("\n") if line.strip()]
    return lines[-1] if lines else "It ended without saying why."


def _stream(title: str, text: str) -> Markup:
    if not text:
        return Markup()
    return Markup(
        '<div class="cd-stream"><h3>{}</h3><pre class="ts-code" tabindex="0" aria-label="{}">{}</pre></div>'
    ).format(title, title, marks.shown(text))


def _pictures(result: Shown) -> Markup:
    """The pictures it wrote, and the names of what else it wrote."""
    figures = html.join(_figure(picture) for picture in result.get("pictures", ()))
    others = [
        Markup("{} ({})").format(marks.shown(name, 200), html.size(size)) for name, size in result.get("wrote", ())
    ]
    note = (
        Markup('<p class="ts-note">It wrote {}.</p>').format(Markup(", ").join(others[:MOST_WROTE])) if others else ""
    )
    return Markup("{}{}").format(Markup('<div class="cd-pictures">{}</div>').format(figures) if figures else "", note)


def _kind(data: bytes) -> str:
    if len(data) > MOST_PICTURE_BYTES:
        return ""
    return next((kind for first, kind in PICTURES.items() if data.startswith(first)), "")


def _figure(picture: Mapping[str, str]) -> Markup:
    source = f"data:{picture['type']};base64,{picture['data']}"
    return Markup('<figure><img src="{}" alt="{}"><figcaption>{}</figcaption></figure>').format(
        source, f"Picture {hidden.escaped(picture['name'])}", marks.shown(picture["name"], 200)
    )


def error_of(result: Shown) -> str:
    """What a model is told of a run that went wrong; empty when it went well."""
    if not failed(result):
        return ""
    if result.get("words"):
        return str(result["words"])
    if result["timed_out"]:
        return f"It did not end within {result['seconds']:.0f} seconds.\n{result['stderr']}"
    return str(result["stderr"] or f"It ended with exit code {result['exit']}.")


def words(result: Shown) -> str:
    """How it went, for a list: in a few words."""
    if result["timed_out"]:
        return "time over"
    if result.get("tests"):
        return _passed(result)
    return _last_line(error_of(result))[:120] if failed(result) else f"ran in {result['seconds']:.2f} s"
