"""Where the versions of a model come from and where they are used, drawn: dataset, run, version, alias, endpoint."""

from collections.abc import Iterable
from typing import Any

from markupsafe import Markup

from pages.parts import html
from pages.parts.filling import filled

MOST = 8  # versions that are drawn, the newest; the others are in the table


def card(facts: dict[str, Any]) -> Markup:
    """A row of boxes for each version. What it came from is told as it was when it was kept."""
    versions = facts["version_list"][:MOST]
    if not versions:
        return Markup()
    drawn = html.join(_line(version, facts["endpoints"]) for version in versions)
    others = facts["versions"] - len(versions)
    more = filled('<p class="ts-note">{} other versions are not drawn.</p>', others) if others else ""
    return html.card("Origin and use", filled('<ol class="rg-lines">{}</ol>', drawn), more)


def _line(version: dict[str, Any], followers: list[dict[str, Any]]) -> Markup:
    told = version["lineage"]
    begin = filled('<div class="rg-both">{}{}</div>', _dataset(told.get("dataset")), _base(told.get("base")))
    boxes = [begin, _run(told.get("run")), _export(told.get("export"))]
    led = ", ".join(version["aliases"])
    own = _box("version", f"{version['name']} {version['version']}", version["kind"], strong=True)
    ends = [_box("alias", led, "") if led else Markup(), *_endpoints(version, followers)]
    return filled("<li>{}</li>", html.join([*boxes, own, *ends]))


def _endpoints(version: dict[str, Any], followers: list[dict[str, Any]]) -> Iterable[Markup]:
    following = {follower["endpoint"] for follower in followers}
    for name in version["endpoints"]:
        yield _box("endpoint", name, "follows an alias" if name in following else "", "/serve")


def _dataset(told: dict[str, Any] | None) -> Markup:
    if not told:
        return Markup()
    about = f"version {told['version']}, {told['rows']:,} rows"
    return _box("dataset", str(told["name"]), about, f"/data?dataset={told['id']}")


def _base(told: dict[str, Any] | None) -> Markup:
    return _box("base", str(told["name"]), str(told["licence"] or ""), "/models") if told else Markup()


def _run(told: dict[str, Any] | None) -> Markup:
    if not told:
        return Markup()
    recipe = told.get("recipe", {})
    about = ", ".join(str(recipe[name]) for name in ("method", "tuning") if name in recipe)
    return _box("run", str(told["name"]), about, f"/runs?run={told['id']}")


def _export(told: dict[str, Any] | None) -> Markup:
    return _box("export", str(told["kind"]), "") if told else Markup()


def _box(noun: str, name: str, about: str, href: str = "", strong: bool = False) -> Markup:
    title = html.link(name, href) if href else filled("<b>{}</b>", name)
    return filled(
        '<div class="rg-box" data-noun="{}"{}><small>{}</small>{}<small>{}</small></div>',
        noun,
        Markup(" data-strong") if strong else "",
        noun,
        title,
        about,
    )
