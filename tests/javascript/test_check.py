"""The static check of the scripts finds the mistakes it is there for."""

import json
from pathlib import Path

import pytest

from tests.javascript import check

BODY = '(() => {\n  const tunesmith = window.tunesmith;\n  document.title = "x";\n  %s\n})();\n'
MISTAKES = {
    "tunesmith.refesh();": "Property 'refesh' does not exist on type 'Tunesmith'",
    "colour = tunesmith.dark();": "Cannot find name 'colour'",
    "document.querySelector('button').valeu = '';": "Property 'valeu' does not exist",
    "tunesmith.poll(document.body, async (get) => get('/api/runs'));": "is not assignable to type 'number'",
}


@pytest.fixture(scope="session", autouse=True)
def programs() -> None:
    check.install()


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_a_script_is_found(mistake: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    script, project = tmp_path / "wrong.js", tmp_path / "tsconfig.json"
    script.write_text(BODY % mistake)
    files = [str(script), str(check.HERE / "globals.d.ts")]
    project.write_text(json.dumps({"extends": str(check.HERE / "tsconfig.json"), "include": [], "files": files}))
    assert check.types(project) != 0
    assert MISTAKES[mistake] in capfd.readouterr().out


def test_a_function_that_is_too_long_is_found(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    lines = "    document.title += 'x';\n" * 45
    (tmp_path / "long.js").write_text(BODY % f"document.title = (() => {{\n{lines}    return '';\n  }}).name;")
    assert check.style(tmp_path) != 0
    assert "max-lines-per-function" in capfd.readouterr().out


def test_the_studios_own_scripts_have_none() -> None:
    assert (check.types(), check.style()) == (0, 0)
