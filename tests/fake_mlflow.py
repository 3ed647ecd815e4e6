"""The part of MLflow's REST API that reporting a run needs; remembers what it was sent."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

INFO: dict[str, Any] = {
    "run_id": "r1",
    "experiment_id": "7",
    "status": "RUNNING",
    "start_time": 1,
    "artifact_uri": "x:",
}
Sent = list[tuple[str, dict[str, Any], str]]  # route, body, the Authorization header


@contextmanager
def fake_mlflow() -> Iterator[tuple[str, Sent]]:
    """Its address, and everything that arrives there."""
    requests: Sent = []

    class Routes(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if "/runs/get" in self.path:
                self._answer({"run": {"info": INFO, "data": {}}})
            else:
                self._answer({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "none yet"}, 404)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            route = self.path.partition("/mlflow/")[2]
            requests.append((route, body, self.headers.get("Authorization", "")))
            answers: dict[str, dict[str, Any]] = {
                "experiments/create": {"experiment_id": "7"},
                "runs/create": {"run": {"info": INFO}},
            }
            self._answer(answers.get(route, {"run_info": INFO}))

        def _answer(self, body: dict[str, Any], code: int = 200) -> None:
            text = json.dumps(body).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            """Nothing on the test's output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Routes)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", requests
    finally:
        server.shutdown()
        server.server_close()
