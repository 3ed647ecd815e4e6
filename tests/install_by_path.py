"""`deploy/install.py` as a module: it belongs to no package, as it runs before anything is installed."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from typing import Any

from tests.project_map import ROOT


def load() -> Any:
    spec = spec_from_file_location("install", ROOT / "deploy" / "install.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    sys.modules["install"] = module  # its dataclasses look their module up
    spec.loader.exec_module(module)
    return module
