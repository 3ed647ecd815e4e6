"""Spares the imports of torch, transformers and TRL what costs seconds and changes nothing.

Python's collector would look through a million new objects that stay, again and again. There is no scipy meanwhile, or
transformers would import all of its optimisers for losses on pictures. transformers reads the three thousand files of
its models twice, to learn their names; the second time it gets what the first one read, which looks at the end of each
file and not at all of its lines. And TRL asks which package every module belongs to, which looks at each installed
file, to learn it of two: a package with the module's own name is looked at alone, and all of them only when somebody
wants to know it of another module.
"""

import contextlib
import gc
import importlib.metadata
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

READER, READS, EXPORTS = "transformers.utils.import_utils", "create_import_structure_from_path", "fetch__all__"
Names = dict[Any, Any]  # of folders, modules and what they export, as `_LazyModule` takes them


@contextlib.contextmanager
def importing() -> Iterator[None]:
    """For the block that imports. Whoever needs scipy finds it afterwards."""
    without_scipy = "scipy" not in sys.modules
    if without_scipy:
        sys.modules["scipy"] = None  # type: ignore[assignment]  # Python: "not there"
    asked, finder = importlib.metadata.packages_distributions, ReadOnce()
    importlib.metadata.packages_distributions = lambda: PackagesWhenAsked(asked)
    sys.meta_path.insert(0, finder)
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
        sys.meta_path.remove(finder)
        importlib.metadata.packages_distributions = asked
        if without_scipy:
            del sys.modules["scipy"]


class PackagesWhenAsked(Mapping[str, list[str]]):
    """What importlib.metadata.packages_distributions gives, found out when it is asked for.

    Of a module whose package has its name the packages that only share its namespace are left out.
    """

    def __init__(self, ask: Callable[[], Mapping[str, list[str]]]) -> None:
        self._ask = ask

    @cached_property
    def _packages(self) -> Mapping[str, list[str]]:
        return self._ask()

    def __getitem__(self, module: str) -> list[str]:
        return [own] if (own := _package_of_same_name(module)) else self._packages[module]

    def __iter__(self) -> Iterator[str]:
        return iter(self._packages)

    def __len__(self) -> int:
        return len(self._packages)


def _package_of_same_name(module: str) -> str | None:
    try:
        package = importlib.metadata.distribution(module)
    except importlib.metadata.PackageNotFoundError:
        return None
    files = (package.read_text("RECORD") or "").splitlines()
    return package.name if any(line.startswith(f"{module}/__init__.py,") for line in files) else None


class ReadOnce(MetaPathFinder):
    """Finds the module of transformers that reads its models' files, and has it remember a folder it has read."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != READER:
            return None
        spec = PathFinder.find_spec(fullname, path)
        if spec is not None and spec.loader is not None:
            spec.loader = _Remembering(spec.loader)
        return spec


class _Remembering(Loader):
    def __init__(self, real: Loader) -> None:
        self._real = real

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._real.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._real.exec_module(module)
        for name, better in ((READS, remembering), (EXPORTS, exported)):
            if name in vars(module):
                vars(module)[name] = better(vars(module)[name])


def remembering(read: Callable[[str], Names]) -> Callable[[str], Names]:
    """The same function of a folder, or of a file in it, which reads a folder once. Each caller gets a copy."""
    known: dict[str, Names] = {}
    reading = False

    def read_once(path: Any) -> Names:
        nonlocal reading
        folder = os.path.dirname(path) if os.path.isfile(path) else os.fspath(path)
        if reading:  # it asks itself for each folder within: a part of what is remembered
            return read(folder)
        if folder not in known:
            reading = True
            try:
                known[folder] = read(folder)
            finally:
                reading = False
        return _copied(known[folder])

    return read_once


def _copied(names: Any) -> Any:
    """Dictionaries, sets and lists of texts, in a hundredth of the time that deepcopy takes for any object there is."""
    if isinstance(names, dict):
        return {key: _copied(value) for key, value in names.items()}
    return type(names)(names) if isinstance(names, set | list) else names


def exported(read: Callable[[str], list[str]]) -> Callable[[str], list[str]]:
    """The same function of a module's text, which reads the lines from its last `__all__` on instead of all lines."""

    def read_end(text: str) -> list[str]:
        at = text.rfind("\n__all__") + 1
        return read(text[at:]) if at or text.startswith("__all__") else []

    return read_end
