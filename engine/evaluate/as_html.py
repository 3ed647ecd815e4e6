"""Reports as one HTML file that needs nothing else: no script, no picture, no address; every text in it is escaped.

What turns the direction of writing or hides is written as `<U+202E>`, long texts are cut, and that is said. The file
carries a policy of its own that forbids whatever might have got in.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from engine import hidden
from engine.evaluate import picture, sides, words
from engine.evaluate.sides import Side

Facts = Mapping[str, Any]
MOST_ROWS = 100  # that got worse, of one report
MOST_LOST = 60
POLICY = "default-src 'none'; style-src 'unsafe-inline'"

STYLE = """
:root { color-scheme: light dark; --text: #1b2126; --muted: #59636d; --line: #d9dee3; --soft: #f3f5f7; --good: #17713f;
  --bad: #b3261e; --warn: #8a5a00; --page: #fff; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e9ec; --muted: #9aa4ae; --line: #363d44; --soft: #1f2428;
  --good: #57c78a; --bad: #ff8a80; --warn: #e7b75a; --page: #15181b; } }
body { margin: 0 auto; padding: 32px 20px 64px; max-width: 960px; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 24px; line-height: 1.25; margin: 0 0 4px; } h2 { font-size: 17px; margin: 32px 0 8px; }
p { margin: 6px 0; } .muted, small { color: var(--muted); font-size: 13px; }
.verdict { padding: 14px 18px; margin: 18px 0; border: 1px solid var(--line); border-left: 4px solid var(--muted);
  border-radius: 8px; font-size: 17px; }
.verdict b { display: block; } [data-tone=good] { border-left-color: var(--good); }
[data-tone=bad] { border-left-color: var(--bad); } [data-tone=warn] { border-left-color: var(--warn); }
table { width: 100%; border-collapse: collapse; font-size: 14px; } th { text-align: left; font-size: 12px;
  color: var(--muted); } th, td { padding: 6px 8px 6px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.number, th.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
td.bar { min-width: 150px; } ul { padding-left: 20px; margin: 6px 0; }
.ev-interval { display: block; color: var(--muted); } .ev-interval line { stroke: currentColor; stroke-width: 2; }
.ev-interval circle { fill: currentColor; } .ev-interval .ev-zero { stroke: var(--muted); stroke-width: 1; }
.ev-interval[data-verdict=better] { color: var(--good); } .ev-interval[data-verdict=worse] { color: var(--bad); }
.row { margin: 14px 0; padding: 12px 14px; border: 1px solid var(--line); border-radius: 8px; }
.row h3 { margin: 8px 0 2px; font-size: 12px; color: var(--muted); font-weight: 600; }
.two { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(320px, 100%), 1fr)); gap: 0 20px; }
.wide { overflow-x: auto; } .wide td:first-child { min-width: 130px; }
pre { margin: 0; padding: 8px 10px; background: var(--soft); border-radius: 6px; white-space: pre-wrap;
  overflow-wrap: anywhere; max-height: 320px;
  overflow-y: auto; font: 13px/1.45 ui-monospace, Menlo, monospace; unicode-bidi: isolate; }
del { color: var(--bad); } ins { color: var(--good); text-decoration: none; font-weight: 600; }
dl { margin: 6px 0; } dt { font-weight: 600; } dd { margin: 0 0 8px; color: var(--muted); }
"""


def document(reports: Sequence[tuple[str, Facts]]) -> str:
    """One page with each report under its name. `reports`: names, and results in the shape of engine.evaluate.shape."""
    names = ", ".join(name for name, _ in reports)
    return str(
        Markup(
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta http-equiv="Content-Security-Policy" content="{}">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            "<title>{}</title><style>{}</style></head>\n<body>{}{}</body></html>\n"
        ).format(POLICY, _text(f"Report: {names}"[:200]), Markup(STYLE), _all(map(_report, reports)), _explained())
    )


def _report(named: tuple[str, Facts]) -> Markup:
    name, result = named
    return Markup("<article><h1>{}</h1>{}</article>\n").format(_text(name), _content(result))


def _content(result: Facts) -> Markup:
    if result["status"] != "succeeded":
        reason = " ".join(filter(None, (result["error"], result["hint"]))) or f"It is {result['status']}."
        return Markup('<div class="verdict"><b>No report yet</b>{}</div>').format(_text(reason))
    head = Markup('<p class="muted">{}</p><div class="verdict" data-tone="{}">{}</div><ul>{}</ul>').format(
        _text(_measured(result)),
        words.verdict(result)[1],
        _text(result["sentence"]),
        _all(_item(note) for note in words.notes(result)),
    )
    return head + _metrics(result) + _skills(result["skills"]) + _worse(result)


def _measured(result: Facts) -> str:
    """What was compared, on what, and when."""
    when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(result["created_at"])) if result["created_at"] else ""
    pair = f"{result['subject_title'] or result['subject']} against {result['against_title'] or result['against']}"
    return " · ".join(filter(None, (pair, words.rows_measured(result), f"seed {result['seed']}", when)))


def _item(note: words.Note) -> Markup:
    return Markup("<li>{}</li>").format(_text(note[1]))


def _metrics(result: Facts) -> Markup:
    heads = Markup(
        '<tr><th>Metric</th><th class="number">Base</th><th class="number">Tuned</th><th class="number">Difference</th>'
        "<th>95 % interval</th><th></th><th>Verdict</th></tr>"
    )
    rows = _all(_metric(metric, metric["name"] == result["primary"]) for metric in result["metrics"])
    return Markup(
        '<h2>What was measured</h2><div class="wide"><table><thead>{}</thead><tbody>{}</tbody></table></div>'
    ).format(heads, rows)


def _metric(metric: Facts, decides: bool) -> Markup:
    name = metric["name"]
    title = Markup("<b>{}</b><br><small>decides</small>") if decides else Markup("{}")
    return Markup(
        '<tr><td title="{}">{}</td><td class="number">{}</td><td class="number">{}</td><td class="number">{}</td>'
        '<td class="bar">{}</td><td class="number">{}</td><td>{}</td></tr>'
    ).format(
        words.explained(name), title.format(_text(metric["title"])), words.value(name, metric["base"]),
        words.value(name, metric["tuned"]), words.change(name, metric["difference"]), picture.interval(metric),
        words.interval(metric), words.verdict(metric)[0] if metric["verdict"] else "",
    )  # fmt: skip


def _skills(skills: Facts | None) -> Markup:
    if not skills:
        return Markup()
    overall = {**skills, "name": "skills", "title": "General skill", "better": "higher"}
    counts = "; ".join(
        f"{one['name']} {one['base']} → {one['tuned']} of {one['questions']}" for one in skills["by_skill"]
    )
    lost = _all(
        Markup("<li><b>{}</b> expected {}<br><small>base: {}<br>tuned: {}</small></li>").format(
            *(_shown(sides.whole(one[part], 400)) for part in ("question", "expected", "base", "tuned"))
        )
        for one in skills["lost"][:MOST_LOST]
    )
    return Markup(
        '<h2>General skill</h2><p>{} → {} of {} questions right, {} ({}).</p>{}<p class="muted">{}</p>{}'
    ).format(
        words.value("skills", skills["base"]), words.value("skills", skills["tuned"]), skills["questions"],
        words.change("skills", skills["difference"]), words.interval(overall), picture.interval(overall), _text(counts),
        Markup("<h3>Questions it got wrong afterwards</h3><ul>{}</ul>").format(lost) if lost else "",
    )  # fmt: skip


def _worse(result: Facts) -> Markup:
    rows = result["worse_rows"]
    if not rows:
        return Markup("<h2>Rows that got worse</h2><p>None.</p>")
    more = f"{len(rows) - MOST_ROWS:,} more are not in this file." if len(rows) > MOST_ROWS else ""
    return Markup("<h2>Rows that got worse</h2>{}<p>{}</p>").format(_all(map(_row, rows[:MOST_ROWS])), more)


def _row(row: Facts) -> Markup:
    base, tuned = sides.answers(row)
    scores = Markup("<small>row {} · score {} → {}</small>").format(row["row"], *map(_score, _scores(row)))
    return Markup('<div class="row">{}<div class="two">{}{}{}{}</div></div>').format(
        scores,
        _block("Prompt", sides.whole(row["prompt"])),
        _block("Expected", sides.whole(row["expected"])),
        _block("Base", base),
        _block("Tuned", tuned),
    )


def _scores(row: Facts) -> tuple[float | None, float | None]:
    return row["base_score"], row["tuned_score"]


def _score(score: float | None) -> str:
    return words.DASH if score is None else f"{score:.3g}"


def _block(title: str, side: Side) -> Markup:
    return Markup("<div><h3>{}</h3><pre>{}</pre></div>").format(title, _shown(side))


def _shown(side: Side) -> Markup:
    tags = {"same": Markup("{}"), "removed": Markup("<del>{}</del>"), "added": Markup("<ins>{}</ins>")}
    left = Markup("<small> … {:,} more characters</small>").format(side.left) if side.left else ""
    return Markup("{}{}").format(_all(tags[piece.kind].format(_text(piece.text)) for piece in side.pieces), left)


def _explained() -> Markup:
    items = _all(Markup("<dt>{}</dt><dd>{}</dd>").format(*pair) for pair in words.EXPLAINED)
    return Markup("<h2>How to read this</h2><dl>{}</dl>").format(items)


def _text(value: Any) -> str:
    """A stranger's text with what hides or turns it around written out; Markup.format escapes it."""
    return hidden.escaped(str(value))


def _all(parts: Any) -> Markup:
    return Markup("").join(parts)
