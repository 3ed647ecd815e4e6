"""Lists of datasets and models: addresses, heads that sort, what is done with the chosen ones, what people write."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlencode

from markupsafe import Markup

from engine import listed
from engine.errors import RefusedError
from pages.parts import choosing, html
from pages.parts.filling import filled
from storage.tables import Dataset, Model

Query = Mapping[str, str]
Act = Callable[[str, Mapping[str, str]], object]
KEPT = ("q", "kind", "status", "source", "tag", "sort", "chosen", "page")
FILTERS = ("q", "kind", "status", "source", "tag")
NEWEST = "-created"


@dataclass(frozen=True)
class Place:
    """A list of datasets or models, at its address."""

    path: str
    thing: listed.Thing

    def address(self, query: Query, **changed: str | Sequence[str]) -> str:
        """The list as it is, with other values of some parameters."""
        new = {name: value if isinstance(value, str) else ",".join(value) for name, value in changed.items()}
        kept = {name: query.get(name, "") for name in KEPT} | new
        text = urlencode({name: value for name, value in kept.items() if value}, safe=",")
        return f"{self.path}?{text}" if text else self.path

    def head(self, query: Query, title: str, sort: str, kind: html.Kind = "text", room: int = 0) -> html.Header:
        """The head of a column; a click sorts by it (numbers from the greatest), a second one turns that around."""
        ways = (f"-{sort}", sort) if kind == "number" or sort == "created" else (sort, f"-{sort}")
        now = query.get("sort") or NEWEST
        then = ways[1] if now == ways[0] else ways[0]
        order: Literal["", "ascending", "descending"] = (
            "ascending" if now == sort else "descending" if now == f"-{sort}" else ""
        )
        href = self.address(query, sort="" if then == NEWEST else then, page="")
        return html.Header(title, kind, room, href, order)

    def chosen(self, query: Query) -> list[str]:
        return choosing.ids_of(query.get("chosen", ""), listed.MOST_AT_ONCE)

    def box(self, query: Query, row_id: str, name: str) -> Markup:
        """The box that chooses a row."""
        return choosing.box(
            row_id, f"Choose {name}", self.chosen(query), listed.MOST_AT_ONCE,
            lambda ids: self.address(query, chosen=ids),
        )  # fmt: skip

    def bar(self, query: Query, on_page: Sequence[str], loss: str) -> Markup:
        """How many are chosen, and what can be done with them. `loss`: what deleting them takes away."""
        ids = self.chosen(query)
        if not ids:
            return Markup()
        things, joined = f"{len(ids)} {self.thing}{'' if len(ids) == 1 else 's'}", ",".join(ids)
        rest = [row_id for row_id in on_page if row_id not in ids]
        acts = (
            _tag_form("all-tag", "Tag", joined, f"Tag for the chosen {self.thing}s"),
            _tag_form("all-untag", "Remove tag", joined, f"Tag to take from the chosen {self.thing}s"),
            html.button("Delete", "all-delete", joined, f"Delete {things}? {loss}", "danger"),
            html.link("Choose this page", self.address(query, chosen=[*ids, *rest]), soft=True) if rest else "",
        )
        return choosing.bar(f"{things} chosen.", acts, self.address(query, chosen=""))


def _tag_form(act: str, label: str, joined: str, said: str) -> Markup:
    return filled(
        '<details class="rn-tagging" data-menu><summary class="ts-button">{}</summary>'
        '<form data-act="{}" data-id="{}"><input class="ts-input" name="tag" maxlength="40" required'
        ' placeholder="A tag" aria-label="{}" autocomplete="off">'
        '<button class="ts-button">{}</button></form></details>',
        label,
        act,
        joined,
        said,
        "Add" if act == "all-tag" else "Remove",
    )


def tags(row: Dataset | Model) -> Markup:
    """Its tags, where it has any."""
    if not row.tags:
        return Markup()
    marks = html.join(filled('<bdi class="ts-mark">{}</bdi>', tag) for tag in row.tags)
    return filled('<div class="ts-marks">{}</div>', marks)


def words(row: Dataset | Model) -> Markup:
    """Description and tags, and one form that changes them and the name."""
    said = filled('<p class="ts-description" dir="auto">{}</p>', row.description) if row.description else ""
    form = filled(
        '<details class="rn-edit" data-menu><summary class="ts-button">{}</summary>'
        '<form data-act="words" data-id="{}" class="ts-words-form">'
        '<label>Name<input class="ts-input" name="name" value="{}" maxlength="120" required autocomplete="off"></label>'
        '<label>Tags, separated by commas<input class="ts-input" name="tags" value="{}" maxlength="450"'
        ' autocomplete="off"></label><label>Description<textarea class="ts-input" name="description" rows="3"'
        ' maxlength="2000" placeholder="What it is and where it came from" dir="auto">\n{}</textarea></label>'
        '<button class="ts-button" data-tone="primary">Save</button></form></details>',
        "Edit name and tags",
        row.id,
        row.name,
        ", ".join(row.tags),
        row.description,
    )
    return filled('<div class="ts-words">{}<div class="rn-marks-row">{}{}</div></div>', said, tags(row), form)


def acts(
    change: Callable[[str, listed.Change], object],
    act_on: Callable[[listed.Action, Sequence[str], str], listed.Outcome],
) -> dict[str, Act]:
    """What the forms of `words` and of the bar do, by the engine's functions of the list."""

    def with_chosen(action: listed.Action) -> Act:
        def act(ids: str, values: Mapping[str, str]) -> None:
            outcome = act_on(action, [one for one in ids.split(",") if one], values.get("tag", ""))
            if outcome.refused:
                count = len(outcome.refused)
                message = f"{count} of {count + len(outcome.done)} were left as they are."
                raise RefusedError(message, outcome.refused[0]["message"])

        return act

    return {
        "words": lambda id, values: change(id, _written(values)),
        "all-tag": with_chosen("tag"),
        "all-untag": with_chosen("untag"),
        "all-delete": with_chosen("delete"),
    }


def _written(values: Mapping[str, str]) -> listed.Change:
    """What the form of `words` says."""
    return listed.Change(values.get("name", ""), values.get("tags", "").split(","), values.get("description", ""))
