"""Makes the tokens of a prompt, and checks that they fit."""

import asyncio
from typing import Any

from engine.workers.serve.errors import RequestError
from engine.workers.serve.requests import ChatRequest
from engine.workers.serve.template_process import TemplateProcess

MOST_VARIABLES_NAMED = 20
NO_TEMPLATE = "This model has no chat template. Use /v1/completions, or serve a model that was tuned for chat."


async def chat_tokens(tokenizer: Any, templates: TemplateProcess | None, body: ChatRequest) -> list[int]:
    """A chat in the model's own template, written as in training, up to where the answer begins."""
    if templates is None:
        raise RequestError(NO_TEMPLATE, "messages", "no_chat_template")
    if body.offered_tools() and not body.forces_calls() and not (await templates.facts())["reads_calls"]:
        text = (
            "This model's calls of tools cannot be read: its template does not write them as `<tool_call>` with JSON."
        )
        choices = 'With `tool_choice: "none"` it answers in words, with "required" in calls.'
        raise RequestError(f"{text} {choices}", "tools", "unsupported_parameter")
    if body.chat_template_kwargs:
        _check_variables(set(body.chat_template_kwargs), (await templates.facts())["variables"])
    prompt = await templates.text(
        {
            "messages": [turn.plain() for turn in body.messages],
            "tools": body.offered_tools(),
            "add_generation_prompt": body.add_generation_prompt is not False,
            "continues": bool(body.continue_final_message),
            "variables": body.chat_template_kwargs or {},
        }
    )
    return await asyncio.to_thread(_tokens, tokenizer, prompt, bool(body.add_special_tokens))


def _check_variables(given: set[str], known: list[str]) -> None:
    if unknown := sorted(given - set(known)):
        names = ", ".join(f"`{name}`" for name in known[:MOST_VARIABLES_NAMED]) or "none"
        text = f"The model's chat template knows no `{unknown[0][:80]}`. It knows: {names}."
        raise RequestError(text, "chat_template_kwargs", "unsupported_parameter")


def prompt_tokens(tokenizer: Any, prompt: str | list[int], adds_special: bool) -> list[int]:
    """Tokens of a text, with what the model wants at its beginning; tokens are only checked."""
    if isinstance(prompt, str):
        tokens = _tokens(tokenizer, prompt, adds_special)
        return tokens or [token for token in (tokenizer.bos_token_id, tokenizer.eos_token_id) if token is not None][:1]
    if any(not 0 <= token < len(tokenizer) for token in prompt):
        raise RequestError("`prompt` holds a number that is not a token of this model.", "prompt")
    return prompt


def token_places(tokenizer: Any, text: str, tokens: list[int], adds_special: bool) -> list[int]:
    """Where in a text each of its tokens begins, in characters; those that the tokenizer added have no place of it."""
    if not text:
        return [0] * len(tokens)
    places = tokenizer(text, add_special_tokens=adds_special, return_offsets_mapping=True)["offset_mapping"]
    return [int(start) for start, _ in places]


def _tokens(tokenizer: Any, text: str, adds_special: bool) -> list[int]:
    tokens: list[int] = tokenizer(text, add_special_tokens=adds_special)["input_ids"]
    return tokens


def refuse_unknown(tokenizer: Any, tokens: list[int], rows: int) -> None:
    """Raises RequestError for a token that the model has no embedding for: its tokenizer may know more than it does."""
    if unknown := [token for token in tokens if token >= rows]:
        text = f"The model knows no token `{tokenizer.convert_ids_to_tokens(unknown[0])}`: it has {rows} embeddings."
        raise RequestError(f"{text} Leave it out, or serve a model that was trained with it.", "messages")


def answer_room(tokens: list[int], requested: int | None, context: int, default: int) -> int:
    """How many tokens the answer may have. Raises RequestError when prompt and answer do not fit the context."""
    if not tokens:
        raise RequestError("The prompt is empty.", "prompt")
    tokens_left = context - len(tokens)
    if (1 if requested is None else requested) > tokens_left:
        answer = f" and {requested} for the answer" if requested else ""
        text = f"The model's context is {context} tokens; the prompt has {len(tokens)}{answer}."
        raise RequestError(f"{text} Send less, or ask for fewer tokens.", None, "context_length_exceeded")
    return min(tokens_left, default) if requested is None else requested
