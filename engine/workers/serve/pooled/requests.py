"""What a client asks of embeddings and scores, in OpenAI's words and vLLM's."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from engine.workers.serve.messages import Strict

MOST_TEXTS = 256

Token = Annotated[int, Field(ge=0)]
Text = Annotated[str, Field(min_length=1)]
Texts = Annotated[list[Text], Field(min_length=1, max_length=MOST_TEXTS)]
TokenLists = Annotated[list[Annotated[list[Token], Field(min_length=1)]], Field(min_length=1, max_length=MOST_TEXTS)]


class EmbeddingRequest(Strict):
    """OpenAI's. `dimensions` cuts a vector and normalises it anew."""

    model: str
    input: Text | Annotated[list[Token], Field(min_length=1)] | Texts | TokenLists
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = Field(default=None, ge=1)
    add_special_tokens: bool = True
    user: str | None = None

    def texts(self) -> list[str | list[int]]:
        """One entry for each vector: text, or tokens."""
        if isinstance(self.input, str) or isinstance(self.input[0], int):
            return [self.input]
        return list(self.input)


class ScoreRequest(Strict):
    """vLLM's: one question or as many as answers, under either pair of names."""

    model: str
    text_1: Text | Texts | None = None
    text_2: Text | Texts | None = None
    queries: Text | Texts | None = None
    documents: Text | Texts | None = None
    use_activation: bool = True
    user: str | None = None

    @model_validator(mode="after")
    def _are_pairs(self) -> "ScoreRequest":
        given = [name for name in ("text_1", "text_2", "queries", "documents") if getattr(self, name) is not None]
        if given not in (["text_1", "text_2"], ["queries", "documents"]):
            raise ValueError("`text_1` and `text_2` are needed, or `queries` and `documents`")
        first, second = _listed(self.text_1 or self.queries), _listed(self.text_2 or self.documents)
        if len(first) not in (1, len(second)):
            raise ValueError(f"{len(first)} questions do not go with {len(second)} answers: send one, or as many")
        return self

    def pairs(self) -> list[tuple[str, str]]:
        """Question and answer of each score."""
        first, second = _listed(self.text_1 or self.queries), _listed(self.text_2 or self.documents)
        return list(zip(first if len(first) > 1 else first * len(second), second, strict=True))


def _listed(texts: str | list[str] | None) -> list[str]:
    return [texts] if isinstance(texts, str) else list(texts or [])
