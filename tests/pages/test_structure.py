"""What holds for every page, whoever wrote it."""

from collections import Counter
from types import ModuleType
from typing import Any

import gradio as gr
import pytest

from app.window import studio
from pages import shell
from pages.parts.icons import icon


@pytest.fixture(scope="module")
def built() -> gr.Blocks:
    return studio.build()


def components(built: gr.Blocks) -> list[dict[str, Any]]:
    configured: list[dict[str, Any]] = built.config["components"]
    return configured


def test_every_page_stands_under_its_own_route(built: gr.Blocks) -> None:
    assert [path for path, *_ in built.config["pages"]] == [page.SLUG for page in studio.PAGES]


def test_every_event_is_private(built: gr.Blocks) -> None:
    public = [event["api_name"] for event in built.config["dependencies"] if event["api_visibility"] != "private"]
    assert public == []


def test_no_tab_holds_a_connection_open(built: gr.Blocks) -> None:
    """gr.State, unload, ChatInterface and the like would: the sixth tab of the studio would never load."""
    assert built.config["connect_heartbeat"] is False
    assert not [component for component in components(built) if component["type"] in ("state", "browserstate")]


def test_nothing_polls_through_gradio(built: gr.Blocks) -> None:
    assert not [component for component in components(built) if component["type"] == "timer"]


def test_ids_are_unique_on_each_page(built: gr.Blocks) -> None:
    ids: Counter[tuple[str, str]] = Counter()
    placed = {id: page for page, parts in built.config["page"].items() for id in parts["components"]}
    for component in components(built):
        if elem_id := component["props"].get("elem_id"):
            ids[placed[component["id"]], elem_id] += 1
    assert [key for key, times in ids.items() if times > 1] == []


def test_few_sessions_are_kept(built: gr.Blocks) -> None:
    assert built.state_session_capacity == studio.SESSIONS_KEPT


@pytest.mark.parametrize("page", studio.PAGES, ids=shell.page_name)
def test_a_page_says_what_it_is(page: ModuleType) -> None:
    assert page.__doc__
    assert page.TITLE
    assert page.SUBTITLE
    assert icon(page.ICON)
    assert len(page.KEY) == 1
    assert all(callable(fragment) for fragment in page.FRAGMENTS.values())


def test_no_two_pages_share_a_key_or_a_slug() -> None:
    pages = studio.PAGES
    assert len({page.KEY for page in pages}) == len({page.SLUG for page in pages}) == len(pages)


def test_every_live_part_has_its_fragment(built: gr.Blocks) -> None:
    addresses = {f"/fragments/{shell.page_name(page)}/{name}" for page in studio.PAGES for name in page.FRAGMENTS}
    addresses |= {f"/fragments/frame/{name}" for name in shell.FRAGMENTS}
    for component in components(built):
        value = str(component["props"].get("value", ""))
        if "<ts-live" in value:
            assert value.split('src="')[1].split('"')[0] in addresses
