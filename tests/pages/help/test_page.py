"""Help: every page leads to its document, links lead somewhere, the search finds, the wheel has it all."""

import re
import runpy
from pathlib import Path
from types import ModuleType

import pytest

from app.window import studio
from engine.errors import RefusedError
from pages import missing, shell, shortcuts
from pages.data import tabs as data_tabs
from pages.help import documents, markdown, page, search
from pages.parts import html, toasts
from pages.runs import tabs as run_tabs
from tests.project_map import ROOT


def shown(**query: str) -> str:
    return page.help_html({"project": "default", **query})


@pytest.mark.parametrize("module", studio.PAGES, ids=shell.page_name)
def test_every_page_has_a_document_that_its_question_mark_opens(module: ModuleType) -> None:
    name = shell.page_name(module)
    assert documents.documents()[name].path == f"guide/{name}"
    assert f'<h2 id="{name}">{module.TITLE}</h2>' in shown(page=name)


def test_the_question_mark_of_a_tab_opens_the_document_of_that_tab() -> None:
    guides = {tab.guide for tabs in (run_tabs.TABS, data_tabs.TABS) for tab in tabs.values()}
    assert {"tokens", "machine", "formats"} <= guides <= set(documents.documents())


def test_every_link_of_every_document_leads_to_a_place_that_is_there() -> None:
    texts = {name: shown(page=name) for name in documents.documents() if name != documents.INDEX}
    links = [
        (name, to or name, anchor)
        for name, text in texts.items()
        for to, anchor in re.findall(r'href="(?:/help\?page=([\w-]+))?(?:#([^"]+))?"', text)
    ]
    assert len(links) > 500
    assert [link for link in links if link[2] and f'id="{link[2]}"' not in texts[link[1]]] == []
    assert not re.findall(r'(?:href|src)="(?!/|#|https?:)[^"]*"', "".join(texts.values())), "relative to nothing"


def test_the_index_has_every_document_and_none_for_the_code() -> None:
    index = shown()
    names = set(documents.documents()) - {documents.INDEX}
    assert {name for name in names if f'href="/help?page={name}"' not in index} == set()
    assert not names & set(documents.NOT_SHOWN)
    assert 'href="/api/docs"' in index
    assert "`" not in index, "marks of Markdown, which a page does not show"


@pytest.mark.parametrize(
    ("words", "document", "heading"),
    [
        ("out of memory", "healing", "Out of memory"),
        ("how do I resume", "healing", "Resume, repeat, train further"),
        ("LoRA rank", "tuning", "Variants of LoRA"),
        ("api key", "api", "Operations: keys"),
        ("shortcuts", "help", "Shortcuts"),
    ],
)
def test_the_search_finds_what_a_person_would_ask_for(words: str, document: str, heading: str) -> None:
    best = [(hit.section.document, hit.section.heading) for hit in search.search(words)[:4]]
    assert (document, heading) in best


def test_words_are_found_at_their_beginning_and_marked() -> None:
    assert search.marked("About out, outside and without", ["out"]) == (
        "About <mark>out</mark>, <mark>out</mark>side and without"
    )
    assert "<mark>" in shown(q="gradient norm")


@pytest.mark.parametrize("words", ["<zzqx>", "(", "*", "zzqx yyqx", " ".join(["zzqx"] * 500)])
def test_a_search_for_what_is_nowhere_says_so_and_stays_text(words: str) -> None:
    text = shown(q=words)
    assert "Nothing about" in text
    assert "<zzqx" not in text


def test_a_document_that_is_not_there_is_said() -> None:
    text = shown(page="../../etc/<passwd>")
    assert "There is no document" in text
    assert "<passwd>" not in text


def test_code_tables_and_remarks_of_a_document_are_fit_for_a_page() -> None:
    text = shown(page="formats")
    assert "&lt;!--" not in text
    assert text.count("<table>") == text.count('<div class="hp-table" tabindex="0"') > 0
    assert "<h1" not in text, "the page has one of its own"


def test_headings_of_one_name_have_anchors_of_their_own() -> None:
    tokens = markdown.parsed("# Runs & more\n\n## How\n\n## How\n")
    anchors = [token.attrGet("id") for token in tokens if token.type == "heading_open"]
    assert anchors == ["runs--more", "how", "how-1"]


def test_an_error_that_names_a_document_links_to_it() -> None:
    error = RefusedError("No column <b>.", "See docs/guide/formats.md, or docs/operations.md.")
    for words in (toasts.error_html(error), str(html.notice(error.message, error.hint))):
        assert '<a class="ts-link" href="/help?page=formats">docs/guide/formats.md</a>' in words
        assert '<a class="ts-link" href="/help?page=operations">' in words
        assert "&lt;b&gt;" in words


def test_every_document_that_the_code_names_is_shown() -> None:
    names: set[str] = set()
    for layer in ("app", "pages", "engine", "storage"):
        for file in (ROOT / layer).rglob("*.py"):
            strings = re.findall(r'^(?!""").*"[^"]*(docs/[\w/-]+\.md)', file.read_text(), re.MULTILINE)
            names |= set(strings)
    assert names
    assert {name for name in names if not documents.named(name)} == set()


def test_the_sheet_has_the_letter_of_every_page() -> None:
    sheet = shortcuts.sheet(studio.PAGES)
    for module in studio.PAGES:
        assert f"<kbd>g</kbd> <kbd>{module.KEY}</kbd> </dt><dd>{module.TITLE}</dd>" in sheet


def test_an_address_with_nothing_behind_it_names_the_page_that_was_meant() -> None:
    text = missing.missing_html("/rnus/<b>", studio.PAGES)
    assert 'Did you mean <a class="ts-link" href="/runs">Runs</a>?' in text
    assert "/rnus/&lt;b&gt;" in text
    assert 'href="/">Go home</a>' in missing.missing_html("/quite/else", studio.PAGES)


def test_the_built_package_carries_every_document(tmp_path: Path) -> None:
    runpy.run_path(str(ROOT / "setup.py"))["copy_documents"](tmp_path)
    packed = {path.stem for path in (tmp_path / "pages" / "help" / "docs").rglob("*.md")}
    assert packed == set(documents.documents())
    assert (tmp_path / "pages" / "help" / "docs" / "images" / "tokens.png").is_file()
