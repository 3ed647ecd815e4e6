"""Asks a model server how it is. Addresses are `unix:/path/of/socket`, or the http(s) base of an outside API."""

import os
from pathlib import Path
from typing import Any

import httpx

from engine.errors import RefusedError

UNIX = "unix:"
LOCAL_BASE = "http://backend/v1"  # the host name is never looked up: the socket decides


def open_client(address: str, key_env: str | None = None, timeout: httpx.Timeout | float = 5) -> httpx.Client:
    """An HTTP client whose relative URLs are the paths below /v1 of that server. The caller closes it."""
    if address.startswith(UNIX):
        transport = httpx.HTTPTransport(uds=address.removeprefix(UNIX))
        return httpx.Client(transport=transport, base_url=LOCAL_BASE, timeout=timeout)
    return httpx.Client(base_url=address, headers=key_headers(key_env), timeout=timeout)


def key_headers(key_env: str | None) -> dict[str, str]:
    """The outside server's key, read from the environment at the moment of use and kept nowhere."""
    if not key_env:
        return {}
    if not (key := os.environ.get(key_env)):
        raise RefusedError(
            f"The environment variable {key_env} is not set.", "Set it where the studio is started, then start again."
        )
    return {"authorization": f"Bearer {key}"}


def answers(address: str, models: list[str], key_env: str | None = None, one_token: bool = True) -> str:
    """Empty when the server lists every one of `models` and answers a token with the first; else what is wrong.

    An outside server is only asked for its list (`one_token` False): its tokens cost money.
    """
    try:
        with open_client(address, key_env, timeout=30) as client:
            listed = {model["id"] for model in _json(client.get("models"))["data"]}
            if missing := [model for model in models if model not in listed]:
                return f"The server does not list {', '.join(missing)}."
            if one_token:
                _json(client.post("completions", json={"model": models[0], "prompt": "a", "max_tokens": 1}))
    except (httpx.HTTPError, RefusedError, KeyError, TypeError, ValueError) as error:
        return f"{type(error).__name__}: {error}"[:300]
    return ""


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
    except (httpx.HTTPError, KeyError, ValueError):
        return None


def _vllm_requests(metrics: str) -> int:
    names = ("vllm:num_requests_running", "vllm:num_requests_waiting")
    lines = [line for line in metrics.splitlines() if line.startswith(names)]
    return int(sum(float(line.rpartition(" ")[2]) for line in lines))


def _json(response: httpx.Response) -> Any:
    response.raise_for_status()
    return response.json()
