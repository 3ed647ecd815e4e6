"""The datasets of a model hub on this machine: `python -m tests.engine.data.fake_hub FOLDER` prints its address.

Serves FOLDER/OWNER/NAME and takes pushes into it, as the hub's client speaks: information, files at a commit with
ranges, a repository created, files uploaded by LFS, a commit. The first part of a repository's name says what happens:
gated-, busy- (429), broken- (500), private- (401 without a token), cut- (each answer to a download stops half way,
once), lying- (as many bytes, but others). Only the token hf_writes may write.
"""

import base64
import hashlib
import json
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import yaml

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REFUSALS = {"gated": (403, "GatedRepo"), "busy": (429, ""), "broken": (500, "")}


class Hub(BaseHTTPRequestHandler):
    root: Path
    cut: ClassVar[set[str]] = set()
    stored: ClassVar[dict[str, bytes]] = {}

    def do_GET(self) -> None:
        path = self.path.partition("?")[0].strip("/").split("/")
        owner, name, *tail = path[2:] if path[0] == "api" else path[1:]
        repo = self.root / owner / name
        kind = name.partition("-")[0]
        if not repo.is_dir() or (kind == "private" and not self.headers.get("authorization")):
            self.refuse(404 if repo.is_dir() else 401, "RepoNotFound")
        elif kind in REFUSALS:
            self.refuse(*REFUSALS[kind])
        elif path[0] == "api":
            self.inform(repo, tail)
        else:
            self.send_file(repo / "/".join(tail[2:]), kind)

    def inform(self, repo: Path, tail: list[str]) -> None:
        if tail[:1] == ["revision"] and "/".join(tail[1:]) not in ("main", COMMIT, "refs%2Fconvert%2Fparquet"):
            return self.refuse(404, "RevisionNotFound")
        files = [described(path, repo) for path in sorted(repo.rglob("*")) if path.is_file()]
        name = f"{repo.parent.name}/{repo.name}"
        return self.reply({"id": name, "sha": COMMIT, "siblings": files, "cardData": card_of(repo), "private": True})

    def send_file(self, file: Path, kind: str) -> None:
        if not file.is_file():
            return self.refuse(404, "EntryNotFound")
        content = file.read_bytes() if kind != "lying" else bytes(file.stat().st_size)
        range_match = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("range", ""))
        first_byte, last_byte = (int(range_match[1]), int(range_match[2] or -1)) if range_match else (0, -1)
        part = content[first_byte : last_byte + 1 or None]
        self.send_response(206 if range_match else 200)
        if range_match:
            last_sent = first_byte + len(part) - 1
            self.send_header("content-range", f"bytes {first_byte}-{last_sent}/{len(content)}")
        self.send_header("content-length", str(len(part)))
        self.end_headers()
        first = kind == "cut" and self.path not in self.cut
        self.cut.add(self.path)
        self.wfile.write(part[: len(part) // 2] if first else part)
        self.close_connection = True
        return None

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        path = self.path.partition("?")[0].strip("/").split("/")
        if self.headers.get("authorization") != "Bearer hf_writes":
            return self.refuse(403 if self.headers.get("authorization") == "Bearer hf_reads_only" else 401, "")
        if path[-2:] == ["repos", "create"]:
            request = json.loads(body)
            repo = self.root / (request["organization"] or "me") / request["name"]
            repo.mkdir(parents=True)
            return self.reply({"url": f"{self.address()}/datasets/{request['organization']}/{request['name']}"})
        if path[-1] == "validate-yaml":
            return self.reply({"errors": [], "warnings": []})
        if path[-1] == "batch":
            return self.reply(
                {"transfer": "basic", "objects": [self.upload(item) for item in json.loads(body)["objects"]]}
            )
        if "preupload" in path:
            return self.reply({"files": [mode(file) for file in json.loads(body)["files"]]})
        return self.commit(self.root / path[2] / path[3], body)

    def do_PUT(self) -> None:
        size = int(self.headers["content-length"])
        self.stored[self.path.rpartition("/")[2]] = self.rfile.read(size)
        self.reply({})

    def upload(self, item: dict[str, Any]) -> dict[str, Any]:
        return {**item, "actions": {"upload": {"href": f"{self.address()}/lfs/{item['oid']}"}}}

    def commit(self, repo: Path, body: bytes) -> None:
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                write(repo / value["path"], base64.b64decode(value["content"]))
            elif line["key"] == "lfsFile":
                write(repo / value["path"], self.stored[value["oid"]])
        url = f"{self.address()}/datasets/{repo.parent.name}/{repo.name}"
        self.reply({"commitUrl": f"{url}/commit/{COMMIT}", "commitOid": COMMIT})

    def address(self) -> str:
        return f"http://{self.headers['host']}"

    def reply(self, value: Any) -> None:
        content = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        if code:
            self.send_header("x-error-code", code)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """One line a request, on standard error, so that a test can tell what was asked."""
        token = "token" if self.headers.get("authorization") else "open"
        sys.stderr.write(f"{self.command} {self.path} {token} {self.headers.get('range') or ''}\n")
        sys.stderr.flush()


def described(file: Path, repo: Path) -> dict[str, Any]:
    content = file.read_bytes()
    entry: dict[str, Any] = {"rfilename": str(file.relative_to(repo)), "size": len(content), "blobId": "0" * 40}
    if file.suffix == ".parquet":
        entry["lfs"] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 130}
    return entry


def card_of(repo: Path) -> dict[str, Any] | None:
    text = (repo / "README.md").read_text() if (repo / "README.md").exists() else ""
    head = text.split("---\n")[1] if text.startswith("---\n") else ""
    return yaml.safe_load(head) if head else None


def mode(file: dict[str, Any]) -> dict[str, Any]:
    mode_name = "lfs" if file["path"].endswith(".parquet") else "regular"
    return {"path": file["path"], "uploadMode": mode_name, "shouldIgnore": False}


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


if __name__ == "__main__":
    Hub.root = Path(sys.argv[1])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()
