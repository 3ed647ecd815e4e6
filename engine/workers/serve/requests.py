"""What a client of the server may ask, in OpenAI's words and vLLM's, and how a mistake is answered.

A field is understood, or it is a label without effect, or the request is refused: an answer that passed over a field
would look right and be wrong. docs/serving.md has a table made of the descriptions here.
"""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from engine.workers.serve.errors import RequestError
from engine.workers.serve.forms.structured import Calls, Form, NamedTool, ResponseFormat, StructuredOutputs
from engine.workers.serve.messages import Strict, Tool, Turn
from engine.workers.serve.refused import BOTH, CHAT, COMPLETION, Refusals, without_refused

MOST_CHOICES = 8
MOST_PROMPTS = 32
MOST_STOPS = 16
MOST_LIKELIEST = 20
MOST_CALLS = 8  # of tools in one answer that must be calls

Stop = Annotated[str, Field(min_length=1, max_length=1000)]
Seed = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Bias = Annotated[float, Field(ge=-100, le=100, allow_inf_nan=False)]
Token = Annotated[int, Field(ge=0)]
LABEL = "A label. Without effect."


class StreamOptions(Strict):
    include_usage: bool = False
    include_obfuscation: bool = False  # OpenAI pads its chunks against listeners; on a Unix socket there are none


def optional(description: str, **bounds: Any) -> Any:
    """A field that need not be given, within pydantic's bounds (`ge`, `gt`, `le`)."""
    return Field(default=None, description=description, **bounds)


def number(description: str, **bounds: float) -> Any:
    return optional(description, allow_inf_nan=False, **bounds)


class GenerationRequest(Strict):
    """Fields that chats and completions share."""

    REFUSALS: ClassVar[Refusals] = BOTH

    @model_validator(mode="before")
    @classmethod
    def _without_refused(cls, body: Any) -> Any:
        return without_refused(cls.REFUSALS, body)

    model: str = Field(description="A name of `GET /v1/models`.")
    temperature: float | None = number("0 to 2; 1 if not given. 0 takes the likeliest token.", ge=0, le=2)
    top_p: float | None = number(
        "Above 0, up to 1: only the likeliest tokens that together have this probability.", gt=0, le=1
    )
    top_k: int | None = optional("Only this many of the likeliest tokens. 0 or -1 is all of them.", ge=-1)
    min_p: float | None = number(
        "0 to 1: only tokens at least this likely, measured against the likeliest one.", ge=0, le=1
    )
    frequency_penalty: float | None = number("-2 to 2, for each time the answer has the token already.", ge=-2, le=2)
    presence_penalty: float | None = number("-2 to 2, once for a token that the answer has already.", ge=-2, le=2)
    repetition_penalty: float | None = number(
        "Above 0, up to 10; above 1 turns away from tokens of prompt and answer.", gt=0, le=10
    )
    logit_bias: dict[str, Bias] | None = optional("Token id to -100 ... 100, added to its score.")
    seed: Seed | None = optional("The same seed and request give the same answer. It is then computed by itself.")
    n: int | None = optional(f"Answers to each prompt, up to {MOST_CHOICES}.", ge=1, le=MOST_CHOICES)
    stop: Stop | Annotated[list[Stop], Field(max_length=MOST_STOPS)] | None = optional(
        f"A text or up to {MOST_STOPS} that end the answer, not shown. Special tokens count, though hidden.",
    )
    stop_token_ids: list[Token] | None = optional("Tokens that end the answer, not shown.")
    ignore_eos: bool | None = optional("True goes on after the model's own end.")
    min_tokens: int | None = optional("No end, neither the model's own nor a stop token, before so many tokens.", ge=0)
    max_tokens: int | None = optional("The longest answer, in tokens. 1,024 if not given.", ge=1)
    skip_special_tokens: bool | None = optional("False shows special tokens as text.")
    add_special_tokens: bool | None = optional(
        "Whether the tokenizer adds its own to a text. False in a chat, True in a completion."
    )
    return_token_ids: bool | None = optional("True tells the tokens of prompt and answer as numbers. Not in a stream.")
    stream: bool | None = optional("True sends the answer piece by piece.")
    stream_options: StreamOptions | None = optional(
        "Only with `stream`. `include_usage` sends a last chunk with the count of tokens."
    )
    response_format: ResponseFormat | None = optional(
        "`text`, `json_object`, or `json_schema` with its schema: the answer is such JSON, unless `max_tokens` cuts it."
    )
    structured_outputs: StructuredOutputs | None = optional(
        "As vLLM's: one of `json` (a schema), `regex`, `choice`, `grammar` (Lark or GBNF), `json_object`; with "
        "`disable_any_whitespace` JSON has no blanks."
    )
    user: str | None = optional(LABEL)
    metadata: dict[str, Any] | None = optional(LABEL)

    @model_validator(mode="after")
    def _options_have_a_stream(self) -> "GenerationRequest":
        if self.stream_options and not self.stream:
            raise ValueError("`stream_options` is only for `stream: true`")
        if self.structured_outputs and self.response_format and self.response_format.type != "text":
            raise ValueError("`response_format` and `structured_outputs` exclude one another")
        if self.return_token_ids and self.stream:
            raise ValueError("tokens are not told in a stream; leave out `stream`")
        return self

    def form(self) -> Form | None:
        """What the answer has to keep to."""
        if self.structured_outputs:
            return self.structured_outputs.form()
        return self.response_format.form() if self.response_format else None

    def stops(self) -> tuple[str, ...]:
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())

    def requested_tokens(self) -> int | None:
        return self.max_tokens

    def likeliest(self) -> int | None:
        """Tokens whose log-probability is wanted beside each token's own; None wants none at all."""
        raise NotImplementedError

    def tells_prompt(self) -> bool:
        """Whether log-probabilities of the prompt are wanted too."""
        return False


class ChatRequest(GenerationRequest):
    REFUSALS: ClassVar[Refusals] = BOTH | CHAT

    messages: Annotated[list[Turn], Field(min_length=1, max_length=2000)] = Field(
        description="Up to 2,000 turns of system, developer, user, assistant, tool. Content is text, or parts of text. "
        "`name`, `tool_call_id` and `reasoning_content` are handed to the template."
    )
    max_completion_tokens: int | None = optional("As `max_tokens`; of the two this one counts.", ge=1)
    tools: list[dict[str, Any]] | None = optional(
        "Functions. Written by the template, or as text where it knows no tools."
    )
    tool_choice: Literal["auto", "none", "required"] | NamedTool | None = optional(
        "`auto`; `none`: then the model does not see the tools; `required`, or a named function: the answer is calls "
        "whose arguments keep to the function's schema."
    )
    parallel_tool_calls: bool | None = optional("False tells only the first call of an answer.")
    logprobs: bool | None = optional("True tells the log-probability of each token, before penalties and filters.")
    top_logprobs: int | None = optional(
        f"The same for this many of the likeliest tokens, up to {MOST_LIKELIEST}. Only with `logprobs`.",
        ge=0,
        le=MOST_LIKELIEST,
    )
    add_generation_prompt: bool | None = optional("False does not begin a turn of the assistant. True if not given.")
    continue_final_message: bool | None = optional("True goes on with the last turn, which must be the assistant's.")
    chat_template_kwargs: dict[str, Any] | None = optional(
        "Variables of the template, such as `enable_thinking`. It must know them."
    )
    safety_identifier: str | None = optional(LABEL)
    prompt_cache_key: str | None = optional(LABEL)
    prompt_cache_retention: str | None = optional(LABEL)

    @model_validator(mode="after")
    def _fits_together(self) -> "ChatRequest":
        for tool in self.tools or []:
            Tool.model_validate(tool)
        self._check_choice()
        if self.top_logprobs is not None and not self.logprobs:
            raise ValueError("`top_logprobs` is only for `logprobs: true`")
        if self.continue_final_message:
            if self.add_generation_prompt:
                raise ValueError("`continue_final_message` and `add_generation_prompt` exclude one another")
            if self.messages[-1].role != "assistant" or self.messages[-1].tool_calls:
                raise ValueError("`continue_final_message` needs words of the assistant as the last turn")
        return self

    def _check_choice(self) -> None:
        names = [tool["function"]["name"] for tool in self.tools or []]
        if isinstance(self.tool_choice, NamedTool) and self.tool_choice.function.name not in names:
            raise ValueError(f"`tool_choice` names `{self.tool_choice.function.name[:80]}`, which is not in `tools`")
        if self.tool_choice == "required" and not names:
            raise ValueError('`tool_choice: "required"` needs `tools`')
        said = super().form()
        if said and self.offered_tools() and (self.forces_calls() or said.kind != "json"):
            raise ValueError('calls of tools and another form exclude one another; send `tool_choice: "none"`')

    def forces_calls(self) -> bool:
        """Whether the answer must be calls of tools."""
        return self.tool_choice == "required" or isinstance(self.tool_choice, NamedTool)

    def form(self) -> Form | None:
        functions = [tool["function"] for tool in self.offered_tools() or []]
        said, most = super().form(), 1 if self.parallel_tool_calls is False else MOST_CALLS
        if isinstance(self.tool_choice, NamedTool):
            named = [function for function in functions if function["name"] == self.tool_choice.function.name]
            return Form("calls", Calls(named[:1], 1), "tools")
        if self.forces_calls():
            return Form("calls", Calls(functions, most), "tools")
        if functions and said:
            return Form("calls", Calls(functions, most, instead=said), "tools")
        if any(function.get("strict") for function in functions):
            return Form("calls", Calls(functions, most, free=True), "tools")
        return said

    def requested_tokens(self) -> int | None:
        return self.max_completion_tokens or self.max_tokens

    def likeliest(self) -> int | None:
        return (self.top_logprobs or 0) if self.logprobs else None

    def offered_tools(self) -> list[dict[str, Any]] | None:
        """Tools that the model sees."""
        return (self.tools or None) if self.tool_choice != "none" else None


class CompletionRequest(GenerationRequest):
    REFUSALS: ClassVar[Refusals] = BOTH | COMPLETION

    prompt: str | list[Token] | list[str] | list[list[Token]] = Field(
        min_length=1, description=f"A text, tokens, or up to {MOST_PROMPTS} of either."
    )
    max_tokens: int | None = optional(
        "The longest answer, in tokens. 16 if not given; 0 with `echo` only reads the prompt.", ge=0
    )
    echo: bool | None = optional(
        "True puts the prompt in front of the answer; with `logprobs` those of its tokens too, null for the first."
    )
    logprobs: int | None = optional(
        f"The same, and for this many of the likeliest tokens, up to {MOST_LIKELIEST}.",
        ge=0,
        le=MOST_LIKELIEST,
    )
    best_of: int | None = optional("Only the same as `n`.", ge=1)

    @model_validator(mode="after")
    def _is_possible(self) -> "CompletionRequest":
        if self.best_of not in (None, self.n or 1):
            raise ValueError("`best_of` is not supported; use `n`")
        if self.max_tokens == 0 and not self.echo:
            raise ValueError("`max_tokens: 0` is only for `echo: true`")
        return self

    def likeliest(self) -> int | None:
        return self.logprobs

    def tells_prompt(self) -> bool:
        return bool(self.echo) and self.logprobs is not None

    def prompts(self) -> list[str | list[int]]:
        """One entry a prompt: text, or tokens."""
        if isinstance(self.prompt, str):
            return [self.prompt]
        if isinstance(self.prompt[0], int):
            return [self.prompt]
        if len(self.prompt) > MOST_PROMPTS:
            raise RequestError(f"At most {MOST_PROMPTS} prompts at once.", "prompt")
        return list(self.prompt)
