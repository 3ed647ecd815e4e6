"""HTML with gaps: filled in as `Markup.format` does it, and escaped as it does."""

import pytest
from markupsafe import Markup

from pages.parts.filling import filled

HOSTILE = "<img src=x onerror=alert(1)> {} %s {0.__class__} 100%"


@pytest.mark.parametrize("text", ["<b>{}</b>{}", '<i style="width:{}%">{}</i>', "{}{}"])
def test_what_is_filled_in_is_what_format_makes_of_it(text: str) -> None:
    for values in ((HOSTILE, Markup("<u>&amp;</u>")), (None, 1.5), (0, "")):
        assert filled(text, *values) == Markup(text).format(*values)
        assert type(filled(text, *values)) is Markup


def test_gaps_and_values_are_as_many() -> None:
    for values in ((), ("a", "b")):
        with pytest.raises(TypeError):
            filled("<b>{}</b>", *values)


@pytest.mark.parametrize("text", ["{:g}", "{name}", "{0}", "a { b"])
def test_a_gap_that_is_not_plain_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not plain"):
        filled(text, 1)
