"""A server that says what a test tells it to, byte by byte: outside servers need not speak HTTP well, or soon."""

import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n"
EVENTS = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
LIST = b'{"data": [{"id": "big"}]}'
Say = Callable[[bytes], bool]  # sends; False when nobody listens any more
Script = Callable[[Say, threading.Event], None]


def text(answer: bytes) -> Script:
    """Says it, and closes the connection."""

    def script(say: Say, over: threading.Event) -> None:
        say(answer)

    return script


def drip(before: bytes, drop: bytes = b"x", pause: float = 0.05) -> Script:
    """Says the beginning, then a drop at a time, for ever."""

    def script(say: Say, over: threading.Event) -> None:
        listened = say(before)
        while listened and not over.wait(pause):
            listened = say(drop)

    return script


def silent(say: Say, over: threading.Event) -> None:
    """Says nothing, and keeps the connection."""
    over.wait(60)


def flood(before: bytes, piece: bytes, pieces: int) -> Script:
    """Says the beginning, then so many pieces."""

    def script(say: Say, over: threading.Event) -> None:
        listened = say(before)
        for _ in range(pieces):
            listened = listened and say(piece)

    return script


@contextmanager
def hostile(scripts: dict[str, Script]) -> Iterator[str]:
    """Answers each path by its script, below /v1 or, with a slash first, below the root; gives the address of /v1.

    A path without a script is not found.
    """
    over = threading.Event()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            words = self.rfile.readline().decode("latin-1").split()
            length = 0
            while (line := self.rfile.readline().strip().lower()) != b"":
                if line.startswith(b"content-length:"):
                    length = int(line.partition(b":")[2])
            self.rfile.read(length)
            script = scripts.get(words[1].removeprefix("/v1/")) or scripts.get(words[1], text(NOT_FOUND))
            script(self.say, over)

        def say(self, part: bytes) -> bool:
            try:
                self.connection.sendall(part)
            except OSError:
                return False
            return True

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        request_queue_size = 50

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        finally:
            over.set()
            server.shutdown()
            thread.join()
