"""The one way by which a notification leaves by HTTP: engine.serve.outside, held to the open internet.

One POST, no redirect followed, the address of the socket itself checked, and `SECONDS` for all of it. What comes back
is read no further than a line of it can be shown.
"""

import re
from dataclasses import dataclass

import httpx

from engine.serve import outside
from engine.serve.outsiders.words import plain, words

SECONDS, CONNECT_SECONDS = 12.0, 5.0
MOST_ANSWER_BYTES = 64 << 10
MOST_WORDS = 120
LONGEST_PAUSE = 3600.0
ONCE = (400, 401, 403, 404, 405, 410, 413, 422)  # the same call gets the same answer
AGENT = "Tunesmith"
NUMBER = re.compile(r"\[Errno -?\d+\] ")  # of the system's, which says nothing beside its words


@dataclass(frozen=True)
class Outcome:
    """How a try ended. `again`: another may end otherwise. `pause`: seconds that the receiver asks to wait."""

    ok: bool
    words: str
    again: bool = False
    pause: float = 0.0


def post(url: str, body: bytes, headers: dict[str, str], allow_private: bool) -> Outcome:
    """Sends the JSON. Raises nothing that the network or the receiver can cause."""
    transport = outside.Transport(MOST_ANSWER_BYTES, SECONDS, only_public=not allow_private)
    sent = {"content-type": "application/json", "accept-encoding": "identity", "user-agent": AGENT, **headers}
    try:
        outside.check_host(outside.checked_parts(url).hostname or "", only_public=not allow_private)
        with (
            httpx.Client(
                transport=transport, timeout=httpx.Timeout(SECONDS, connect=CONNECT_SECONDS), trust_env=False
            ) as client,
            client.stream("POST", url, content=body, headers=sent) as response,
        ):
            return _answered(response)
    except ValueError as error:
        return Outcome(False, f"The address {error}.")
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        return _failed(error)


def _answered(response: httpx.Response) -> Outcome:
    status = response.status_code
    if response.is_success:
        return Outcome(True, f"It answered {status}.")
    if response.is_redirect:
        place = plain(response.headers.get("location", "")) or "nowhere"
        return Outcome(False, f"It redirects to {place}, and redirects are not followed.")
    said = plain(next(response.iter_raw(512), b"").decode("utf-8", "replace"))[:MOST_WORDS]
    sentence = f"It answered {status}" + (f": {said}" if said else ".")
    return Outcome(False, sentence, status not in ONCE, _pause(response))


def _pause(response: httpx.Response) -> float:
    text = response.headers.get("retry-after", "")
    return min(float(text), LONGEST_PAUSE) if text.isascii() and text.isdigit() else 0.0


def _failed(error: Exception) -> Outcome:
    return Outcome(False, NUMBER.sub("", words(error)), again=not is_refusal(error))


def is_refusal(error: BaseException | None) -> bool:
    """Whether it was not tried at all, because the address is not allowed."""
    while error is not None:
        if isinstance(error, outside.AddressRefusedError):
            return True
        error = error.__cause__ or error.__context__
    return False
