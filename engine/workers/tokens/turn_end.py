"""What ends an answer: the token that the chat template writes behind it, and all tokens that end generation with it.

A mark no text has stands in place of an answer; what the template writes behind the mark ends the turn. So nothing is
guessed by name: `<|im_end|>`, `<end_of_turn>`, or GLM's `<|user|>`, which begins the next turn.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateError

from engine.workers import limits
from engine.workers.tokens.templates import Template
from engine.workers.tokens.vocabulary import Vocabulary

MARK = "\U000fffff"  # of a private plane of Unicode
QUESTION = {"role": "user", "content": "x"}
MARKED = {"role": "assistant", "content": MARK}
MOST_SHOWN = 40  # characters of what is written behind an answer


@dataclass(frozen=True)
class TurnEnd:
    """`token` is None where the template writes no single token behind an answer; `written` then is what it writes."""

    token: str | None
    written: str = ""
    unknown: str = ""  # why nothing could be found


def find(vocabulary: Vocabulary, eos: Collection[str]) -> TurnEnd:
    """What ends a turn in the vocabulary's own template; the end of a sequence where there is no template.

    `eos` are the texts of the tokens that end generation anyway. Of several tokens in a row it is the first, unless a
    later one of `eos` stands behind every answer (Command R7B closes the response and then the turn). Raises nothing.
    """
    if vocabulary.template is None:
        return TurnEnd(vocabulary.eos or None)
    template = Template(vocabulary.template, vocabulary.special)
    try:
        with limits.cpu_time(*limits.of_row(3)):
            last = _behind(template, [QUESTION, MARKED])
            middle = _behind(template, [QUESTION, MARKED, QUESTION])
    except TemplateError as error:
        return TurnEnd(None, unknown=f"The chat template refuses a plain chat: {error}"[:300])
    except limits.TemplateOverrunError as error:
        return TurnEnd(None, unknown=error.message)
    if last is None or middle is None:
        return TurnEnd(None, unknown="The chat template writes an answer differently from what was said.")
    tokens = _tokens(vocabulary)
    final, between = _run(last, tokens), _run(middle, tokens)
    # Where nothing stands behind the last answer, the next turn's first token is what a model stops at.
    candidates = final or between[:1]
    if not candidates:
        return TurnEnd(None, last.strip()[:MOST_SHOWN])
    first = candidates[0]
    known = (token for token in candidates if token in eos and (token == first or token in between))
    return TurnEnd(next(known, first))


def ids(vocabulary: Vocabulary, eos_ids: Collection[int], end: TurnEnd | None = None) -> list[int]:
    """The tokens that end generation: the end of a turn first, then the tokenizer's own, then `eos_ids`, each once.

    `end` is what `find` has found, where it was asked already.
    """
    end = end or find(vocabulary, {*texts(vocabulary, eos_ids), vocabulary.eos})
    named = [vocabulary.tokens.token_to_id(text) for text in (end.token, vocabulary.eos) if text]
    return list(dict.fromkeys(token for token in [*named, *eos_ids] if token is not None))


def texts(vocabulary: Vocabulary, tokens: Iterable[int]) -> list[str]:
    """The texts of tokens, without numbers that are none."""
    tokens_text = (vocabulary.tokens.id_to_token(token) for token in tokens)
    return [text for text in tokens_text if text is not None]


def settle(model: Any, tokenizer: Any) -> None:
    """Lets a transformers model stop at the end of a turn too: when it writes answers, and wherever it is saved."""
    if not model.can_generate():
        return
    config = model.generation_config
    known = as_ids(config.eos_token_id)
    if tokenizer.is_fast:
        known = ids(Vocabulary.of(tokenizer), known)
    elif tokenizer.eos_token_id is not None:
        known = list(dict.fromkeys([tokenizer.eos_token_id, *known]))
    config.eos_token_id = known if len(known) > 1 else next(iter(known), None)
    config._from_model_config = False  # else transformers may take it from config.json again


def as_ids(configured: int | Sequence[int] | None) -> list[int]:
    """`eos_token_id` of a configuration, which is one number, several or none."""
    if configured is None:
        return []
    return [configured] if isinstance(configured, int) else [*configured]


def _behind(template: Template, messages: list[dict[str, str]]) -> str | None:
    """What stands behind the marked answer; None where the mark is not there exactly once."""
    text = template.render(messages, add_generation_prompt=False)
    return text.partition(MARK)[2] if text.count(MARK) == 1 else None


def _tokens(vocabulary: Vocabulary) -> list[str]:
    """Every token that is never split, the longest first."""
    added = {token.content for token in vocabulary.tokens.get_added_tokens_decoder().values()}
    return sorted(added | set(vocabulary.specials), key=lambda text: (-len(text), text))


def _run(text: str, tokens: Sequence[str]) -> list[str]:
    """The tokens that `text` begins with, up to the first other word."""
    ends: list[str] = []
    while token := next((token for token in tokens if token and text.lstrip().startswith(token)), None):
        ends.append(token)
        text = text.lstrip().removeprefix(token)
    return ends
