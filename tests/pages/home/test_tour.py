"""The tour is offered while the studio is empty, and never again after that."""

from pages.home import page
from tests import stored_runs

QUERY = {"project": "default"}


def test_the_tour_is_offered_on_an_empty_home_only() -> None:
    assert 'data-tour-act="start"' in page.home_html(QUERY)
    stored_runs.add("first")
    assert "data-tour-act" not in page.home_html(QUERY)
