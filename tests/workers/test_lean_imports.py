"""Imports of torch and its like: what is spared, and that nothing else is different."""

import gc
import importlib.metadata
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from transformers.utils import import_utils

from engine.workers import lean_imports
from tests.conftest import ROOT

COUNTED = """
import builtins, importlib.metadata, json, sys
from collections import Counter
opened, asked, kept = Counter(), [], (builtins.open, importlib.metadata.packages_distributions)
def counting(file, *arguments, **options):
    opened[str(file)] += "/transformers/models/" in str(file) and str(file).endswith("/modeling_llama.py")
    return kept[0](file, *arguments, **options)
def packages():
    asked.append(1)
    return kept[1]()
builtins.open, importlib.metadata.packages_distributions = counting, packages
from engine.workers import lean_imports
from engine.workers.train import hidden_packages
hidden_packages.hide({})
with lean_imports.importing():
    from engine.workers.train import training
from transformers.utils import import_utils
names = import_utils.define_import_structure(import_utils.__file__.replace("utils/import_utils", "models/__init__"))
found = {name for modules in names.values() for name in modules}
print(json.dumps([sum(opened.values()), len(asked), "llama.modeling_llama" in found, len(found) > 500]))
"""


def test_a_training_reads_the_names_of_all_models_once_and_looks_at_no_installed_file() -> None:
    process = subprocess.run(
        [sys.executable, "-c", COUNTED], cwd=ROOT, capture_output=True, text=True, timeout=300, check=True
    )
    assert process.stdout.splitlines()[-1] == "[1, 0, true, true]"


def test_a_folder_is_read_once_and_nobody_changes_what_another_gets(tmp_path: Path) -> None:
    (tmp_path / "__init__.py").touch()
    reads: list[str] = []

    def read(folder: str) -> dict[frozenset[str], dict[str, set[str]]]:
        reads.append(folder)
        return {frozenset({"torch"}): {"modeling_llama": {"LlamaModel"}}}

    once = lean_imports.remembering(read)
    first = once(str(tmp_path))
    first[frozenset({"torch"})]["modeling_llama"].clear()
    assert once(str(tmp_path / "__init__.py")) == read("again")
    assert reads == [str(tmp_path), "again"]


def test_a_folder_within_is_read_as_a_part_of_it_and_one_asked_for_alone_by_itself(tmp_path: Path) -> None:
    models = tmp_path / "models"
    (models / "llama").mkdir(parents=True)

    def read(folder: str) -> dict[str, object]:
        return {one.name: once(str(one)) for one in Path(folder).iterdir()} or {"modeling": {"LlamaModel"}}

    once = lean_imports.remembering(read)
    assert once(str(models)) == {"llama": {"modeling": {"LlamaModel"}}}
    assert once(str(models / "llama")) == {"modeling": {"LlamaModel"}}


def test_what_a_module_exports_is_the_same_read_from_its_end() -> None:
    reader = import_utils.fetch__all__
    assert reader("x = 1\n__all__ = ['A']\n__all__ = [\n    'B',\n]\n") == ["B"]
    quick = lean_imports.exported(reader)
    files = [*Path(import_utils.__file__).parents[1].glob("models/[a-l]*/*.py"), Path(import_utils.__file__)]
    assert len(files) > 500
    for text in ("", "__all__ = ['A']", "x\n__all__ = [\n    'B',\n]\n", *map(Path.read_text, files)):
        assert quick(text) == reader(text)


def test_packages_are_looked_for_when_somebody_asks_and_only_once() -> None:
    asked: list[int] = []

    def ask() -> Mapping[str, list[str]]:
        asked.append(1)
        return {"PIL": ["pillow"]}

    packages = lean_imports.PackagesWhenAsked(ask)
    assert not asked
    assert packages["huggingface_hub"] == importlib.metadata.packages_distributions()["huggingface_hub"]
    assert not asked
    assert (packages["PIL"], packages.get("absent"), list(packages), len(packages)) == (["pillow"], None, ["PIL"], 1)
    assert asked == [1]


def test_afterwards_python_is_as_it_was_also_when_an_import_breaks() -> None:
    before = (importlib.metadata.packages_distributions, list(sys.meta_path), sys.modules.get("scipy"))

    def broken_import() -> None:
        with lean_imports.importing():
            assert not gc.isenabled()
            assert sys.meta_path != before[1]
            raise ImportError

    try:
        with pytest.raises(ImportError):
            broken_import()
        assert gc.isenabled()
        assert (importlib.metadata.packages_distributions, list(sys.meta_path), sys.modules.get("scipy")) == before
    finally:
        gc.unfreeze()
