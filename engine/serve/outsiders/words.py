"""What an outside server said, read with suspicion: its JSON, or in one plain sentence why there is none."""

from typing import Any

import httpx
import orjson

from engine.errors import TunesmithError

MOST_SHOWN = 200  # characters of a stranger's words in a sentence of ours


class OutsideError(Exception):
    """An outside server's answer that cannot be used; the text says why, as a sentence about the server."""


def json_of(response: httpx.Response) -> Any:
    """The answer's JSON. Raises OutsideError for an error, a redirect, a web page or anything else."""
    refuse_status(response)
    try:
        return orjson.loads(response.content)
    except ValueError as error:
        raise OutsideError("It does not answer as OpenAI's API does: no JSON.") from error


def refuse_status(response: httpx.Response) -> None:
    """Raises OutsideError for an error, a redirect or a web page, by what stands before the answer's content."""
    if response.is_redirect:
        location = plain(response.headers.get("location", ""))
        raise OutsideError(f"It redirects to {location or 'nowhere'}, and redirects are not followed.")
    if response.status_code in (401, 403):
        has_key = "authorization" in response.request.headers
        raise OutsideError("It refuses the key." if has_key else "It wants a key: name the variable that holds it.")
    if response.status_code == 404:
        raise OutsideError(f"It has nothing at {response.request.url.path}.")
    if not response.is_success:
        raise OutsideError(f"It answers with status {response.status_code}.")
    if response.headers.get("content-type", "").startswith("text/html"):
        raise OutsideError("It answers with a web page, not as OpenAI's API does.")


def listed(answer: Any) -> list[Any]:
    """The entries of a list of models: under `data`, or, with some clouds, bare. Raises OutsideError."""
    entries = answer.get("data") if isinstance(answer, dict) else answer
    if not isinstance(entries, list):
        raise OutsideError("It does not answer as OpenAI's API does: no list of models.")
    return entries


def words(error: Exception) -> str:
    """One sentence for what went wrong while an outside server was asked."""
    match error:
        case OutsideError():
            return str(error)
        case TunesmithError():
            return f"{error.message} {error.hint}".strip()
        case httpx.HTTPStatusError():
            return f"It answers with status {error.response.status_code}."
        case httpx.TimeoutException():
            return "It took too long to answer."
        case httpx.ConnectError():
            return f"It cannot be reached{_after(error)}."
        case httpx.DecodingError():
            return f"Its answer cannot be read{_after(error)}."
        case httpx.RemoteProtocolError() | httpx.InvalidURL():
            return f"It does not speak HTTP{_after(error)}."
        case _:
            return f"It broke off{_after(error)}."


def _after(error: Exception) -> str:
    text = plain(str(error)).rstrip(".")
    return f": {text}" if text else ""


def plain(text: str) -> str:
    """A stranger's words in one short line, without control characters."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:MOST_SHOWN]
