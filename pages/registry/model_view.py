"""One model of the registry: its aliases, its versions with what was measured, where they come from, its log."""

import time
from collections.abc import Mapping
from typing import Any, get_args

from markupsafe import Markup

from engine.registry import aliases
from engine.registry.versions import Stage
from pages.parts import fields, html
from pages.parts.filling import filled
from pages.parts.pager import pager_by_page, place_of
from pages.registry import keeping, lineage_view, measured_view, serving_view

MOST_LINES, ROWS = 30, 50
WORDS = {"other": "serves something else", "deploying": "is being deployed"}


def model_html(facts: dict[str, Any], query: Mapping[str, str]) -> Markup:
    """Everything about one model. Forms that were opened stay open while it refreshes: their state is the browser's."""
    versions, none = facts["version_list"], html.notice("It has no version.", "", "calm")
    pager = pager_by_page(place_of(query, ROWS, facts["versions"]), "/registry", "versions", model=facts["name"])
    table = html.card("Versions", _versions(versions), measured_view.explained(versions), pager) if versions else none
    return filled(
        '<div class="ts-stack" data-key="model-{}">{}{}{}{}{}{}{}</div>',
        facts["name"],
        html.link(Markup("&larr; All models"), "/registry", soft=True),
        _head(facts),
        _aliases(facts),
        table,
        lineage_view.card(facts),
        html.card("Keep another version", keeping.form(query, facts["name"]), id="keep"),
        html.card("Log", _log(facts["name"])),
    )


def _head(facts: dict[str, Any]) -> Markup:
    question = f"Forget {facts['name']} with its {facts['versions']} versions and its log? The weights stay."
    edit = _folded(
        "Edit",
        fields.form(
            "change-model",
            facts["name"],
            "Save",
            fields.text("note", "Note", value=facts["note"]),
            fields.text("tags", "Tags", "maths, korean", ", ".join(facts["tags"])),
        ),
    )
    delete = html.button("Delete", "delete-model", facts["name"], question, "danger")
    title = Markup('<div class="ts-title"><h2>{}</h2>{}<div class="ts-actions">{}</div></div>')
    heading = title.format(facts["name"], _tags(facts["tags"]), delete)
    shown, note = html.in_title(facts["name"]), _paragraph(facts["note"])
    return filled('<section class="ts-card">{}{}{}{}</section>', shown, heading, note, edit)


def _paragraph(text: str) -> Markup:
    return filled('<p class="rg-note">{}</p>', text) if text else Markup()


def _tags(tags: list[str]) -> Markup:
    return html.join(filled('<span class="rg-tag">{}</span>', tag) for tag in tags)


def _folded(label: str, *content: object) -> Markup:
    return filled('<details class="rg-more"><summary>{}</summary>{}</details>', label, html.join(content))


def _aliases(facts: dict[str, Any]) -> Markup:
    items = html.join(_alias(facts, alias, number) for alias, number in facts["aliases"].items())
    listed = filled('<ul class="rg-aliases">{}</ul>', items) if items else _no_alias()
    form = _move_form(facts) if facts["version_list"] else ""
    return html.card("Aliases", listed, form, id="aliases")


def _no_alias() -> Markup:
    return Markup('<p class="ts-note">No alias yet. An alias such as production leads to the version in use.</p>')


def _alias(facts: dict[str, Any], alias: str, number: int) -> Markup:
    subject = f"{facts['name']}@{alias}"
    followers = [follower for follower in facts["endpoints"] if follower["alias"] == alias]
    kinds = {version["version"]: version["kind"] for version in facts["version_list"]}
    serve = serving_view.folded("Serve it", subject, kinds.get(number, ""), facts["name"])
    back = fields.form("rollback", subject, "Roll back", fields.text("why", "Why", "it got worse at ..."))
    remove = html.button("Remove", "remove-alias", subject, f"Remove the alias {alias}?", "danger")
    named = filled("<code>version:{}</code>", subject)
    led = filled('<div class="rg-led"><b>{}</b><span>leads to version {}</span>{}</div>', alias, number, named)
    return filled(
        '<li>{}{}<div class="ts-actions">{}{}{}</div></li>',
        led,
        html.join(_follower(follower) for follower in followers),
        _folded("Roll back", back),
        serve,
        remove,
    )


def _follower(follower: dict[str, Any]) -> Markup:
    status = follower["status"]
    words = WORDS.get(status, status)
    says = " ".join(filter(None, (follower["error"], follower["hint"])))
    unfollow = html.button("Stop following", "unfollow", follower["endpoint_id"], "", "danger")
    number = f"version {follower['version']}" if follower["version"] else "nothing yet"
    badge = filled('<span class="ts-badge" data-tone="{}"><i></i>{}</span>', _tone(status), words)
    line = filled(
        '<div class="rg-follower"><span>The endpoint {} follows it: {}</span>{}{}</div>',
        html.link(follower["endpoint"], "/serve"),
        number,
        badge,
        unfollow,
    )
    return line + (html.notice(says, "", "warn") if says else Markup())


def _tone(status: str) -> str:
    return {"serving": "good", "deploying": "live", "failed": "bad", "other": "warn"}.get(status, "calm")


def _move_form(facts: dict[str, Any]) -> Markup:
    """Moves an alias. What the person has seen travels along, so that a move of somebody else meanwhile is noticed."""
    seen = html.join(
        filled('<input type="hidden" name="seen-{}" value="{}">', alias, number)
        for alias, number in facts["aliases"].items()
    )
    choices = [(str(version["version"]), _choice(version)) for version in facts["version_list"]]
    gates = [
        ("", "always"),
        ("better", "the first report says better"),
        ("not_worse", "the first report does not say worse"),
    ]
    known = html.join(filled('<option value="{}">', alias) for alias in {*facts["aliases"], "production"})
    alias = filled(
        '<label><b>Alias</b><input name="alias" list="aliases-there" maxlength="48" required autocomplete="off"'
        ' placeholder="production"><datalist id="aliases-there">{}</datalist></label>',
        known,
    )
    why = Markup(
        '<label class="rg-wide"><b>Why</b><input name="why" maxlength="500" required autocomplete="off"></label>'
    )
    content = (alias, fields.select("version", "To version", choices), fields.select("gate", "If", gates), why, seen)
    return filled("<h3>Move an alias</h3>{}", fields.form("move", facts["name"], "Move", *content))


def _choice(version: dict[str, Any]) -> str:
    return f"{version['version']} · {version['kind']}" + (f" · {version['note'][:40]}" if version["note"] else "")


def _versions(versions: list[dict[str, Any]]) -> Markup:
    headers = (
        html.Header("Version", room=10),
        "Holds",
        html.Header("Measured", room=24),
        html.Header("Size", "number"),
        html.Header("Kept", "number"),
        html.Header("Actions", "actions"),
    )
    return html.table(headers, [_row(version) for version in versions], "Versions")


def _row(version: dict[str, Any]) -> html.Row:
    subject = f"{version['name']}/{version['version']}"
    led = html.join(filled('<span class="rg-alias">{}</span>', alias) for alias in version["aliases"])
    name = filled(
        '<div class="ts-name"><b>{}</b> {}<small>{} · {}</small>{}{}</div>',
        version["version"],
        led,
        version["kind"],
        version["stage"],
        _paragraph(version["note"]),
        _tags(version["tags"]),
    )
    actions = filled(
        "{}{}{}{}{}",
        _folded("Edit", _edit(version, subject)),
        serving_view.folded("Serve", subject, version["kind"], f"{version['name']}-{version['version']}"),
        _download(version),
        html.button("Check files", "check", subject),
        html.button(
            "Delete", "delete-version", subject, f"Forget version {version['version']}? Its weights stay.", "danger"
        ),
    )
    cells = (
        name,
        _holds(version),
        measured_view.cell(version["measured"]),
        filled("{}<small>{}</small>", html.size(version["size_bytes"]), _files(version)),
        html.moment(version["created_at"]),
        filled('<div class="rg-row-actions">{}</div>', actions),
    )
    return html.Row(cells, id=subject)


def _holds(version: dict[str, Any]) -> Markup:
    noun, _, row_id = version["holds"].partition(":")
    told = version["lineage"].get("run") or version["lineage"].get("base") or {}
    name = str(told.get("name") or row_id)
    link = html.link(name, f"/runs?run={version['run_id']}" if version["run_id"] else "/models")
    return filled("{}<small>{}</small>", link, noun)


def _files(version: dict[str, Any]) -> Markup | str:
    if version["files_state"] == "changed":
        return filled('<span class="rg-bad" title="{}">changed</span>', "\n".join(version["changed"]))
    return "reading files" if version["files_state"] == "reading" else f"checked {html.ago(version['checked_at'])}"


def _download(version: dict[str, Any]) -> Markup:
    if version["export_id"]:
        href = f"/api/exports/{version['export_id']}/download"
    elif version["run_id"]:
        href = f"/api/runs/{version['run_id']}/download"
    else:
        return Markup()
    return filled('<a class="ts-button" href="{}" download>Download</a>', href)


def _edit(version: dict[str, Any], subject: str) -> Markup:
    stages = [(stage, stage) for stage in get_args(Stage)]
    return fields.form(
        "change",
        subject,
        "Save",
        fields.select("stage", "Stage", stages, version["stage"]),
        fields.text("note", "Note", value=version["note"]),
        fields.text("tags", "Tags", "maths, korean", ", ".join(version["tags"])),
    )


def _log(name: str) -> Markup:
    lines, count = aliases.log(name, MOST_LINES)
    items = html.join(
        filled(
            "<li><time>{}</time><span>{}</span><small>{}{}</small></li>",
            time.strftime("%m-%d %H:%M:%S", time.localtime(line.at)),
            _what(line),
            _because(line),
            _gate(line.gate),
        )
        for line in lines
    )
    more = f"{count - len(lines):,} older lines: GET /api/registry/{name}/log" if count > len(lines) else ""
    return filled('<ol class="ts-history rg-log">{}</ol>{}', items, _paragraph(more))


def _what(line: Any) -> Markup | str:
    match line.action:
        case "moved":
            return filled("{}: {} &rarr; {}", line.alias, line.before or "new", line.after)
        case "removed":
            return f"{line.alias} removed"
        case "kept":
            return f"version {line.after} kept"
        case "deleted":
            return f"version {line.before} deleted"
    return f"version {line.after} changed" if line.after else f"{line.alias or 'model'} changed"


def _because(line: Any) -> str:
    return f"{line.why} ({line.who})" if line.why and line.who else line.why or line.who


def _gate(gate: dict[str, Any] | None) -> str:
    return f" Gate: {gate['asked']}; the first report says {gate['verdict']}." if gate else ""
