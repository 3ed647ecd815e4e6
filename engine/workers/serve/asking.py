"""Makes the questions of a request: what it says of sampling and of the end, checked against the model."""

from typing import Any

from engine.workers.serve.errors import RequestError
from engine.workers.serve.forms.guide import Grammar
from engine.workers.serve.load import Loaded, Voice
from engine.workers.serve.prompt import answer_room, refuse_unknown
from engine.workers.serve.questions import Ending, Piece, Question
from engine.workers.serve.requests import GenerationRequest
from engine.workers.serve.sample import Sampling


def question(
    loaded: Loaded, body: GenerationRequest, prompt: list[int], default_tokens: int, grammar: Grammar | None
) -> Question:
    """One prompt's question. Raises RequestError for what the model has no room or no token for."""
    voice = loaded.voices[body.model]
    refuse_unknown(loaded.tokenizer, prompt, voice.rows)
    return Question(
        voice=voice,
        prompt=prompt,
        sampling=_sampling(body, _token_count(loaded.tokenizer, voice)),
        ending=_ending(body, answer_room(prompt, body.requested_tokens(), loaded.context_length, default_tokens)),
        sink=_no_sink,
        n=body.n or 1,
        likeliest=0 if body.likeliest() is None and body.return_token_ids else body.likeliest(),
        shows_special=body.skip_special_tokens is False,
        tells_prompt=body.tells_prompt(),
        grammar=grammar,
    )


def _sampling(body: GenerationRequest, token_count: int) -> Sampling:
    return Sampling(
        temperature=1.0 if body.temperature is None else body.temperature,
        top_p=body.top_p or 1.0,
        top_k=max(body.top_k or 0, 0),
        min_p=body.min_p or 0.0,
        seed=body.seed,
        frequency_penalty=body.frequency_penalty or 0.0,
        presence_penalty=body.presence_penalty or 0.0,
        repetition_penalty=body.repetition_penalty or 1.0,
        logit_bias=_biases(body.logit_bias or {}, token_count),
    )


def _biases(given: dict[str, float], token_count: int) -> dict[int, float]:
    for name in given:
        if not (name.isascii() and name.isdigit() and len(name) < 10 and int(name) < token_count):
            text = f"`logit_bias` names {name[:40]!r}. It takes token ids from 0 to {token_count - 1}."
            raise RequestError(text, "logit_bias")
    return {int(name): bias for name, bias in given.items()}


def _ending(body: GenerationRequest, max_tokens: int) -> Ending:
    min_tokens = body.min_tokens or 0
    if min_tokens > max_tokens:
        text = f"`min_tokens` is {min_tokens}, but the answer may have {max_tokens} tokens at most."
        raise RequestError(text, "min_tokens")
    return Ending(
        max_tokens=max_tokens,
        min_tokens=min_tokens,
        stops=body.stops(),
        stop_ids=frozenset(body.stop_token_ids or ()),
        ignore_eos=bool(body.ignore_eos),
    )


def _token_count(tokenizer: Any, voice: Voice) -> int:
    """Tokens that have both a name and a score."""
    return min(len(tokenizer), voice.rows, int(voice.network.config.get_text_config().vocab_size))


def _no_sink(_piece: Piece) -> None:
    raise AssertionError("a question must be given a sink before it is asked")
