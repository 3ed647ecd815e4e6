"""TRL's implicit preferences: chosen and rejected hold the prompt as well; transcripts (`Human:`, `Assistant:`) too."""

from engine.rows.formats.preference import CHOSEN, REJECTED
from engine.rows.kinds import preference, row_parts
from engine.rows.verdict import Format

FORMAT = Format(
    name="preference_implicit",
    kind="preference",
    columns="`chosen` and `rejected` (or their other names, see preference) alone: lists of turns, or texts, which "
    "begin the same; the common beginning is the prompt",
    example={
        "chosen": [{"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": "4"}],
        "rejected": [{"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": "5"}],
    },
    parts={"chosen": CHOSEN, "rejected": REJECTED, **row_parts.BESIDE},
    needs=(("chosen", "rejected"),),
    read=preference.read,
)
