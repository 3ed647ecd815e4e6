"""A model hub on this machine: `python -m tests.engine.models.fake_hub FOLDER` serves FOLDER/OWNER/NAME.

Speaks as much of the hub's HTTP as its client uses: a repository's files, and each file at a commit, whole or by range.
Weights count as LFS files, with their sha256. A repository with a file named `gated`, `broken` or `lying` behaves so;
one with `terms` is described to everybody, as a real gated one is, and its files are for those with a token. A search
gives those whose name holds the text.
"""

import hashlib
import json
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(BaseHTTPRequestHandler):
    root: Path

    def do_GET(self) -> None:
        self.answer(body=True)

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def answer(self, body: bool) -> None:
        path = self.path.partition("?")[0].strip("/").split("/")
        api = path[:2] == ["api", "models"]
        if path == ["api", "models"]:
            return self.send(200, json.dumps(self.matching()).encode(), {"content-type": "application/json"}, body)
        owner, name, *remaining = path[2:] if api else path
        repo = self.root / owner / name
        if not repo.is_dir():
            self.refuse(404, "RepoNotFound")
        elif (repo / "gated").exists():
            self.refuse(403, "GatedRepo")
        elif (repo / "broken").exists():
            self.refuse(500, "")
        elif api:
            # .../models/OWNER/NAME[/revision/REV] and .../tree/REV
            files = [described(file) for file in sorted(repo.iterdir()) if file.name != "lying"]
            facts = {"sha": COMMIT, "siblings": files, "gated": "manual" if (repo / "terms").exists() else False}
            reply = files if remaining[:1] == ["tree"] else {"id": f"{owner}/{name}", **facts}
            self.send(200, json.dumps(reply).encode(), {"content-type": "application/json"}, body)
        elif (repo / "terms").exists() and not self.headers.get("authorization"):
            self.refuse(401, "GatedRepo")
        else:
            self.send_file(repo / remaining[-1], body)
        return None

    def matching(self) -> list[dict[str, object]]:
        """What a search answers: ids with figures, as real ones have them."""
        text = parse_qs(self.path.partition("?")[2]).get("search", [""])[0].lower()
        ids = sorted(f"{repo.parent.name}/{repo.name}" for repo in self.root.glob("*/*"))
        facts = {"downloads": 1234, "likes": 5, "tags": ["license:mit"], "lastModified": "2026-11-01T10:00:00.000Z"}
        weights = {"parameters": {"F32": 712}, "total": 712}
        return [{"id": id, **facts, "safetensors": weights, "gated": False} for id in ids if text in id.lower()]

    def send_file(self, file: Path, body: bool) -> None:
        if not file.is_file():
            return self.refuse(404, "EntryNotFound")
        content = file.read_bytes()
        if (file.parent / "lying").exists() and file.suffix == ".safetensors":
            content = bytes(len(content))
        headers = {"etag": f'"{digest(file)}"', "x-repo-commit": COMMIT}
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("range") or "")
        if asked and not (file.parent / "deaf").exists():  # a server may send the whole file all the same
            return self.send(206, content[int(asked[1]) : int(asked[2]) + 1], headers, body)
        self.send(200, content, headers, body)
        return None

    def refuse(self, status: int, code: str) -> None:
        self.send(status, b"", {"x-error-code": code} if code else {}, body=True)

    def send(self, status: int, content: bytes, headers: dict[str, str], body: bool) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """One line a request, on standard error, so that a test can tell what was fetched."""
        token = "token" if self.headers.get("authorization") else "open"
        sys.stderr.write(f"{self.command} {self.path} {token}\n")
        sys.stderr.flush()


def described(file: Path) -> dict[str, object]:
    size = file.stat().st_size
    entry: dict[str, object] = {
        "rfilename": file.name,
        "path": file.name,
        "type": "file",
        "size": size,
        "oid": "0" * 40,
    }
    entry["blobId"] = "0" * 40
    if file.suffix == ".safetensors":
        entry["lfs"] = {"sha256": digest(file), "oid": digest(file), "size": size, "pointerSize": 130}
    return entry


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


if __name__ == "__main__":
    Hub.root = Path(sys.argv[1])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()
