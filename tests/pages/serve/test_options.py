"""Options as fields: each sort of option has one, and what is wrong stands at it."""

from typing import Any, Literal

import gradio as gr
import pytest
from pydantic import BaseModel, ConfigDict, Field

from engine.serve.vllm.options import VllmOptions
from pages.serve import options


class Every(BaseModel):
    """One option of each sort."""

    model_config = ConfigDict(extra="forbid")

    dtype: Literal["auto", "float16"] | None = Field(default=None, title="Data type", description="Of the weights.")
    max_model_len: int | None = Field(default=None, ge=16, le=10_000_000, description="Context.")
    share: float | None = Field(default=None, gt=0, le=1)
    workers: int = Field(default=1, ge=1)
    caching: bool = True
    eager: bool | None = None
    cache: Literal["auto", "fp8"] = "auto"
    extra: list[str] = Field(default=[], description="Further ones.")
    speculative: dict[str, int] | None = None
    parser: str | None = Field(default=None, pattern="^[a-z]+$")
    tools: str | None = Field(default=None, examples=["hermes", "none"], description="Long. " * 40)


@pytest.fixture(autouse=True)
def every(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(options.MODELS, "every", Every)


def meant(**values: Any) -> dict[str, Any]:
    shown = {name: options.shown("every", name, None) for name in options.names("every")}
    return options.meant("every", list((shown | values).values()))


def test_the_common_ones_come_first() -> None:
    assert options.names("every")[:3] == ("dtype", "max_model_len", "share")
    assert set(options.names("vllm")) == set(VllmOptions.model_fields)


def test_a_type_decides_what_a_field_is() -> None:
    fields = {name: options.component("every", name) for name in options.names("every")}
    assert isinstance(fields["caching"], gr.Checkbox)
    assert [isinstance(fields[name], gr.Dropdown) for name in ("dtype", "eager", "cache")] == [True] * 3
    assert fields["dtype"].choices == [("Automatic", "unset"), ("auto", "auto"), ("float16", "float16")]
    assert fields["cache"].choices == [("auto", "auto"), ("fp8", "fp8")]
    assert fields["tools"].choices == [("Automatic", "unset"), ("hermes", "hermes"), ("none", "none")]
    assert fields["tools"].allow_custom_value
    assert "sv-wide" in fields["tools"].elem_classes
    assert (fields["dtype"].label, fields["share"].label) == ("Data type", "share")
    assert fields["workers"].value == "1"


def test_the_help_says_the_meaning_and_the_limits() -> None:
    helps = {name: options.help_of(Every.model_fields[name]) for name in Every.model_fields}
    assert helps["max_model_len"] == "Context. 16 to 10,000,000."
    assert helps["share"] == "Above 0, up to 1."
    assert helps["workers"] == "At least 1."
    assert helps["extra"] == "Further ones. One a line."


def test_help_is_shown_as_it_is_written() -> None:
    assert options.literal("fp8_per_token <b> [x](y) `z`") == r"fp8\_per\_token \<b\> \[x\](y) \`z\`"
    assert r"Long" in options.component("every", "tools").info


def test_what_nobody_has_touched_is_no_option() -> None:
    assert meant() == {}


def test_values_mean_what_they_say() -> None:
    said = {"dtype": "auto", "max_model_len": " 2,048 ", "share": "0.9", "workers": "2", "caching": False}
    said |= {"eager": "off", "cache": "fp8", "extra": "--a 1\n\n --b 2", "parser": "hermes", "tools": "none"}
    wanted: dict[str, Any] = said | {"max_model_len": 2048, "share": 0.9, "workers": 2, "eager": False}
    assert meant(**said) == wanted | {"extra": ["--a 1", "--b 2"]}
    Every.model_validate(meant(**said))


def test_a_stored_value_is_shown_so_that_it_means_the_same() -> None:
    stored = {
        "dtype": "float16",
        "max_model_len": 512,
        "eager": True,
        "extra": ["--a 1"],
        "caching": False,
        "workers": 3,
    }
    shown = {name: options.shown("every", name, value) for name, value in stored.items()}
    assert meant(**shown) == stored


def test_what_is_wrong_is_said_by_field() -> None:
    found = options.problems("every", meant(max_model_len="a lot", share="7", parser="A", workers="0"))
    assert set(found) == {"max_model_len", "share", "parser", "workers"}
    assert found["share"] == "Must be less than or equal to 1."
    assert "valid integer" in found["max_model_len"]
    assert options.problems("every", {"nothing": 1}) == {"": "Extra inputs are not permitted."}


def test_a_mark_and_a_proposal_leave_the_value_alone() -> None:
    marked, proposed = options.marked("every", "share", "Too much."), options.proposed("every", "share", 0.9)
    assert "value" not in marked
    assert marked["info"].startswith("Too much. ")
    assert options.WRONG in marked["elem_classes"]
    assert (proposed["placeholder"], "value" in proposed) == ("0.9", False)
