"""Makes a home as a released version leaves it when the machine is switched off in the middle of everything.

Run it in a checkout of that version, with its requirements installed: `python .../tests/homes/make.py FOLDER`.
It starts the studio of the checkout, asks for everything over REST, kills all of it at once and packs what is on the
disk, with that version's shim, into FOLDER/VERSION.tar.xz. That takes about a minute and needs no network.
"""

import contextlib
import hashlib
import io
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx

T = TypeVar("T")
TOKEN = "the-token-of-a-home-that-is-made"
ROOT = "/root-of-the-old-home"  # what stands in the archive for the folder in which the home and its model were
ENVIRONMENT = "/environment-of-the-old-home"  # and for the folder of its Python
TEXTS = ("*.json", "*.jsonl", "*.log", "*.md")
FOLLOWED = ("run", "dataset", "model", "backend", "work")  # tables that know how far events.jsonl was read
RECIPE = {"learning_rate": 5e-3, "lora_r": 2, "max_length": 64, "per_device_train_batch_size": 2, "logging_steps": 1}
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def main(target: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        make_model(root / "tiny")
        version = leave(root)
        relocate(root, str(root), ROOT)
        relocate(root, sys.prefix, ENVIRONMENT)
        pack(root, Path.cwd(), target / f"{version}.tar.xz")


def make_model(folder: Path) -> None:
    """A random Llama of 20,000 weights that reads bytes."""
    import torch  # noqa: PLC0415  (the tests import this module only to open a home)
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers  # noqa: PLC0415
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast  # noqa: PLC0415

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = Tokenizer(models.BPE(vocab={letter: index for index, letter in enumerate(letters)}, merges=[]))
    words.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    words.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, bos_token="<|im_start|>", eos_token="<|im_end|>", pad_token="<|endoftext|>"
    )
    tokenizer.chat_template = TEMPLATE
    tokenizer.model_max_length = 128
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    marks = {name: getattr(tokenizer, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    config = LlamaConfig(vocab_size=len(tokenizer), max_position_embeddings=128, **marks, **shape)
    LlamaForCausalLM(config).save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)


def leave(root: Path) -> str:
    """Fills `root`/home, kills everything that works there, and returns the version that did."""
    env = os.environ | {"TUNESMITH_HOME": str(root / "home"), "TUNESMITH_TOKEN": TOKEN, "OMP_NUM_THREADS": "1"}
    with (root / "output").open("w") as output:
        argv = [sys.executable, "-m", "app", "serve", "--no-browser", "--port", "0"]
        studio = subprocess.Popen(argv, env=env, stdout=output, stderr=output)
    try:
        address = wait_for(lambda: re.search(r"http://[^/\s]+", (root / "output").read_text()))[0]
        with httpx.Client(base_url=address, headers={"authorization": f"Bearer {TOKEN}"}, timeout=60) as client:
            fill(client, root)
            version = str(client.get("/api/health").json()["version"])
    finally:
        studio.kill()
        studio.wait()
        for pid in working(root / "home"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    (root / "output").unlink()
    add_chat(root / "home")
    return version


def fill(client: httpx.Client, root: Path) -> None:
    """Something of each kind that has ended, and something that is in the middle: stopped, so that it stays there."""
    model = ask(client, "/api/models", {"source": "path", "id": str(root / "tiny")})
    dataset = add_dataset(client, "sums", 40)
    settled(client, f"/api/datasets/{dataset}", "ready")
    recipe = RECIPE | {"model_id": model, "dataset_id": dataset}
    ended = ask(client, "/api/runs", {"name": "ended", "recipe": recipe | {"max_steps": 12, "save_steps": 4}})
    settled(client, f"/api/runs/{ended}", "succeeded")
    endpoint = ask(client, f"/api/runs/{ended}/serve", {})
    settled(client, f"/api/endpoints/{endpoint}", "ready")
    long = recipe | {"max_steps": 60, "save_steps": 5}
    running = ask(client, "/api/runs", {"name": "in the middle", "recipe": long})
    wait_for(lambda: any((root / "home/runs" / running / "checkpoints/checkpoint-10").glob("manifest.json")), 0.002)
    pause(root / "home/runs" / running)
    settled(client, f"/api/runs/{running}", "running")
    ask(client, "/api/runs", {"name": "waiting", "recipe": recipe | {"max_steps": 2}})
    importing = add_dataset(client, "half imported", 4000)
    pause(root / "home/datasets" / importing)
    client.post(f"/api/datasets/{dataset}/tokens/totals", json={"model_id": model}).raise_for_status()
    pause(wait_for(lambda: work_folder(root / "home", "token_totals"), 0.002))
    time.sleep(2.5)  # the studio has looked at all of it once more


def ask(client: httpx.Client, path: str, body: dict[str, Any]) -> str:
    """The id of what was made."""
    return str(client.post(path, json=body).raise_for_status().json()["id"])


def add_dataset(client: httpx.Client, name: str, rows: int) -> str:
    lines = [json.dumps({"prompt": f"What is {n} plus {n}?", "completion": f"{2 * n}."}) for n in range(rows)]
    files = {"file": (f"{name}.jsonl", "\n".join(lines).encode())}
    return str(client.post("/api/datasets", files=files, data={"name": name}).raise_for_status().json()["id"])


def settled(client: httpx.Client, path: str, status: str) -> None:
    def reached() -> bool:
        answer = client.get(path).json()
        assert answer["status"] not in ("failed", "interrupted"), answer
        return bool(answer["status"] == status)

    wait_for(reached)


def pause(folder: Path) -> None:
    """Stops the worker in this folder where it is."""

    def worker() -> int | None:
        with contextlib.suppress(OSError, ValueError):
            pid: int | None = json.loads((folder / "shim.json").read_text()).get("worker")
            return pid
        return None

    os.kill(wait_for(worker, 0.002), signal.SIGSTOP)


def work_folder(home: Path, kind: str) -> Path | None:
    with contextlib.closing(sqlite3.connect(home / "studio.db")) as database:
        row = database.execute("select id from work where kind = ?", (kind,)).fetchone()
    return home / "work" / str(row[0]) if row else None


def working(home: Path) -> list[int]:
    """Every shim and worker that was ever started in this home."""
    records = [json.loads(path.read_text()) for path in home.glob("*/*/shim.json")]
    return [record[role] for record in records for role in ("shim", "worker") if role in record]


def wait_for(condition: Callable[[], T | None], every: float = 0.05) -> T:
    deadline = time.monotonic() + 300
    while not (met := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(condition)
        time.sleep(every)
    return met


def add_chat(home: Path) -> None:
    """The one thing REST cannot make."""
    with contextlib.closing(sqlite3.connect(home / "studio.db")) as database, database:
        database.execute("insert into chat values ('0123456789ab', 'default', 'Hello', 1.0)")
        turns = [("user", "Hello"), ("tuned", "Hello you"), ("base", "Goodbye")]
        columns = "insert into message (chat_id, side, model, content, complete, created_at)"
        for side, words in turns:
            database.execute(f"{columns} values ('0123456789ab', ?, 'ended', ?, 1, 1.0)", (side, words))


def relocate(root: Path, before: str, after: str) -> None:
    """Writes `after` wherever `before` stands: in the database, and in text files with what is noted about them."""
    old, new = before.encode(), after.encode()
    with contextlib.closing(sqlite3.connect(root / "home/studio.db")) as database, database:
        for table in FOLLOWED:
            for id, offset in database.execute(f"select id, events_offset from {table}").fetchall():
                for events in (root / "home").glob(f"*/{id}/events.jsonl"):
                    moved = len(events.read_bytes()[:offset].replace(old, new))
                    database.execute(f"update {table} set events_offset = ? where id = ?", (moved, id))
        for table, column in text_columns(database):
            database.execute(f"update {table} set {column} = replace({column}, ?, ?)", (before, after))
    for path in [path for pattern in TEXTS for path in root.rglob(pattern)]:
        if old in (content := path.read_bytes()):
            path.write_bytes(content.replace(old, new))
            note(path)


def text_columns(database: sqlite3.Connection) -> list[tuple[str, str]]:
    columns = "select t.name, c.name from sqlite_master t join pragma_table_info(t.name) c where t.type = 'table'"
    return database.execute(f"{columns} and (c.type like '%CHAR%' or c.type in ('JSON', 'TEXT'))").fetchall()


def note(changed: Path) -> None:
    """A checkpoint's manifest knows the size and the hash of its files."""
    manifest = changed.parent / "manifest.json"
    if manifest.exists():
        noted, content = json.loads(manifest.read_text()), changed.read_bytes()
        noted["files"][changed.name] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        manifest.write_text(json.dumps(noted))


def pack(root: Path, checkout: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(target, "w:xz", preset=9) as archive:
        for path in sorted(root.rglob("*")):
            if path.is_file() and not path.is_symlink():
                archive.add(path, str(path.relative_to(root)), filter=of_nobody)
        archive.add(next(checkout.glob("engine/**/shim.py")), "shim.py", filter=of_nobody)
    print(f"{target}: {target.stat().st_size:,} bytes")


def of_nobody(file: tarfile.TarInfo) -> tarfile.TarInfo:
    file.uid = file.gid = 0
    file.uname = file.gname = ""
    return file


def unpack(archive: Path, root: Path) -> Path:
    """Lays the old home out under `root`, as if it had been made there, and returns it."""
    with tarfile.open(fileobj=io.BytesIO(archive.read_bytes())) as packed:
        packed.extractall(root, filter="data")
    relocate(root, ROOT, str(root))
    relocate(root, ENVIRONMENT, sys.prefix)
    return root / "home"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
