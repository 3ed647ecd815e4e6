"""The turns and tools of a chat, as OpenAI's clients send them and as chat templates take them."""

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Strict(BaseModel):
    """What a client sends: null means not given, text is no number, and a name nobody knows is an error."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, value: Any) -> Any:
        return {name: part for name, part in value.items() if part is not None} if isinstance(value, dict) else value


class Part(Strict):
    """A piece of a turn's content. Pictures, sound and files are refused."""

    type: Literal["text", "refusal"]
    text: str = ""
    refusal: str = ""


class CalledFunction(Strict):
    name: str
    arguments: str

    def plain(self) -> dict[str, Any]:
        """With the arguments as an object, as templates and the studio's rows have them."""
        try:
            arguments = json.loads(self.arguments or "{}")
        except (ValueError, RecursionError):
            arguments = self.arguments
        return {"name": self.name, "arguments": arguments if isinstance(arguments, dict) else self.arguments}


class ToolCall(Strict):
    id: str = ""
    type: Literal["function"] = "function"
    function: CalledFunction

    def plain(self) -> dict[str, Any]:
        return {"id": self.id, "type": self.type, "function": self.function.plain()}


class Turn(Strict):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[Part] | None = None
    name: str | None = None
    tool_calls: list[ToolCall] = []
    tool_call_id: str | None = None
    reasoning_content: str | None = None
    refusal: str | None = None
    annotations: Annotated[list[Any], Field(max_length=0)] = []  # OpenAI's client sends its own answers back with it

    @model_validator(mode="after")
    def _is_whole(self) -> "Turn":
        if self.role == "assistant":
            if self.content is None and not self.tool_calls and self.refusal is None:
                raise ValueError("an assistant's turn needs `content` or `tool_calls`")
            return self
        if self.content is None:
            raise ValueError(f"a turn of the role `{self.role}` needs `content`")
        if self.tool_calls or self.refusal or self.reasoning_content:
            raise ValueError("only an assistant calls tools, thinks and refuses")
        return self

    def plain(self) -> dict[str, Any]:
        """The turn as chat templates take it; `developer` is what OpenAI now calls the system prompt."""
        turn: dict[str, Any] = {"role": "system" if self.role == "developer" else self.role, "content": self.text()}
        if self.tool_calls:
            turn["tool_calls"] = [call.plain() for call in self.tool_calls]
        given = {name: getattr(self, name) for name in ("name", "tool_call_id", "reasoning_content")}
        return turn | {name: value for name, value in given.items() if value is not None}

    def text(self) -> str:
        if isinstance(self.content, list):
            return "\n".join(part.text or part.refusal for part in self.content)
        return self.content or self.refusal or ""


class ToolFunction(Strict):
    name: Annotated[str, Field(min_length=1)]
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Tool(Strict):
    """Checked by this; templates get what the client sent, in its own order."""

    type: Literal["function"]
    function: ToolFunction
