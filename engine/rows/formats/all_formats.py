"""Every format, in the order they are tried."""

from engine.rows.formats import (
    alpaca,
    exchanges,
    messages,
    pairs,
    pairs_of_turns,
    preference_argilla,
    preference_chat,
    preference_implicit,
    preference_openai,
    preference_ranked,
    preference_rejected,
    prompts,
    prompts_of_turns,
    sharegpt,
    stepwise,
    text,
    unpaired_scored,
)
from engine.rows.formats import preference as preference_explicit
from engine.rows.formats import unpaired as unpaired_labelled

# In the order they are tried: what is more particular comes first.
FORMATS = (
    stepwise.FORMAT,
    preference_openai.FORMAT,
    preference_rejected.FORMAT,
    preference_chat.FORMAT,
    preference_argilla.FORMAT,
    preference_ranked.FORMAT,
    preference_explicit.FORMAT,
    preference_implicit.FORMAT,
    unpaired_labelled.FORMAT,
    unpaired_scored.FORMAT,
    prompts_of_turns.FORMAT,
    messages.FORMAT,
    sharegpt.FORMAT,
    exchanges.FORMAT,
    pairs_of_turns.FORMAT,
    alpaca.FORMAT,
    pairs.FORMAT,
    text.FORMAT,
    prompts.FORMAT,
)
