"""A module is changed as it is imported, in its own place, and no other module is touched."""

import importlib
import sys
from pathlib import Path

import pytest

from engine.changed_import import ChangedImport


def test_one_module_is_changed_as_it_is_imported_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("turned_module", "left_module"):
        (tmp_path / f"{name}.py").write_text("VALUE = 'own'\n")
        monkeypatch.delitem(sys.modules, name, raising=False)
    finder = ChangedImport("turned_module", lambda module: vars(module).update(VALUE=f"{module.VALUE}, changed"))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])
    turned, left = (importlib.import_module(name) for name in ("turned_module", "left_module"))
    assert (turned.VALUE, left.VALUE) == ("own, changed", "own")
    assert turned.__file__ == str(tmp_path / "turned_module.py")
    for name in ("turned_module", "left_module"):
        monkeypatch.delitem(sys.modules, name)
