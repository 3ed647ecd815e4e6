"""What a model's tokenizer, chat template and sizes say about each other, and how that reads.

Found by a worker (engine.workers.models.look) once a model is there; kept in its row.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

MOST_NAMED = 5
GROWN_BY = ("lora", "qlora", "full")  # tunings that can train a token for which the model has no row yet


class TokenFacts(BaseModel):
    """`problem` says why nothing else is known; texts are those of tokens."""

    model_config = ConfigDict(frozen=True, extra="ignore")  # a later version may know more

    state: str = ""  # of the files: engine.weights.tokenizer.fingerprint
    problem: str = ""
    turn_end: str | None = None  # what the chat template writes behind an answer
    written: str = ""  # what it writes there instead, where that is no single token
    unknown: str = ""  # why it could not be found
    eos: list[str] = []  # what ends generation by the model's own files
    eos_ids: list[int] = []  # the same and the end of a turn, as numbers
    pad: str | None = None
    unk: str | None = None
    tokens: int = 0  # the highest number of a token, and one
    embeddings: int = 0  # rows; 0 when config.json does not say
    beyond: list[str] = []  # the first of the tokens that have no row there
    beyond_count: int = 0  # all of them

    @property
    def ends_with(self) -> str | None:
        """What ends an answer of a served model: the end of a turn, else the end of a sequence."""
        return self.turn_end or (self.eos[0] if self.eos else None)

    @property
    def disagrees(self) -> bool:
        """Whether the template ends a turn with a token at which the model's own files do not stop."""
        return self.turn_end is not None and self.turn_end not in self.eos

    @property
    def only_pad_is_beyond(self) -> bool:
        return self.beyond_count == 1 and self.beyond == [self.pad]

    def beyond_in_words(self) -> str:
        """The tokens without a row, some of them named."""
        named = ", ".join(f"`{text}`" for text in self.beyond[:MOST_NAMED])
        others = self.beyond_count - min(MOST_NAMED, len(self.beyond))
        return f"{named} and {others:,} more" if others else named

    def pad_in_words(self) -> str:
        """What fills short rows."""
        if not self.pad:
            return "nothing"
        if self.pad == self.unk:
            return f"{self.pad}, also its unknown word"
        return f"{self.pad}, also an end" if self.pad in (self.turn_end, *self.eos) else self.pad


def of(values: dict[str, Any] | None) -> TokenFacts | None:
    """The facts kept in a model's row; None while nobody has looked, or when they cannot be read."""
    try:
        return None if values is None else TokenFacts.model_validate(values)
    except ValidationError:
        return None


def remarks(facts: TokenFacts) -> list[str]:
    """What a person should know about the model before a training, in whole sentences."""
    return [text for text in (_end(facts), _size(facts)) if text]


def _end(facts: TokenFacts) -> str:
    if facts.problem:
        return f"Its tokenizer could not be looked at: {facts.problem}"
    if facts.unknown:
        return f"What ends an answer could not be found. {facts.unknown}"
    if facts.written:
        return (
            f"Its chat template ends a turn with `{facts.written}`, which is not one token of its tokenizer: answers "
            "will show it. Use a template that ends turns with a special token."
        )
    if facts.disagrees:
        stops = " or ".join(f"`{text}`" for text in facts.eos) or "nothing"
        return (
            f"Its chat template ends a turn with `{facts.turn_end}`, while its files stop at {stops}. The studio stops "
            "at both, and says so in what a training saves."
        )
    return ""


def _size(facts: TokenFacts) -> str:
    if not facts.beyond_count:
        return ""
    count = (
        f"Its tokenizer has {facts.beyond_count:,} tokens" if facts.beyond_count > 1 else "Its tokenizer has a token"
    )
    lacks = f"{count} without a row in its embeddings ({facts.embeddings:,} rows): {facts.beyond_in_words()}."
    if facts.only_pad_is_beyond:
        return f"{lacks} Rows are padded with another token instead."
    return f"{lacks} lora, qlora and full add rows for them when the data uses them; other tunings cannot."
