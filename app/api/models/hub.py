"""The hub over REST: models searched, one looked at before a download, and the token for what is private."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field, SecretStr

from app.answers.errors import CONFLICT
from app.answers.fields import Answer, Body
from engine.models import hub, hub_check, suggested
from engine.process import hub_token

router = APIRouter(prefix="/hub", tags=["models"])

HubId = Annotated[str, Query(alias="id", max_length=300, description="The model's id on the hub, or its address.")]
SearchText = Annotated[str, Query(alias="q", max_length=300, description="A part of the model's name.")]


class HubEntry(Answer):
    id: str = Field(description="The model's id on the hub.")
    parameters: int | None = Field(description="How many weights it has; null where the hub does not say.")
    downloads: int | None = Field(description="Downloads in the last month.")
    likes: int | None = Field(description="How many people like it.")
    gated: bool = Field(description="Whether its owners want you to agree to terms first.")
    licence: str | None = Field(description="Its licence.")
    updated: str | None = Field(description="The day of its last change.")


class SuggestionAnswer(Answer):
    id: str = Field(description="The model's id on the hub.")
    family: str = Field(description="Its family, as presets call it.")
    parameters: int = Field(description="How many weights it has, by its published configuration.")
    size_bytes: int = Field(description="Its weights in 16 bits. What the hub has is checked when it is added.")
    licence: str = Field(description="Its licence, as its makers name it.")
    use: str = Field(description="What it is for.")
    asks_terms: bool = Field(description="Whether its owners want you to agree to terms first.")


class ReasonAnswer(Answer):
    message: str = Field(description="Why not.")
    hint: str = Field(description="What to do about it.")


class NeedAnswer(Answer):
    tuning: str = Field(description="full, lora or qlora; the recipe's defaults otherwise.")
    memory_bytes: int = Field(description="The memory of a training, estimated.")
    fits: bool = Field(description="Whether this machine has it.")


class CheckedAnswer(Answer):
    id: str = Field(description="The model's id on the hub.")
    revision: str = Field(description="The commit that was looked at.")
    gated: bool = Field(description="Whether its owners want you to agree to terms first.")
    private: bool = Field(description="Whether only some accounts see it.")
    downloads: int | None = Field(description="Downloads in the last month.")
    likes: int | None = Field(description="How many people like it.")
    licence: str | None = Field(description="Its licence, as its card names it.")
    architecture: str | None = Field(description="The class that loads it.")
    parameters: int | None = Field(description="How many weights it has, by the headers of its files.")
    dtype: str | None = Field(description="Of most weights, as safetensors spells it.")
    context_length: int | None = Field(description="Longest text it was made for, in tokens.")
    has_chat_template: bool | None = Field(description="Whether it knows how a chat is written.")
    size_bytes: int = Field(description="What would be downloaded.")
    free_disk_bytes: int = Field(description="Free on the disk of the studio now.")
    memory_bytes: int = Field(description="What a training can count on here.")
    model_id: str | None = Field(description="Its id in the studio, if it is here already.")
    needs: list[NeedAnswer] = Field(description="What a training takes with each tuning.")
    can_be_fetched: bool = Field(description="Whether it would be downloaded: there are no refusals.")
    refusals: list[ReasonAnswer] = Field(description="Why it would not be downloaded.")
    warnings: list[ReasonAnswer] = Field(description="Why it could be downloaded and not trained here.")


class TokenAnswer(Answer):
    """The token itself is never answered."""

    origin: hub_token.Origin | None = Field(description="environment (HF_TOKEN), home (kept here), or null for none.")
    kept_at: float | None = Field(description="When the one of the home was kept, in seconds since 1970.")


class TokenBody(Body):
    token: SecretStr = Field(description="A token of huggingface.co/settings/tokens.")


@router.get("/search", summary="Search models of the hub")
def search_hub(text: SearchText) -> list[HubEntry]:
    """Models that write text and have safetensors, the most downloaded first, 24 at most. Nothing is downloaded."""
    return [HubEntry.model_validate(entry) for entry in hub.search(text)]


@router.get("/suggested", summary="List suggested models")
def list_suggested_models() -> list[SuggestionAnswer]:
    """Models of families that the studio knows and tests, the smallest of a family first. The hub is not asked."""
    return [SuggestionAnswer.model_validate(one) for one in suggested.SUGGESTED]


@router.get("/models", summary="Look at a model of the hub")
def show_hub_model(hub_id: HubId) -> CheckedAnswer:
    """Its size, and whether it fits on the disk and in the memory here, by its small files and the headers of its
    weights. Nothing else is downloaded."""
    return CheckedAnswer.model_validate(hub_check.check(hub_id).to_json())


@router.get("/token", summary="Show where the hub's token comes from")
def show_token() -> TokenAnswer:
    """Whether there is a token, and from where. The token itself is shown to nobody."""
    return TokenAnswer(origin=hub_token.origin(), kept_at=hub_token.kept_at())


@router.put("/token", summary="Keep a token of the hub", responses=CONFLICT)
def keep_token(body: TokenBody) -> TokenAnswer:
    """Keeps the token in a file of the home that its owner alone can read. Refused while HF_TOKEN is set."""
    hub_token.keep(body.token.get_secret_value())
    return show_token()


@router.delete("/token", status_code=204, summary="Remove the token of the hub")
def forget_token() -> None:
    """Removes the token of the home. One in the studio's environment stays."""
    hub_token.forget()
