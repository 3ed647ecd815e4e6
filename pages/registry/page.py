"""Registry: models that are kept by name, in versions; aliases that lead to one; what takes the disk.

`/registry` is the list, `/registry?model=NAME` one model, `/registry?keep=RUN` the list with a form for that run.
"""

from collections.abc import Callable, Mapping

import gradio as gr

from engine.errors import RefusedError
from engine.registry import aliases, disk, following, gates, registered, versions
from engine.registry.aliases import Promotion
from engine.runtimes import runtimes
from pages.parts import fields, html, live, toasts
from pages.registry import serving_view
from pages.registry.clean_up import disk_html
from pages.registry.keeping import kept_as
from pages.registry.listing import registry_html

SLUG, TITLE, SUBTITLE = "registry", "Registry", "Models you keep, with numbered versions and aliases"
KEY, ICON = "k", "registry"
GROUP = "Prove"

WHO = "the owner, in the window"
GATES: Mapping[str, gates.Gate | None] = {"": None, "better": "better", "not_worse": "not_worse"}


def page() -> None:
    """The models, or one of them, live; below, what takes the disk."""
    live.acting(live.live("registry", registry_html, seconds=3, actions=True), act)
    live.acting(live.live("disk", disk_html, seconds=30, actions=True), act)


def act(event: gr.EventData) -> None:
    """What a click on a button does."""
    with toasts.toast():
        ACTS[event.name](event.id, event.values)


def _keep(_id: str, values: Mapping[str, str]) -> None:
    name, what = values.get("name", "").strip(), kept_as(values.get("what", ""))
    made = versions.add(name, **what, note=values.get("note", ""), who=WHO)
    toasts.done(f"Kept as version {made.number} of {name}.")


def _move(name: str, values: Mapping[str, str]) -> None:
    alias = values.get("alias", "").strip()
    number = fields.whole(values, "version", "the number of a version")
    seen = values.get(f"seen-{alias}", "0")
    gate = GATES.get(values.get("gate", ""))
    promotion = Promotion(number, values.get("why", ""), WHO, int(seen) if seen.isdecimal() else 0, gate)
    _say(aliases.move(name, alias, promotion))


def _roll_back(subject: str, values: Mapping[str, str]) -> None:
    name, alias = _pair(subject, "@")
    _say(aliases.roll_back(name, alias, values.get("why", ""), who=WHO))


def _say(moved: aliases.Moved) -> None:
    deploying = [follower["endpoint"] for follower in moved.endpoints if follower["status"] == "deploying"]
    also = f" {', '.join(deploying)} will serve it as soon as it answers." if deploying else ""
    toasts.done(f"{moved.alias} leads to version {moved.after}.{also}")


def _serve(subject: str, values: Mapping[str, str]) -> None:
    endpoint = following.serve(values.get("endpoint", "").strip(), f"version:{subject}", who=WHO)
    toasts.done(f"{endpoint.name} is starting.", f"See {endpoint.name} on the Serve page", "/serve")


def _install(kind: str, _values: Mapping[str, str]) -> None:
    runtimes.install(kind)
    toasts.done("llama.cpp is being installed.", "How far it is", "/serve#runtimes")


def _change(subject: str, values: Mapping[str, str]) -> None:
    name, number = _version(subject)
    tags = [tag.strip() for tag in values.get("tags", "").split(",") if tag.strip()]
    versions.change(name, number, note=values.get("note", ""), tags=tags, stage=values.get("stage"), who=WHO)


def _change_model(name: str, values: Mapping[str, str]) -> None:
    tags = [tag.strip() for tag in values.get("tags", "").split(",") if tag.strip()]
    registered.change(name, values.get("note", ""), tags, WHO)


def _pair(subject: str, sign: str) -> tuple[str, str]:
    name, mark, rest = subject.partition(sign)
    if not mark:
        raise RefusedError(f"{subject!r:.80} is not known here.", "Reload the page.")
    return name, rest


def _version(subject: str) -> tuple[str, int]:
    name, number = _pair(subject, "/")
    return name, fields.whole({"number": number}, "number", "the number of a version")


def _clean_up(item: str, _values: Mapping[str, str]) -> None:
    toasts.done(f"{html.size(disk.remove([item]))} removed.")


ACTS: dict[str, Callable[[str, Mapping[str, str]], object]] = {
    "keep": _keep,
    "move": _move,
    "rollback": _roll_back,
    "remove-alias": lambda subject, _: aliases.remove(*_pair(subject, "@"), who=WHO),
    "serve": _serve,
    serving_view.INSTALL: _install,
    "unfollow": lambda endpoint_id, _: following.unfollow(endpoint_id, WHO),
    "change": _change,
    "change-model": _change_model,
    "check": lambda subject, _: versions.check(*_version(subject)),
    "delete-version": lambda subject, _: versions.delete(*_version(subject), WHO),
    "delete-model": lambda name, _: registered.delete(name),
    "clean-up": _clean_up,
}

FRAGMENTS: dict[str, live.Fragment] = {"registry": registry_html, "disk": disk_html}
