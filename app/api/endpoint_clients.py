"""How other programs call an endpoint, and what answers at an address somewhere else, over REST."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import Field

from app.answers.errors import NOT_FOUND
from app.answers.fields import Answer, Body, NamedId
from engine.errors import NotFoundError
from engine.serve import client_code, endpoints, outside_look

router = APIRouter(prefix="/endpoints", tags=["endpoints"])

ServedName = Annotated[
    str | None, Query(max_length=200, description="A name the endpoint answers to; its own when left out.")
]


class ClientAnswer(Answer):
    id: str = Field(description="What kind of client it is: curl, openai, httpx, javascript, langchain, ...")
    title: str = Field(description="What it is called on the page.")
    language: str = Field(description="What the code is written in.")
    about: str = Field(description="Where the code belongs, or what has to be installed for it.")
    code: str = Field(description="The code, with sk-tunesmith-... where the key belongs.")


class OutsideBody(Body):
    url: str = Field(min_length=1, max_length=500, description="The address, with or without its /v1.")
    api_key_env: str | None = Field(
        default=None,
        pattern=r"^[A-Z][A-Z0-9_]{0,60}_API_KEY$",
        description="Environment variable with its key; the name ends in _API_KEY.",
    )


class OutsideModelAnswer(Answer):
    id: str = Field(description="What the model is called there.")
    context: int | None = Field(description="Tokens of prompt and answer together; null where the server does not say.")


class OutsideAnswer(Answer):
    url: str = Field(description="The address as an endpoint needs it, with its /v1.")
    server: str | None = Field(description="TGI, SGLang, llama.cpp, Ollama, vLLM, LM Studio, a cloud; null if unknown.")
    version: str | None = Field(description="The server's version, where it says one.")
    models: list[OutsideModelAnswer] = Field(description="What can be chosen as the option `model`.")
    problems: list[str] = Field(description="Why an endpoint of this address would not work; empty if it would.")
    notes: list[str] = Field(description="What is good to know.")


@router.post("/outside", summary="Look at an address")
def look_outside(body: OutsideBody) -> OutsideAnswer:
    """Asks an address which server it is and which models it has. Takes 15 seconds at most, and asks for no token."""
    return OutsideAnswer.model_validate(outside_look.look(body.url, body.api_key_env))


@router.get("/{id}/clients", summary="Show client code", responses=NOT_FOUND)
def list_clients(endpoint_id: NamedId, request: Request, model: ServedName = None) -> list[ClientAnswer]:
    """Code that calls the endpoint, for several kinds of programs, with this studio's address and a name of it."""
    facts = endpoints.describe(endpoints.look_up(endpoint_id))
    names = facts["models"] or [facts["name"]]
    if model is not None and model not in names:
        raise NotFoundError(f"Endpoint `{facts['name']}` does not answer to `{model}`.", f"It has: {', '.join(names)}.")
    address = str(request.base_url)
    return [ClientAnswer.model_validate(client) for client in client_code.clients(address, model or names[0])]
