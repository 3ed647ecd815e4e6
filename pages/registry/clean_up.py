"""What takes the disk, thing by thing with what uses it, and what is safe to remove."""

from collections.abc import Mapping

from markupsafe import Markup

from engine.registry import disk
from pages.parts import html

MOST = 12
ADDRESSES = {"run": "/runs?run={}", "dataset": "/data?dataset={}", "model": "/models", "export": "/runs"}


def disk_html(query: Mapping[str, str]) -> str:
    """The largest things and the clean-up list, below the list of models. A large home takes some seconds."""
    if query.get("model"):
        return ""
    looked = disk.latest()
    if looked is None:
        return str(html.card("Disk", Markup('<p class="ts-note">The disk is being measured.</p>')))
    total = sum(thing.size_bytes for thing in looked.things)
    words = f"{html.size(total)} used by the studio, {html.size(looked.free_bytes)} free. Seen {html.ago(looked.at)}."
    about = Markup('<p class="ts-note">{}</p>').format(words)
    return str(
        Markup('<div class="ts-stack rg-disk">{}{}</div>').format(
            html.card("Safe to remove", _removable(looked.removable)), html.card("Disk", about, _things(looked.things))
        )
    )


def _things(things: list[disk.Thing]) -> Markup:
    headers = ("Item", "Used by", html.Header("Size", "number"))
    rows = [
        html.Row((_name(thing), _users(thing), html.size(thing.size_bytes)), id=thing.id) for thing in things[:MOST]
    ]
    return html.table(headers, rows, "What takes the disk")


def _name(thing: disk.Thing) -> Markup:
    address = ADDRESSES.get(thing.kind)
    name = html.link(thing.name, address.format(thing.id)) if address else Markup("<b>{}</b>").format(thing.name)
    return Markup('<div class="ts-name">{}<small>{}</small></div>').format(name, thing.kind)


def _users(thing: disk.Thing) -> str:
    if not thing.used_by:
        return html.DASH
    more = len(thing.used_by) - 2
    return ", ".join(thing.used_by[:2]).replace("`", "") + (f" and {more} more" if more > 0 else "")


def _removable(items: list[disk.Removable]) -> Markup:
    if not items:
        return Markup('<p class="ts-note">Nothing: everything here is in use, or may be needed.</p>')
    headers = ("What", html.Header("Size", "number"), html.Header("Actions", "actions"))
    rows = [html.Row((_what(item), html.size(item.size_bytes), _remove(item)), id=item.id) for item in items]
    return html.table(headers, rows, "What is safe to remove")


def _what(item: disk.Removable) -> Markup:
    return Markup('<div class="ts-name"><b>{}</b><small>{}</small></div>').format(item.name, item.why)


def _remove(item: disk.Removable) -> Markup:
    question = f"Remove {item.name} ({html.size(item.size_bytes)})? This cannot be undone."
    return html.button("Remove", "clean-up", item.id, question, "danger")
