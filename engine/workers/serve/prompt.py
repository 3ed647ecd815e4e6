"""Makes the tokens of a prompt, and checks that they fit."""

from typing import Any

from jinja2.exceptions import TemplateError

from engine.workers.serve.requests import RequestError, Turn
from engine.workers.tokens.templates import Template


def chat_tokens(tokenizer: Any, turns: list[Turn]) -> list[int]:
    """A chat in the model's own template, written as in training, up to where the answer begins."""
    if not tokenizer.chat_template:
        hint = "This model has no chat template. Use /v1/completions, or serve a model that was tuned for chat."
        raise RequestError(hint, "messages", "no_chat_template")
    try:
        template = Template(tokenizer.chat_template, tokenizer.special_tokens_map)
        text = template.render([turn.plain() for turn in turns], add_generation_prompt=True)
    except TemplateError as error:
        raise RequestError(f"The model's chat template refuses these messages: {error}"[:500], "messages") from error
    tokens: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return tokens


def prompt_tokens(tokenizer: Any, prompt: str | list[int]) -> list[int]:
    """Tokens of a text, with what the model wants at its beginning; tokens are only checked."""
    if isinstance(prompt, str):
        tokens: list[int] = tokenizer(prompt)["input_ids"]
        return tokens or [token for token in (tokenizer.bos_token_id, tokenizer.eos_token_id) if token is not None][:1]
    if any(not 0 <= token < len(tokenizer) for token in prompt):
        raise RequestError("`prompt` holds a number that is not a token of this model.", "prompt")
    return prompt


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
    if tokens_left < 1 or (requested or 1) > tokens_left:
        answer = f" and {requested} for the answer" if requested else ""
        text = f"The model's context is {context} tokens; the prompt has {len(tokens)}{answer}."
        raise RequestError(f"{text} Send less, or ask for fewer tokens.", "messages", "context_length_exceeded")
    return requested or min(tokens_left, default)
