"""Names that people give, that become a part of an address, and of the hub."""

import unicodedata

import pytest
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]
from hypothesis import example, given
from hypothesis import strategies as st

from engine import names
from engine.errors import RefusedError


def test_a_name_is_kept_with_single_spaces() -> None:
    assert names.checked("  my \n second\trun ", "run") == "my second run"
    assert names.checked("x" * 120, "run") == "x" * 120


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "The run needs a name."),
        (" \n", "The run needs a name."),
        ("x" * 121, "cannot be"),
        ("a\x07b", "cannot be"),
    ],
)
def test_a_name_that_cannot_be_shown_is_refused(name: str, message: str) -> None:
    with pytest.raises(RefusedError, match=message) as refused:
        names.checked(name, "run")
    assert refused.value.hint == "Use 1 to 120 characters."


@given(st.text("aZ9_.-/é\n", max_size=12))
@example("owner/x.git")
@example("owner/na--me")
@example("a" * 96 + "/" + "b" * 96)
@example("a" * 97)
def test_a_name_of_the_hub_is_what_the_hubs_own_library_takes(text: str) -> None:
    text = text.strip().strip("/")
    assert takes(text) == is_taken_by_the_hub(text)


def takes(text: str) -> bool:
    try:
        return names.hub_id(text, "model") == text
    except RefusedError:
        return False


def is_taken_by_the_hub(text: str) -> bool:
    try:
        validate_repo_id(text)
    except HFValidationError:
        return False
    return True


def test_an_address_of_the_hub_is_as_good_as_the_id() -> None:
    assert names.hub_id(" https://huggingface.co/owner/name/ ", "model") == "owner/name"
    assert names.hub_id("https://hf.co/datasets/owner/name", "dataset") == "owner/name"
    assert names.hub_id("gpt2", "model") == "gpt2"
    with pytest.raises(RefusedError):
        names.hub_id("https://huggingface.co/datasets/owner/name", "model")


def test_what_is_written_to_has_an_owner() -> None:
    assert names.hub_id("owner/name", "dataset", with_owner=True) == "owner/name"
    with pytest.raises(RefusedError, match="owner"):
        names.hub_id("name", "dataset", with_owner=True)


def test_a_name_becomes_a_files_name_on_any_system() -> None:
    assert names.as_file("../../etc/passwd", "dataset") == "etc-passwd"
    assert names.as_file("日本", "dataset") == "dataset"
    assert names.as_file("Jokes, v2", "run") == "Jokes-v2"


def test_an_empty_name_for_an_address_is_said_to_be_missing() -> None:
    with pytest.raises(RefusedError, match=r"^The endpoint needs a name\."):
        names.in_address("", "endpoint")


def test_a_name_of_a_mac_is_kept_as_any_other() -> None:
    pieces = unicodedata.normalize("NFD", "한국어 Übung")
    assert names.checked(pieces, "run") == unicodedata.normalize("NFC", pieces) != pieces
    assert names.checked_tags([pieces, "한국어 Übung"], "run") == [unicodedata.normalize("NFC", pieces)]
    assert names.checked_note(pieces) == unicodedata.normalize("NFC", pieces)
