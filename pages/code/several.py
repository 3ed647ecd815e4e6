"""Several answers side by side: written at the same time, each run, the best first. Each is kept as a version.

So nothing is lost by a reload, and what is shown side by side is an address: `/code?snippet=ID&side=4-6`.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace

from markupsafe import Markup

from engine.code import candidates, snippets, wanted
from engine.code.candidates import Ranked, Unwritten, Written
from engine.code.wanted import Wanted
from engine.errors import TunesmithError
from engine.sandbox.errors import SandboxError
from pages.code import answer_view, keeping, run_view, running, told
from pages.code.screen import Shown, desk_after, shown
from pages.code.sheet import Sheet
from pages.parts import html, marks, paced
from storage.tables import SnippetVersion

REDRAW_SECONDS = 0.15
MOST_SIDE_BY_SIDE, MOST_FILES = candidates.MOST, 5


def write(sheet: Sheet, asked: Wanted, project_id: str) -> Iterator[Shown]:
    """The answers as they grow; then each run and kept, and the best in the editor."""
    texts = [""] * sheet.answers
    ended: dict[int, Written] = {}
    errors: list[TunesmithError] = []
    yield shown(told.line(f"Asking {asked.model}", busy="write"), output="", made="", error="")
    with closing(paced.groups(candidates.write(asked, sheet.answers), REDRAW_SECONDS)) as groups:
        for group in groups:
            for event in group:
                if isinstance(event, Unwritten):
                    errors.append(event.error)
                elif isinstance(event, Written):
                    ended[event.candidate] = event
                else:
                    texts[event.candidate] += event.text
            yield shown(told.line(f"Writing {sheet.answers} answers", busy="write"), made=_growing(texts))
    written = {number: answer for number, answer in sorted(ended.items()) if answer.changed}
    if not written:
        raise errors[0] if errors else TunesmithError("No answer has code.", "Say more in the task, or ask for one.")
    yield shown(told.line("Running the answers", busy="run"), made=_growing(texts))
    yield _kept(sheet, asked, written, project_id)


def _growing(texts: Sequence[str]) -> str:
    columns = html.join(
        Markup('<article class="cd-one"><div class="cd-line"><h3>Answer {}</h3></div>{}</article>').format(
            number, answer_view.body_html(text)
        )
        for number, text in enumerate(texts, 1)
    )
    return str(Markup('<div class="cd-made"><div class="cd-side">{}</div></div>').format(columns))


def _kept(sheet: Sheet, asked: Wanted, written: Mapping[int, Written], project_id: str) -> Shown:
    """Versions from the last place to the first, so that the best is the newest."""
    ranked, why_not = _ranked(sheet, asked, written)
    kept: list[SnippetVersion] = []
    for answer in reversed(ranked):
        note = f"answer {answer.candidate + 1} of {len(written)}: {run_view.words(answer.outcome.plain())}"
        origin = {"action": asked.action, "model": asked.model, "answer": written[answer.candidate].answer}
        result = answer.outcome.plain() if answer.outcome.contained_by else None
        desk = desk_after(sheet, written[answer.candidate])
        kept.append(keeping.keep(sheet, desk, project_id, **origin, note=note if result else "", result=result))
        sheet = replace(sheet, snippet_id=kept[-1].snippet_id)
    numbers = [version.number for version in kept]
    side = f"{min(numbers)}-{max(numbers)}"
    works = "" if ranked[0].outcome.works else " It does not work yet."
    best = f"Version {kept[-1].number} is the best of {len(written)}.{works}"
    words = f"{len(written)} answers, in the order they came. {why_not}" if why_not else best
    desk = desk_after(sheet, written[ranked[0].candidate])
    line = keeping.kept_line(sheet, kept[-1], words, first=min(numbers), side=side)
    return shown(line, desk, made="", snippet_id=kept[-1].snippet_id)


def _ranked(sheet: Sheet, asked: Wanted, written: Mapping[int, Written]) -> tuple[list[Ranked], str]:
    """The best first, by running them with the tests there are; or as they came, and why they did not run."""
    as_they_came = [Ranked(number, place, candidates.EMPTY) for place, number in enumerate(written, 1)]
    if asked.speaks.name != running.RUNS:
        return as_they_came, "Only Python runs here."
    tests = {name: text for name, text in sheet.desk.files.items() if wanted.is_test(name) and text.strip()}
    try:
        return candidates.rank(asked, list(written.values()), running.runner(sheet), tests), ""
    except SandboxError as error:
        return as_they_came, error.message


def side_html(query: Mapping[str, str]) -> str:
    """The versions that the address wants side by side, the newest first."""
    first, _, last = query.get("side", "").partition("-")
    if not (query.get("snippet") and first.isdecimal() and last.isdecimal() and len(first + last) < 12):
        return ""
    numbers = range(int(last), max(int(first), int(last) - MOST_SIDE_BY_SIDE + 1) - 1, -1)
    try:
        versions = [snippets.version(query["snippet"], number) for number in numbers]
    except TunesmithError:
        return ""  # one that is not there: the address was changed by hand
    best = next((version.number for version in versions if (version.result_json or {}).get("works")), None)
    columns = html.join(_column(version, version.number == best) for version in versions)
    close = html.link("Close", f"/code?snippet={query['snippet']}", soft=True)
    body = Markup('<div class="cd-side">{}</div>').format(columns)
    return str(html.card("Answers side by side, the best first", body, aside=close))


def _column(version: SnippetVersion, is_best: bool) -> Markup:
    result = version.result_json
    head = Markup('<h3>Version {}</h3>{}<div class="ts-actions">{}</div>').format(
        version.number, run_view.badge(result) if result else "", html.button("Use it", "open", str(version.number))
    )
    words = Markup('<p class="ts-note">{}</p>').format(marks.shown(version.note, 300)) if version.note else ""
    codes = html.join(
        Markup('<pre class="ts-code" tabindex="0" aria-label="{}">{}</pre>').format(name, marks.shown(text, 20_000))
        for name, text in list(version.files_json.items())[:MOST_FILES]
    )
    return Markup('<article class="cd-one"{}><div class="cd-line">{}</div>{}{}</article>').format(
        Markup(" data-best") if is_best else "", head, words, codes
    )
