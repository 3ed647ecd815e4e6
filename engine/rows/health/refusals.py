"""Refusals: answers in which another model declines to answer or speaks of itself as one."""

import re

import numpy as np
import pyarrow.compute as pc

from engine.rows.health.batch import Batch, Mask
from engine.rows.health.check import Check, RowFinder, Span

# Anywhere in an answer.
_ANYWHERE = (
    r"as an? (?:ai|artificial intelligence)(?: language)?(?: model| assistant)?\b",
    r"as a (?:large )?language model",
    r"i(?:'m| am) (?:just |only )?an ai(?: language)? (?:model|assistant)",
    r"openai(?:'s)? (?:use|usage|content) polic",
    r"i (?:can(?:no|')t|can not|won't|will not|am not able to|am unable to|'m unable to) "
    r"(?:assist|help) (?:you )?with (?:that|this|your request)",
    r"i(?:'m| am) (?:unable|not able) to (?:assist|fulfil+|comply)",
    r"i (?:can(?:no|')t|can not) (?:fulfil+|comply with|provide assistance)",
    r"als (?:ki|künstliche intelligenz|ein ki|ki-sprach|ki-)[- ]?(?:sprach)?modell",
    r"en tant qu(?:e modèle|'ia|'intelligence artificielle|'assistant ia)",
    r"como (?:un )?modelo de lenguaje|como (?:una )?(?:ia|inteligencia artificial),",
    r"como (?:um )?modelo de linguagem",
    r"in quanto (?:modello linguistico|ia|intelligenza artificiale)",
    r"как (?:языковая модель|искусственный интеллект|ии)",
    r"作为(?:一个|一種|一种)?(?:ai|人工智能|語言模型|语言模型)",
    r"ai(?:言語モデル|アシスタント)として",
)
# Only as an answer's first words: later on they are ordinary sentences.
_FIRST = (
    r"(?:i'm|i am) (?:very |really |so )?(?:sorry|afraid)[,.]? (?:but )?(?:i|we) "
    r"(?:can(?:no|')t|can not|am unable|am not able|'m unable|'m not able|won't)",
    r"sorry[,.]? (?:but )?i (?:can(?:no|')t|can not|am unable|'m unable)",
    r"i (?:can(?:no|')t|can not) (?:assist|help|answer|provide|create|write|generate|discuss|engage)",
    r"es tut mir leid[,.]? (?:aber )?(?:ich kann|das kann ich) (?:ihnen |dir |dabei )?nicht",
    r"(?:je suis )?désolée?[,.]? (?:mais )?je ne peux pas",
    r"lo siento[,.]? (?:pero )?no puedo",
    r"(?:desculpe|sinto muito|lamento)[,.]? (?:mas )?não posso",
    r"mi dispiace[,.]? (?:ma )?non posso",
    r"(?:извините|к сожалению)[,.]? (?:но )?я не могу",
    r"(?:很?抱歉|对不起)[，,]?(?:但)?我(?:无法|不能)",
    r"申し訳(?:ありません|ございません)[がか]?",
)
_PATTERN = "(?i)" + "|".join([*_ANYWHERE, *(rf"^[\s\W]*{beginning}" for beginning in _FIRST)])
_IN_PYTHON = re.compile(_PATTERN)
_CURLY = "\u2019"


def refusing(batch: Batch) -> Mask | None:
    """Rows whose answer declines, or speaks as a model of another maker."""
    if batch.answer.null_count == len(batch):
        return None
    straight = pc.replace_substring(batch.answer, pattern=_CURLY, replacement="'")
    matches = pc.match_substring_regex(straight, pattern=_PATTERN).fill_null(False)
    return np.asarray(matches.to_numpy(zero_copy_only=False), dtype=np.bool_)


def spans(text: str) -> list[Span]:
    """The words that decline."""
    return [Span(*match.span(), "refusal") for match in _IN_PYTHON.finditer(text.replace(_CURLY, "'"))]


CHECK = Check(
    name="refusals",
    title="Refusals",
    means='Answers such as "As an AI language model, I cannot ..." teach the model to refuse what it could answer. '
    "Keep them only where refusing is what you want to teach.",
    weight=10,
    fix="drop",
    fix_label="Drop these rows",
    begin=lambda _: RowFinder(refusing),
    spans=spans,
)
