"""`tunesmith key`: API keys for other programs, made, listed and revoked."""

import time
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from app.cli.completion import names
from app.cli.printed import answer, answer_list, say
from engine.accounts import keys
from engine.accounts.key_limits import KeyLimits
from engine.errors import ConflictError, NotFoundError, RefusedError
from engine.existing import missing
from engine.names import did_you_mean
from engine.recipes import recipe
from storage import db
from storage import keys as stored
from storage.tables import ApiKey

COMMANDS = typer.Typer(help="API keys for other programs: listed, made, revoked.", no_args_is_help=True)

DAY_SECONDS = 86_400
SHOWN = ("id", "name", "scope", "created_at", "models", "requests_per_minute", "tokens_per_day", "expires_at",
         "last_used_at")  # fmt: skip


@COMMANDS.command("list")
def list_keys() -> None:
    """List the keys in use, the oldest first: id, what each may do, name. Never a secret."""
    db.prepare()
    with db.reading() as session:
        listed = stored.recent(session)
    answer_list([_facts(key) for key in listed], _line, "There are no keys.")


@COMMANDS.command()
def create(
    name: Annotated[str, typer.Argument(help="What will use the key.")],
    everything: Annotated[
        bool, typer.Option("--everything", help="It reaches the whole REST API, and not /v1 alone.")
    ] = False,
    model: Annotated[
        list[str] | None,
        typer.Option(help="A name on /v1 it may use, such as jokes*; repeatable. All by default."),
    ] = None,
    requests: Annotated[int | None, typer.Option(min=1, help="Requests in any 60 seconds.")] = None,
    tokens: Annotated[int | None, typer.Option(min=1, help="Tokens of prompts and answers a day (UTC).")] = None,
    days: Annotated[float | None, typer.Option(min=0.001, max=3660, help="Days until it stops working.")] = None,
) -> None:
    """Make a key and print its secret, this once."""
    db.prepare()
    limits = _limits(
        models=model or None, requests_per_minute=requests, tokens_per_day=tokens,
        expires_in=None if days is None else days * DAY_SECONDS,
    )  # fmt: skip
    key, secret = keys.create_key(name, "all" if everything else "inference", limits)
    say(_line(_facts(key)), err=True)
    answer(_facts(key) | {"secret": secret}, secret)


def _limits(**values: Any) -> KeyLimits:
    try:
        return KeyLimits(**values)
    except ValidationError as error:
        raise RefusedError("The limits of the key are wrong.", "\n".join(recipe.problems(error, "limit"))) from error


@COMMANDS.command()
def revoke(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Its id or name.", autocompletion=names.of("key"))],
) -> None:
    """Revoke a key: it stops working at once."""
    db.prepare()
    revoked = _named(key)
    keys.revoke_key(revoked.id)
    answer({"id": revoked.id, "revoked": True}, f"The key {revoked.name} is revoked.")


def _named(text: str) -> ApiKey:
    """The key in use of that id or name. Raises NotFoundError, ConflictError where several have the name."""
    with db.reading() as session:
        listed = stored.recent(session)
    called_so = [key for key in listed if key.id == text] or [key for key in listed if key.name == text]
    if len(called_so) > 1:
        ids = ", ".join(key.id for key in called_so)
        raise ConflictError(f"{len(called_so)} keys are called `{text:.80}`.", f"Name one by id: {ids}.")
    if not called_so:
        unknown = missing(ApiKey, text)
        raise NotFoundError(unknown.message, did_you_mean(text, [key.name for key in listed]) or unknown.hint)
    return called_so[0]


def _facts(key: ApiKey) -> dict[str, Any]:
    return {name: getattr(key, name) for name in SHOWN}


def _line(facts: dict[str, Any]) -> str:
    limits = [f"models {', '.join(facts['models'])}"] if facts["models"] else []
    limits += [f"{facts['requests_per_minute']:,} requests a minute"] if facts["requests_per_minute"] else []
    limits += [f"{facts['tokens_per_day']:,} tokens a day"] if facts["tokens_per_day"] else []
    limits += [f"until {_day(facts['expires_at'])}"] if facts["expires_at"] else []
    scope = "everything" if facts["scope"] == "all" else "/v1"
    return "  ".join((facts["id"], f"{scope:<10}", facts["name"], *limits))


def _day(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))
