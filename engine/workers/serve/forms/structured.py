"""What a request says of the form of its answer: `response_format`, `structured_outputs` and forced tools."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from engine.workers.serve.messages import Strict

MOST_CHARACTERS = 64 << 10  # of a schema, an expression or a grammar
MOST_CHOICES = 1000

Schema = dict[str, Any] | bool
Text = Annotated[str, Field(min_length=1, max_length=MOST_CHARACTERS)]
Kind = Literal["json", "regex", "choice", "grammar", "calls"]


@dataclass(frozen=True)
class Form:
    """What an answer has to keep to, and the field that says so."""

    kind: Kind
    value: Any  # a schema, a text, a list of texts, or Calls
    field: str
    blanks: bool = True  # whether JSON may have blanks between its parts


@dataclass(frozen=True)
class Calls:
    """Calls of tools as the answer: at most so many; among words if `free`; or JSON of `instead` in their place."""

    functions: list[dict[str, Any]]
    most: int
    free: bool = False
    instead: Form | None = None


class JsonSchema(Strict):
    name: str | None = None
    description: str | None = None
    schema_: Schema = Field(default_factory=dict, alias="schema")
    strict: bool | None = None  # every answer keeps to its schema, whatever this says


class ResponseFormat(Strict):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None

    @model_validator(mode="after")
    def _has_its_schema(self) -> "ResponseFormat":
        if (self.type == "json_schema") != (self.json_schema is not None):
            raise ValueError("`json_schema` belongs to the type `json_schema`, and that type needs it")
        return self

    def form(self) -> Form | None:
        if self.type == "text":
            return None
        if self.json_schema is None:
            return Form("json", {"type": "object"}, "response_format")
        return Form("json", self.json_schema.schema_, "response_format.json_schema.schema")


class StructuredOutputs(Strict):
    """vLLM's field: one of five kinds."""

    json_: Schema | Text | None = Field(default=None, alias="json")
    regex: Text | None = None
    choice: (
        Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1, max_length=MOST_CHOICES)] | None
    ) = None
    grammar: Text | None = None
    json_object: Literal[True] | None = None
    disable_any_whitespace: bool = False

    @model_validator(mode="after")
    def _is_one(self) -> "StructuredOutputs":
        if len(self._given()) != 1:
            raise ValueError("one of `json`, `regex`, `choice`, `grammar`, `json_object` must be given, and only one")
        return self

    def _given(self) -> list[Form]:
        blanks = not self.disable_any_whitespace
        values: dict[str, tuple[Kind, Any]] = {
            "json": ("json", self.json_),
            "regex": ("regex", self.regex),
            "choice": ("choice", self.choice),
            "grammar": ("grammar", self.grammar),
            "json_object": ("json", {"type": "object"} if self.json_object else None),
        }
        return [
            Form(kind, value, f"structured_outputs.{name}", blanks)
            for name, (kind, value) in values.items()
            if value is not None
        ]

    def form(self) -> Form:
        return self._given()[0]


class NamedFunction(Strict):
    name: str


class NamedTool(Strict):
    """A function that must be called."""

    type: Literal["function"]
    function: NamedFunction
