"""What the model can still do: general skill before and after, with its interval, and what was lost."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from engine.evaluate import picture, sides, words
from pages.evaluate import worse_view
from pages.parts import html, marks

Facts = Mapping[str, Any]
VERDICTS = {"better": ("good", "Better"), "worse": ("bad", "Forgot something")}
MOST_LOST, LONGEST = 30, 400
ABOUT = (
    "Easy questions, the same for every model, show whether the training made it forget something. "
    "The score over all of them has an interval; a single skill has too few questions for one."
)


def skills_html(skills: Facts | None) -> Markup:
    """Nothing where skills were not asked."""
    if not skills:
        return Markup()
    overall = {**skills, "name": "skills", "title": "General skill", "better": "higher"}
    tone, word = VERDICTS.get(str(skills["verdict"]), ("calm", "No loss proven"))
    head = Markup(
        '<header><h3>General skill</h3><span class="ts-badge" data-tone="{}"><i></i>{}</span></header>'
    ).format(tone, word)
    figures = Markup(
        '<p class="ev-figure"><b>{} → {}</b> of {} right, {} <small>95 % interval {}</small></p>{}'
    ).format(
        words.value("skills", skills["base"]), words.value("skills", skills["tuned"]),
        words.counted(skills["questions"], "question"), words.change("skills", skills["difference"]),
        words.interval(overall), picture.interval(overall),
    )  # fmt: skip
    return Markup('<section class="ev-skills">{}<p class="ts-note">{}</p>{}{}{}</section>').format(
        head, ABOUT, figures, _counts(skills), _lost(skills["lost"])
    )


def _counts(skills: Facts) -> Markup:
    counts = html.join(
        Markup("<li><b>{}</b> {} → {} <small>of {}</small></li>").format(
            marks.shown(str(one["name"]).replace("_", " ").capitalize(), 80),
            one["base"],
            one["tuned"],
            one["questions"],
        )
        for one in skills["by_skill"]
    )
    loss = skills.get("loss") or {}
    known = loss.get("base") is not None and loss.get("tuned") is not None
    told = (
        Markup("<li><b>Loss on plain texts</b> {} → {}</li>").format(
            words.value("nll", loss["base"]), words.value("nll", loss["tuned"])
        )
        if known
        else ""
    )
    return Markup('<ul class="ev-counts">{}{}</ul>').format(counts, told)


def _lost(lost: list[Facts]) -> Markup:
    if not lost:
        return Markup()
    items = html.join(
        Markup("<li><b>{}</b>{}{}{}</li>").format(
            worse_view.side_html(sides.whole(one["question"], LONGEST)),
            *(
                Markup("<p><span>{}</span> {}</p>").format(title, worse_view.side_html(sides.whole(one[part], LONGEST)))
                for title, part in (("Expected", "expected"), ("Base", "base"), ("Tuned", "tuned"))
            ),
        )
        for one in lost[:MOST_LOST]
    )
    summary = f"{words.counted(len(lost), 'question')} that only the base got right"
    return Markup('<details data-key="lost"><summary>{}</summary><ul class="ev-lost">{}</ul></details>').format(
        summary, items
    )
