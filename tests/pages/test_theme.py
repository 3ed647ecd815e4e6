"""The look: Gradio's theme, and what stands first in every page's head."""

import re
from pathlib import Path

import pytest

from app import live
from app.window import look, theme


def test_the_head_decides_the_theme_before_anything_else() -> None:
    head = theme.EARLY_HEAD.decode()
    assert head.startswith("<script>")
    assert head.index("tunesmith-theme") < head.index("<link")


def test_every_style_and_script_is_in_the_head_and_there_is_no_other() -> None:
    named = set(re.findall(r"/static-tunesmith/([\w./-]+)\?v=", theme.EARLY_HEAD.decode()))
    files = (file for file in look.STATIC.rglob("*") if file.is_file())
    assert named | set(live.OWN_FILES) == {file.relative_to(look.STATIC).as_posix() for file in files}


def test_nothing_comes_from_another_server() -> None:
    assert not re.search(r"(href|src)=\"(https?:)?//", theme.EARLY_HEAD.decode())
    for file in look.STATIC.glob("*.css"):
        assert not re.search(r"url\(\"?(https?:)?//", file.read_text()), file.name


def test_a_changed_file_changes_the_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = theme.version()
    folder = tmp_path / "static"
    folder.mkdir()
    (folder / "tunesmith.css").write_text("a {}")
    monkeypatch.setattr(look, "STATIC", folder)
    theme.version.cache_clear()
    assert theme.version() != before
    theme.version.cache_clear()


def test_gradio_uses_the_studios_colours_in_light_and_dark() -> None:
    studio_theme = theme.studio_theme()
    assert studio_theme.body_background_fill == studio_theme.body_background_fill_dark == "var(--ts-ground)"
    variables = set(re.findall(r"--ts-[\w-]+", str(theme._COLOURS)))
    defined = set(re.findall(r"(--ts-[\w-]+):", (look.STATIC / "tokens.css").read_text()))
    assert variables <= defined
