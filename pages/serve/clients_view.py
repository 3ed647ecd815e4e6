"""Code for other programs on an endpoint's card, with the studio's address as the browser sees it."""

import json
import re
from collections.abc import Mapping

from markupsafe import Markup

from engine.accounts import keys
from engine.accounts.key_limits import KeyLimits
from engine.errors import TunesmithError
from engine.serve import client_code, endpoints
from engine.serve.client_code import Client
from pages.parts import html
from pages.serve.try_view import names_field

_ORIGIN = re.compile(r"https?://[a-zA-Z0-9._:\[\]-]{1,253}")
NO_ORIGIN = "http://127.0.0.1:7860"


def clients_html(query: Mapping[str, str], key: str = "") -> str:
    """A piece of code for each kind of program, one of which shows; with `key` in its place once it was made."""
    try:
        facts = endpoints.describe(endpoints.look_up(query.get("endpoint", "")))
    except TunesmithError as error:
        return str(html.notice(error.message, error.hint))
    origin = query.get("origin", "")
    address = origin if _ORIGIN.fullmatch(origin) else NO_ORIGIN
    names = facts["models"] or [facts["name"]]
    model = query.get("model", "") if query.get("model", "") in names else names[0]
    clients = client_code.clients(address, model, key, facts["does"])
    return str(
        Markup('<div class="sv-clients"><form class="sv-row" data-fold>{}</form>{}{}{}</div>').format(
            names_field(names, model),
            _strip(facts["id"], clients),
            html.join(_code(facts["id"], client) for client in clients),
            _key(facts["id"], address, model, bool(key)),
        )
    )


def _strip(id: str, clients: list[Client]) -> Markup:
    radios = html.join(
        Markup('<label><input type="radio" name="client-{}" value="{}"{}><span>{}</span></label>').format(
            id, client.id, Markup(" checked") if client is clients[0] else "", client.title
        )
        for client in clients
    )
    return Markup('<fieldset class="sv-strip"><legend class="ts-sr">Kind of program</legend>{}</fieldset>').format(
        radios
    )


def _code(id: str, client: Client) -> Markup:
    code_id = f"code-{client.id}-{id}"
    return Markup(
        '<div class="sv-client" data-client="{}"><p class="ts-note">{}</p><div class="ts-copyable">'
        '<pre class="ts-code" id="{}" tabindex="0" role="region" aria-label="Code: {}">{}</pre>'
        '<button type="button" class="ts-button" data-copy="{}" aria-label="Copy: {}">Copy</button></div></div>'
    ).format(client.id, client.about, code_id, client.title, client.code, code_id, client.title)


def _key(id: str, address: str, model: str, is_made: bool) -> Markup:
    if is_made:
        words = "The new key is in the code above. Copy it now: it is not shown again."
        return html.notice(words, "The System page lists the keys in use, and revokes them.", "good")
    return Markup(
        '<form class="sv-key" data-act="key" data-id="{}"><input type="hidden" name="origin" value="{}">'
        '<input type="hidden" name="model" value="{}"><button class="ts-button">Make a key and put it in</button>'
        '<span class="ts-note">The key reaches the names of this endpoint only. {} lists all keys.</span></form>'
    ).format(id, address, model, html.link("The System page", "/system"))


def key_made(endpoint_id: str, values: Mapping[str, str]) -> str:
    """Makes a key for this endpoint's callers; gives the code with it, as JSON for `tunesmith.put`. Shown once."""
    endpoint = endpoints.look_up(endpoint_id)
    limits = KeyLimits(models=[endpoint.name, f"{endpoint.name}:*"])
    _key_row, secret = keys.create_key(f"for {endpoint.name}", "inference", limits)
    query = {"endpoint": endpoint_id, "origin": values.get("origin", ""), "model": values.get("model", "")}
    return json.dumps({"id": f"fold-clients-{endpoint_id}", "html": clients_html(query, secret)})
