"""Asks a model server how it is. Addresses are `unix:/path/of/socket`, or the http(s) base of an outside API."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson

from engine.errors import RefusedError
from engine.serve import abilities, outside
from engine.serve.outsiders import kinds as outside_kinds
from engine.serve.outsiders import words as outside_words

PROBE_SECONDS = 60  # a server of ours: a first token of a large model on a CPU takes its time
OUTSIDE_PROBE_SECONDS = 15  # in all, from the look-up of the name to the last byte
MOST_LIST_BYTES = 4 << 20  # of an outside server's list of models; one of a thousand models has 1 MB
UNIX = "unix:"
LOCAL_BASE = "http://backend/v1"  # the host name is never looked up: the socket decides


def open_client(
    address: str,
    key_env: str | None = None,
    timeout: httpx.Timeout | float = 5,
    most_bytes: int = outside.MOST_ANSWER_BYTES,
    seconds: float | None = None,
) -> httpx.Client:
    """An HTTP client whose relative URLs are the paths below /v1 of that server. The caller closes it.

    `timeout` is for each wait. An outside server has `most_bytes` for all it says, and `seconds` if given.
    """
    if address.startswith(UNIX):
        transport = httpx.HTTPTransport(uds=address.removeprefix(UNIX), verify=outside.certificates())
        return httpx.Client(transport=transport, base_url=LOCAL_BASE, timeout=timeout)
    headers = {"accept-encoding": "identity", **key_headers(key_env)}
    hooks = {"response": [outside.refuse_compressed]}
    return httpx.Client(
        transport=outside.Transport(most_bytes, seconds),
        base_url=address,
        headers=headers,
        timeout=timeout,
        event_hooks=hooks,
        trust_env=False,
    )


def key_headers(key_env: str | None) -> dict[str, str]:
    """The outside server's key, read from the environment at the moment of use and kept nowhere."""
    if not key_env:
        return {}
    key = os.environ.get(key_env, "").strip()  # a line end, where it came out of a file
    if not key:
        raise RefusedError(
            f"The environment variable {key_env} is not set.", "Set it where the studio is started, then start again."
        )
    if not (key.isascii() and key.isprintable()):
        raise RefusedError(
            f"The environment variable {key_env} holds characters that no key has.", "Copy the key into it again."
        )
    return {"authorization": f"Bearer {key}"}


@dataclass(frozen=True)
class Proof:
    """Empty `problem` when a server has proved that it answers; and by which call."""

    problem: str = ""
    ability: abilities.Ability = "text"


def answers(address: str, models: list[str]) -> Proof:
    """Whether a server of ours lists all `models`, and answers a token, a vector or a score with the first.

    Raises RefusedError for one that has none of these calls.
    """
    return _proof(address, models, None, is_ours=True)


def outside_answers(address: str, model: str, key_env: str | None) -> Proof:
    """Whether an outside server lists the model. It is asked for no token, as these cost money."""
    try:
        return _proof(address, [model], key_env, is_ours=False)
    except RefusedError as error:  # of its key
        return Proof(outside_words.words(error))


def _proof(address: str, models: list[str], key_env: str | None, is_ours: bool) -> Proof:
    timeout, seconds = (PROBE_SECONDS, None) if is_ours else (OUTSIDE_PROBE_SECONDS, OUTSIDE_PROBE_SECONDS)
    try:
        with open_client(address, key_env, timeout, MOST_LIST_BYTES, seconds) as client:
            answer = client.get("models")
            if not is_ours and answer.status_code == 404 and _is_without_list(client, address, models[0]):
                return Proof("", "embeddings")
            listed = {model["id"] for model in outside_words.listed(outside_words.json_of(answer))}
            if missing := [model for model in models if model not in listed]:
                return Proof(f"The server does not list {', '.join(missing)}.")
            return Proof("", abilities.proven(client, models[0]) if is_ours else abilities.by_routes(client))
    except (outside_words.OutsideError, httpx.HTTPError, httpx.InvalidURL) as error:
        return Proof(outside_words.words(error))
    except (OSError, LookupError, TypeError, ValueError) as error:
        return Proof(f"It does not answer as OpenAI's API does ({type(error).__name__}: {error})"[:300])


def _is_without_list(client: httpx.Client, address: str, model: str) -> bool:
    """Whether it is a server of embeddings that has this model, and no list of models at all."""
    info = outside_words.json_of(client.get(f"{address.removesuffix('/v1')}/info"))
    outcome = outside_kinds.recognise({"/info": info}, [])
    return outside_kinds.needs_no_list(outcome) and outcome.models[0].id == model


def in_flight(address: str) -> int | None:
    """How many answers a server of ours, or vLLM, is writing; None when it does not say."""
    if not address.startswith(UNIX) or not Path(address.removeprefix(UNIX)).exists():
        return None
    try:
        with open_client(address, timeout=1) as client:
            health = client.get("http://backend/health")
            if health.headers.get("content-type", "").startswith("application/json"):
                return int(_json(health)["in_flight"])
            return _vllm_requests(client.get("http://backend/metrics").text)
    except (httpx.HTTPError, LookupError, TypeError, ValueError):
        return None


def _vllm_requests(metrics: str) -> int:
    names = ("vllm:num_requests_running", "vllm:num_requests_waiting")
    lines = [line for line in metrics.splitlines() if line.startswith(names)]
    return int(sum(float(line.rpartition(" ")[2]) for line in lines))


def _json(response: httpx.Response) -> Any:
    response.raise_for_status()
    return orjson.loads(response.content)
