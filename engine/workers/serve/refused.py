"""Fields that other servers know and this one does not: refused with a reason, but for values that ask for nothing."""

import json
from dataclasses import dataclass
from typing import Any

from engine.workers.serve.errors import RequestError


@dataclass(frozen=True)
class Refusal:
    """Why a field is refused; `harmless` are the values that say what this server does anyway."""

    reason: str
    harmless: tuple[Any, ...] = ()


Refusals = dict[str, Refusal]

_STRUCTURED = Refusal("Use `structured_outputs` or `response_format`.")
CHAT: Refusals = {
    "functions": Refusal("Use `tools`.", ([],)),
    "function_call": Refusal("Use `tools`.", ("none", "auto")),
    "audio": Refusal("Only text can be answered."),
    "modalities": Refusal("Only text can be answered.", (["text"],)),
    "prediction": Refusal("Answers are not predicted."),
    "reasoning_effort": Refusal("Send what the chat template knows in `chat_template_kwargs`."),
    "verbosity": Refusal("Say it in the messages.", ("medium",)),
    "web_search_options": Refusal("There is no search."),
    "moderation": Refusal("There is none."),
    "prompt_cache_options": Refusal("There is no such cache."),
    "store": Refusal("Answers are not stored.", (False,)),
    "service_tier": Refusal("There is one tier.", ("auto", "default")),
    "echo": Refusal("Use `/v1/completions`.", (False,)),
    "chat_template": Refusal("The model's own is used."),
    "documents": Refusal("Put them into the messages.", ([],)),
}
COMPLETION: Refusals = {
    "suffix": Refusal("The models served here only write on.", ("",)),
    "tools": Refusal("Use `/v1/chat/completions`.", ([],)),
    "functions": Refusal("Use `/v1/chat/completions`.", ([],)),
    "max_completion_tokens": Refusal("Use `max_tokens`."),
    "top_logprobs": Refusal("Use `logprobs`."),
}
BOTH: Refusals = {
    "guided_json": _STRUCTURED,
    "guided_regex": _STRUCTURED,
    "guided_choice": _STRUCTURED,
    "guided_grammar": _STRUCTURED,
    "use_beam_search": Refusal("Tokens are drawn one by one.", (False,)),
    "length_penalty": Refusal("It is for beam search.", (1.0,)),
    "bad_words": Refusal("Use `logit_bias`.", ([],)),
    "allowed_token_ids": Refusal("Use `logit_bias`."),
    "include_stop_str_in_output": Refusal("A stop is never shown.", (False,)),
    "spaces_between_special_tokens": Refusal("Text is what the tokenizer makes of the tokens.", (True,)),
    "truncate_prompt_tokens": Refusal("A prompt is never cut."),
    "prompt_logprobs": Refusal("Only the answer's are told."),
    "return_tokens_as_token_ids": Refusal("Tokens are told as text.", (False,)),
    "priority": Refusal("Requests are answered in turn.", (0,)),
}


def without_refused(refusals: Refusals, body: Any) -> Any:
    """The body without fields that ask for nothing. Raises RequestError for one that would have to be passed over."""
    if not isinstance(body, dict):
        return body
    _check_text(body)
    kept = {}
    for name, value in body.items():
        refusal = refusals.get(name)
        if refusal is None:
            kept[name] = value
        elif not (value is None or any(_same(value, harmless) for harmless in refusal.harmless)):
            raise RequestError(f"`{name}` is not supported. {refusal.reason}"[:500], name, "unsupported_parameter")
    return kept


def _same(value: Any, harmless: Any) -> bool:
    return isinstance(value, bool) == isinstance(harmless, bool) and bool(value == harmless)


def _check_text(body: Any) -> None:
    """JSON may name half of a character (`\\ud83e` alone), which no tokenizer takes and no answer can repeat."""
    try:
        json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise RequestError("The body holds half of a character: a lone surrogate such as `\\ud83e`.") from error
    except RecursionError as error:
        raise RequestError("The body is nested too deeply.") from error
