"""Puts the documents into the wheel, for the Help page. Everything else about the package is in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

NOT_SHOWN = ("map.md", "architecture.md", "decisions.md")  # for who changes the code, who has a checkout


def copy_documents(build: Path) -> None:
    """Copies `docs` to where `pages.help.documents` looks for it in an installed studio."""
    target = build / "pages" / "help" / "docs"
    shutil.copytree(
        Path(__file__).parent / "docs", target, ignore=shutil.ignore_patterns(*NOT_SHOWN), dirs_exist_ok=True
    )


class WithDocuments(build_py):
    """The ordinary build of the packages, then the documents. An editable install reads those of the checkout."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            copy_documents(Path(self.build_lib))


if __name__ == "__main__":
    setup(cmdclass={"build_py": WithDocuments})
