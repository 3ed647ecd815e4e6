"""The token of the hub: kept for its owner alone, given to those who ask the hub, shown to nobody."""

import logging
import stat

import pytest

from engine.errors import ConflictError, RefusedError
from engine.process import hub_token, logs, process
from engine.recipes.choices import trackers
from storage import home

TOKEN = "read_canary-0123456789"  # not of the shape that every log hides


@pytest.fixture(autouse=True)
def no_token_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)


def test_a_kept_token_is_a_file_for_its_owner_alone_and_can_be_removed() -> None:
    assert (hub_token.origin(), hub_token.value(), hub_token.kept_at()) == (None, None, None)
    hub_token.keep(f" {TOKEN}\n")
    assert stat.S_IMODE(home.hub_token().stat().st_mode) == 0o600
    assert (hub_token.origin(), hub_token.value()) == ("home", TOKEN)
    hub_token.keep("another_token")
    assert hub_token.value() == "another_token"
    assert [path.name for path in home.home().glob("hub_token*")] == ["hub_token"]
    assert (hub_token.forget(), hub_token.forget(), hub_token.value()) == (True, False, None)


def test_only_those_who_ask_the_hub_get_it() -> None:
    hub_token.keep(TOKEN)
    assert process._environment(("HF_TOKEN",))["HF_TOKEN"] == TOKEN
    assert TOKEN not in process._environment(()).values()
    assert trackers.secrets("trackio", {}) == {"HF_TOKEN": TOKEN}
    assert trackers.secrets("wandb", {}) == {}


def test_the_token_of_the_environment_comes_first_and_is_not_replaced_here(monkeypatch: pytest.MonkeyPatch) -> None:
    hub_token.keep(TOKEN)
    monkeypatch.setenv("HF_TOKEN", "hf_of_the_environment")
    assert (hub_token.origin(), hub_token.value()) == ("environment", "hf_of_the_environment")
    with pytest.raises(ConflictError, match="started with HF_TOKEN"):
        hub_token.keep("another_token")
    assert hub_token.forget()
    assert hub_token.value() == "hf_of_the_environment"


@pytest.mark.parametrize("text", ["", "short", "with space in it", "ü" * 20, "x" * 201])
def test_what_cannot_be_a_token_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(RefusedError) as refused:
        hub_token.keep(text)
    assert "huggingface.co/settings/tokens" in refused.value.hint
    assert not text or text not in str(refused.value)
    assert not home.hub_token().exists()


def test_a_log_hides_the_kept_token() -> None:
    hub_token.keep(TOKEN)
    record = logging.LogRecord("tunesmith", logging.INFO, "x", 1, "asked with %s", (TOKEN,), None)
    assert TOKEN not in logs.JsonLines().format(record)


def test_an_upload_takes_the_token_given_for_it_or_the_kept_one() -> None:
    with pytest.raises(RefusedError, match="no token"):
        hub_token.for_push()
    hub_token.keep(TOKEN)
    assert (hub_token.for_push(), hub_token.for_push("hf_given_once")) == (TOKEN, "hf_given_once")
