"""What a chat and its turns look like over REST."""

from typing import Literal

from pydantic import Field

from app.answers.fields import LARGEST, Answer, Body
from engine.chat import answering, asking, branches, chat
from engine.chat.sampling import Sampling
from engine.chat.speed import tokens_a_second
from storage.tables import Chat, Message

Side = Literal["tuned", "base"]
SIDES: tuple[Side, Side] = ("tuned", "base")


PENALTY = "Above 1, it turns away from tokens of prompt and answer; 1 changes nothing."


class ChatAnswer(Answer):
    id: str = Field(description="The chat's id.")
    project_id: str = Field(description="The project it belongs to.")
    title: str = Field(description="What lists show; the first question until it is renamed.")
    branch_of: str | None = Field(description="The chat of which it keeps what stood there before a change.")
    created_at: float = Field(description="Seconds since 1970, UTC.")


class SamplingAnswer(Answer):
    temperature: float = Field(description="0 always picks the most likely token.")
    max_tokens: int = Field(description="The longest answer.")
    top_p: float = Field(description="Below 1, unlikely tokens were left out.")
    seed: int | None = Field(description="The seed, if one was given.")
    stop: list[str] = Field(description="Texts that ended an answer.")
    repetition_penalty: float = Field(default=1.0, description=PENALTY)


class MessageAnswer(Answer):
    id: int = Field(description="The turn's number, for edits, votes and ratings.")
    side: Literal["user", "tuned", "base"] = Field(description="user: a question. tuned, base: first and second model.")
    model: str = Field(description="The served name that answered; empty for a question.")
    weights: str = Field(description="What stood behind that name then: RUN, RUN@STEP or a model's id.")
    system: str = Field(description="The system prompt the model was told.")
    sampling: SamplingAnswer | None = Field(description="How the answer was drawn; null for questions and old answers.")
    content: str = Field(description="What was said.")
    complete: bool = Field(description="False for an answer that was stopped or broke off.")
    created_at: float = Field(description="Seconds since 1970, UTC.")
    tokens: int | None = Field(description="Tokens of the answer.")
    tokens_estimated: bool = Field(description="Whether they were counted by pieces: the server did not say.")
    first_token_seconds: float | None = Field(description="From the question to the first word.")
    seconds: float | None = Field(description="From the question to the last word.")
    tokens_per_second: float | None = Field(default=None, description="After the first token.")
    rating: int = Field(description="1 good, -1 bad, 0 not rated.")
    better: str = Field(description="Of a question: tuned, base or tie; empty without a vote.")


class BranchAnswer(Answer):
    id: str = Field(description="The branch's id; it is a chat like any other.")
    created_at: float = Field(description="When the chat was changed.")
    question: str = Field(description="The last question in it.")


class WritingAnswer(Answer):
    side: Side = Field(description="tuned: the first model. base: the second.")
    text: str = Field(description="What has come of the answer.")
    error: str = Field(description="What the last answer of this side ended with; empty while all is well.")
    is_over: bool = Field(description="Whether nothing more comes.")


class WholeChatAnswer(ChatAnswer):
    messages: list[MessageAnswer] = Field(description="The turns in their order.")
    branches: list[BranchAnswer] = Field(description="What was kept before changes, the newest first.")
    writing: list[WritingAnswer] = Field(description="Answers on their way, and those that ended with an error.")


class OwnSettingsBody(Body):
    """What one of the two does differently; what is left out is as for both."""

    system: str | None = Field(default=None, max_length=20_000, description="What it is told before the first turn.")
    temperature: float | None = Field(default=None, ge=0, le=2, description="0 always picks the most likely token.")
    max_tokens: int | None = Field(default=None, ge=1, le=1_000_000, description="The longest answer.")
    top_p: float | None = Field(default=None, gt=0, le=1, description="Below 1, unlikely tokens are left out.")
    seed: int | None = Field(default=None, ge=0, le=LARGEST, description="Makes chance repeatable; null: no seed.")
    stop: tuple[str, ...] | None = Field(default=None, max_length=4, description="Texts that end an answer.")
    repetition_penalty: float | None = Field(default=None, gt=0, le=10, description=PENALTY)


class BothOwnSettingsBody(Body):
    tuned: OwnSettingsBody = Field(default=OwnSettingsBody(), description="Of the first model.")
    base: OwnSettingsBody = Field(default=OwnSettingsBody(), description="Of the second.")


class ChatSettingsBody(Body):
    """Who answers, and how."""

    model: str = Field(min_length=1, max_length=300, description="The served name that answers, as on /v1.")
    beside: str = Field(default="", max_length=300, description="A second served name; empty for none.")
    system: str = Field(default="", max_length=20_000, description="What the models are told before the first turn.")
    temperature: float = Field(default=0.7, ge=0, le=2, description="0 always picks the most likely token.")
    max_tokens: int = Field(default=512, ge=1, le=1_000_000, description="The longest answer.")
    top_p: float = Field(default=1.0, gt=0, le=1, description="Below 1, unlikely tokens are left out.")
    seed: int | None = Field(default=None, ge=0, le=LARGEST, description="Makes chance repeatable.")
    stop: tuple[str, ...] = Field(default=(), max_length=4, description="Texts that end an answer.")
    repetition_penalty: float = Field(default=1.0, gt=0, le=10, description=PENALTY)
    own: BothOwnSettingsBody = Field(
        default=BothOwnSettingsBody(), description="Settings that only one of the two models has."
    )

    def answerers(self) -> asking.Answerers:
        """Who answers on each side, each with its own settings where it has any."""
        models: dict[chat.Side, str] = {"tuned": self.model}
        models |= {"base": self.beside} if self.beside else {}
        owns: dict[chat.Side, OwnSettingsBody] = {"tuned": self.own.tuned, "base": self.own.base}
        return {side: self._answerer(model, owns[side]) for side, model in models.items()}

    def _answerer(self, model: str, own: OwnSettingsBody) -> asking.Answerer:
        given = {name: value for name, value in own.model_dump(exclude_unset=True).items() if value is not None}
        chosen = self.model_dump(include=set(OwnSettingsBody.model_fields)) | given
        if "seed" in own.model_fields_set:
            chosen["seed"] = own.seed
        return asking.Answerer(model, chosen.pop("system"), Sampling(**chosen))


def message(turn: Message) -> MessageAnswer:
    return MessageAnswer.model_validate({**turn.model_dump(), "tokens_per_second": tokens_a_second(turn)})


def whole(chat_id: str) -> WholeChatAnswer:
    """Raises NotFoundError."""
    opened: Chat = chat.look_up(chat_id)
    first, kept = branches.family(chat_id)
    listed = kept if first.id == chat_id else []
    return WholeChatAnswer(
        **ChatAnswer.model_validate(opened).model_dump(),
        messages=[message(turn) for turn in chat.messages(chat_id)],
        branches=[BranchAnswer(id=one.id, created_at=one.created_at, question=text) for one, text in listed],
        writing=[one for side in SIDES if (one := _writing(chat_id, side)) is not None],
    )


def _writing(chat_id: str, side: Side) -> WritingAnswer | None:
    is_over = not answering.is_writing(chat_id, side)
    text, error = answering.so_far(chat_id, side)
    return None if is_over and not error else WritingAnswer(side=side, text=text, error=error, is_over=is_over)
