"""The served form of a model: asked over its socket, as the gateway asks it."""

from dataclasses import dataclass
from typing import Any

import httpx

from engine.serve import probe
from engine.workers.contract import WorkFailedError
from engine.workers.serve.parity.prompts import Prompt

SECONDS = 300  # for one answer


@dataclass(frozen=True)
class Answer:
    """Tokens of the prompt as the server read it, and of its answer."""

    prompt: list[int]
    tokens: list[int]


class Served:
    """A server of the studio: its own, or vLLM."""

    def __init__(self, address: str) -> None:
        self._client = probe.open_client(address, timeout=SECONDS)

    def close(self) -> None:
        self._client.close()

    def answer(self, model: str, prompt: Prompt, is_chat: bool, most_tokens: int) -> Answer:
        """Greedy. Raises WorkFailedError when it does not answer, or does not tell its tokens."""
        body: dict[str, Any] = {
            "model": model, "temperature": 0, "max_tokens": most_tokens, "return_token_ids": True,
            **({"messages": prompt} if is_chat else {"prompt": prompt[-1]["content"]}),
        }  # fmt: skip
        try:
            response = self._client.post("chat/completions" if is_chat else "completions", json=body)
            answer = response.json()
        except (httpx.HTTPError, ValueError) as error:
            message = f"The server did not answer ({type(error).__name__})."
            raise WorkFailedError("network", message, "Check the endpoint, then try again.") from error
        if response.status_code != 200:
            message = f"The server refused a prompt: {_words(answer)}"[:600]
            raise WorkFailedError("config", message, "The log of the endpoint on the Serve page may say more.")
        choice = answer["choices"][0]
        prompt_tokens = answer.get("prompt_token_ids") or choice.get("prompt_token_ids")
        if prompt_tokens is None or choice.get("token_ids") is None:
            message = "The server does not tell its tokens, so nothing can be compared."
            raise WorkFailedError("network", message, "vLLM does so since version 0.11.")
        return Answer(list(prompt_tokens), list(choice["token_ids"]))


def _words(answer: Any) -> str:
    error = answer.get("error", answer) if isinstance(answer, dict) else answer
    return str(error.get("message", error) if isinstance(error, dict) else error)
