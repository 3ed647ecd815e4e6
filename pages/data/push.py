"""The part of a dataset's export that pushes it to the Hugging Face hub: a form, and how the newest push went."""

from collections.abc import Callable, Mapping

from markupsafe import Markup

from engine.data import hub
from engine.process import hub_token
from pages.parts import html
from storage.statuses import WORK_MOVING, WorkStatus
from storage.tables import Dataset, Work

SPLITS = ("train", "validation", "test")


def html_of(dataset: Dataset, _query: Mapping[str, str]) -> Markup:
    """A card: what was pushed last, and the form."""
    latest = hub.latest_push(dataset.id)
    moving = latest is not None and latest.status in WORK_MOVING
    about = Markup('<p class="dt-push-about">{}</p>').format(
        "The rows go there as Parquet, with a card that says what they are and where they came from."
    )
    form = "" if moving else _form(dataset, _repo(latest))
    return html.card("Push to the Hugging Face hub", about, _state(latest), form)


def _state(latest: Work | None) -> Markup:
    if latest is None:
        return Markup()
    repo = _repo(latest)
    if latest.status in WORK_MOVING:
        bar = html.progress(latest.progress, f"Pushing to {repo}")
        return Markup('<div class="dt-push-state"><p>{}: {}</p>{}</div>').format(repo, latest.stage or "starting", bar)
    if latest.status == WorkStatus.SUCCEEDED:
        return _done(latest, repo)
    return html.notice(latest.error or f"The push to {repo} was stopped.", latest.hint or "")


def _done(latest: Work, repo: str) -> Markup:
    address = str(latest.result.get("url", ""))
    repo_link = html.link(repo, address) if address.startswith(("https://", "http://")) else repo
    rows, split = html.count(int(latest.result.get("rows", 0))), latest.result.get("split", "")
    return Markup('<p class="dt-push-done">{} {} rows are at {}, split {}, since {}.</p>').format(
        html.badge("succeeded"), rows, repo_link, split, html.moment(latest.ended_at)
    )


def _repo(latest: Work | None) -> str:
    return str(latest.spec.get("repo", "")) if latest else ""


def _form(dataset: Dataset, repo: str) -> Markup:
    token_hint = "the studio's own token" if hub_token.origin() else "hf_..."
    splits = html.join(Markup("<option>{}</option>").format(split) for split in SPLITS)
    return Markup(
        '<form class="dt-push" data-act="push" data-id="{}">'
        '<label><b>Repository</b><input name="repo" value="{}" placeholder="owner/name" required maxlength="200"'
        ' autocapitalize="off" spellcheck="false"></label>'
        '<label><b>Token</b><input name="token" type="password" placeholder="{}" maxlength="200" autocomplete="off">'
        "</label>"
        '<label><b>Split</b><select class="dt-select" name="split">{}</select></label>'
        '<label class="dt-check"><input type="checkbox" name="public" value="yes"><b>Public: everybody may see it</b>'
        "</label>"
        '<footer><button class="ts-button" data-tone="primary" type="submit">Push</button>'
        "<p>The token needs the right to write. It is used once and not kept.</p></footer></form>"
    ).format(dataset.id, repo, token_hint, splits)


def push(dataset_id: str, values: Mapping[str, str], _project_id: str) -> str | None:
    """Begins the push that the form asks for. Raises TunesmithError."""
    token, split = values.get("token", "").strip(), values.get("split") or SPLITS[0]
    hub.push(dataset_id, values.get("repo", ""), token, values.get("public") != "yes", split)
    return None


ACTS: dict[str, Callable[[str, Mapping[str, str], str], str | None]] = {"push": push}
