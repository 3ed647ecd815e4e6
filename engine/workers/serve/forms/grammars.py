"""Keeps answers to a form: grammars are compiled beside the event loop and the batch, and guide one answer each.

llguidance works out from the grammar and what was said which tokens may come next, one answer at a time. It compiles
in milliseconds because it looks at a place of the grammar only when an answer gets there, and all it does has limits.
"""

import asyncio
import json
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

import llguidance
import llguidance.hf
from transformers import PreTrainedTokenizerFast

from engine.workers.serve.errors import RequestError
from engine.workers.serve.forms.grammar_text import grammar_of, wrong
from engine.workers.serve.forms.guide import Grammar
from engine.workers.serve.forms.structured import Form
from engine.workers.serve.llama_tokenizer import LlamaTokenizer

MOST_KEPT = 64
COMPILE_SECONDS = 20.0
# A state of the lexer takes some 2 kB. Within these limits nothing tried took longer than 0.7 s to compile, or 40 ms
# for one token.
LIMITS = {"max_grammar_size": 100_000, "max_lexer_states": 20_000, "verbose_errors": False}


class Grammars:
    """Compiles the forms of requests, one after another in a thread of its own, and remembers the last ones."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._thread = ThreadPoolExecutor(1, "grammar")
        self._kept: OrderedDict[str, Grammar] = OrderedDict()
        self._words: Any = None

    async def grammar(self, form: Form | None) -> Grammar | None:
        """The compiled form. Raises RequestError: 400 for one that cannot be kept to, 503 while others take long."""
        if form is None:
            return None
        try:
            async with asyncio.timeout(COMPILE_SECONDS):
                return await asyncio.get_running_loop().run_in_executor(self._thread, self._compiled, form)
        except TimeoutError:
            text = "Forms of other answers are still being compiled. Try again in a few seconds."
            raise RequestError(text, form.field, status=503) from None

    def _compiled(self, form: Form) -> Grammar:
        key = _key(form)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        words = self._vocabulary(form.field)
        limits = llguidance.LLParserLimits(**LIMITS)
        matcher = llguidance.LLMatcher(words, grammar_of(form), log_level=0, limits=limits)
        if not matcher.is_error():
            matcher.compute_bitmask()  # the first look is the slowest, and finds what can never be complete
        if matcher.is_error() or (matcher.is_stopped() and not matcher.is_accepting()):
            raise wrong(form.field, matcher.get_error() or "no answer can keep to it.")
        self._kept[key] = Grammar(matcher, words.eos_tokens)
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return self._kept[key]

    def _vocabulary(self, field: str) -> Any:
        """What every token is written as. Made for the first form: it takes a second where there are many tokens."""
        if self._words is None and isinstance(self._tokenizer, LlamaTokenizer):
            self._words = self._tokenizer.grammar_words()
        if self._words is None:
            if not isinstance(self._tokenizer, PreTrainedTokenizerFast):
                text = "The form of an answer cannot be kept to with this model's tokenizer, which is not a fast one."
                raise RequestError(text, field, "unsupported_parameter")
            count = max(self._tokenizer.get_vocab().values()) + 1
            end = self._tokenizer.eos_token_id
            self._words = llguidance.hf.from_tokenizer(self._tokenizer, count, 0 if end is None else end)
        return self._words


def _key(form: Form) -> str:
    return json.dumps(asdict(form), ensure_ascii=False)
