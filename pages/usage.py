"""Usage: who used which model on /v1, how much and when, and the latest requests."""

import datetime
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from engine.accounts import usage
from engine.accounts.usage import Line
from pages.parts import html, live
from pages.parts.filling import filled
from pages.parts.pager import pager_by_page, place_of
from storage import db
from storage import usage as stored
from storage.tables import LoggedRequest
from storage.usage import By

SLUG, TITLE, SUBTITLE = "usage", "Usage", "What other programs ask of your models"
KEY, ICON = "u", "usage"
GROUP = "Use"

SPANS = {"1": "Today", "7": "7 days", "30": "30 days", "90": "90 days", "365": "A year"}
USUAL_SPAN = "30"
TITLES: dict[By, str] = {"key": "By key", "model": "By model", "day": "By day"}
HEADS: dict[By, str] = {"key": "Key", "model": "Model", "day": "Day (UTC)"}
ROWS = 20  # of requests, a page


def page() -> None:
    """All of it is live, and nothing is pressed but links."""
    live.live("usage", usage_html, seconds=10)


def usage_html(query: Mapping[str, str]) -> str:
    """The sums of the chosen days, and below them the requests that are still kept."""
    span = query.get("days", USUAL_SPAN)
    span = span if span in SPANS else USUAL_SPAN
    last = datetime.datetime.now(datetime.UTC).date()
    days = (last - datetime.timedelta(days=int(span) - 1)).isoformat(), last.isoformat()
    with db.reading() as session:
        place = place_of(query, ROWS, stored.count(session))
        requests = stored.recent(session, ROWS, place.offset)
        names = stored.key_names(session, [request.key_id for request in requests])
    by_key = usage.lines("key", *days)
    if not requests and not by_key:
        text = "Requests to /v1 are counted here: by key, by model and by day. So are chats on the Chat page."
        return str(html.empty("Nothing has been asked yet", text, "/system", "Make a key", "usage"))
    tables = html.join(
        _sums(by, by_key if by == "key" else usage.lines(by, *days), days) for by in ("key", "model", "day")
    )
    log = html.card(
        "Latest requests", _requests(requests, names), pager_by_page(place, "/usage", "requests", days=span)
    )
    return str(filled('<div class="ts-stack">{}{}{}</div>', _spans(span), tables, log))


def _spans(chosen: str) -> Markup:
    """The stretch of time, as links that change the address."""
    links = html.join(
        filled(
            '<a class="ts-button" data-soft data-tone="{}" href="/usage?days={}"{}>{}</a>',
            "primary" if days == chosen else "",
            days,
            Markup(' aria-current="true"') if days == chosen else "",
            title,
        )
        for days, title in SPANS.items()
    )
    return filled('<nav class="ts-actions" aria-label="Days">{}</nav>', links)


def _sums(by: By, lines: Sequence[Line], days: tuple[str, str]) -> Markup:
    address = f"/api/usage?by={by}&from={days[0]}&to={days[1]}&format=csv"
    aside = filled('<a class="ts-link" href="{}" download>Save as CSV</a>', address)
    if not lines:
        return html.card(TITLES[by], Markup('<p class="ts-note">Nothing in these days.</p>'), aside=aside)
    titles = ("Requests", "Failed", "Question tokens", "Answer tokens")
    headers = [html.Header(HEADS[by]), *(html.Header(title, "number") for title in titles)]
    return html.card(TITLES[by], html.table(headers, [_line(line) for line in lines], TITLES[by]), aside=aside)


def _line(line: Line) -> html.Row:
    return html.Row(
        (
            line.name,
            html.count(line.requests),
            html.count(line.errors),
            _tokens(line.prompt_tokens, line.estimated),
            _tokens(line.completion_tokens, line.estimated),
        ),
        id=line.id,
    )


def _tokens(count: int, estimated: int) -> Markup | str:
    """A number of tokens; "about" where some of it had to be guessed."""
    if not estimated:
        return html.count(count)
    title = f"For {html.count(estimated)} of the requests the server did not say how many, so they were estimated."
    return filled('<span title="{}">about {}</span>', title, html.count(count))


def _requests(requests: Sequence[LoggedRequest], names: Mapping[str, str]) -> Markup:
    if not requests:
        return Markup('<p class="ts-note">None are kept any more.</p>')
    numbers = ("Status", "First word", "In all", "Question", "Answer")
    headers = [*map(html.Header, ("When", "Key", "Model", "Call")), *(html.Header(name, "number") for name in numbers)]
    return html.table(headers, [_request(request, names) for request in requests], "Latest requests")


def _request(request: LoggedRequest, names: Mapping[str, str]) -> html.Row:
    estimated = int(request.estimated)
    return html.Row(
        (
            html.moment(request.at),
            names.get(request.key_id, request.key_id) if request.key_id else usage.OWNER,
            request.model or html.DASH,
            request.route,
            _status(request.status),
            _seconds(request.first_token_seconds),
            _seconds(request.seconds),
            _tokens(request.prompt_tokens, estimated),
            _tokens(request.completion_tokens, estimated),
        ),
        id=str(request.id),
    )


def _status(status: int) -> Markup:
    words = {499: "client left", 429: "over a limit", 503: "not ready", 504: "too slow"}
    return filled('<span title="{}">{}</span>', words.get(status, ""), status)


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return html.DASH
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


FRAGMENTS: dict[str, live.Fragment] = {"usage": usage_html}
