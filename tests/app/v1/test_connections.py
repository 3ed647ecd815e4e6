"""Connections to backends: used again when an answer has come whole, and never when more or less came."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from app.v1 import answers, connections
from app.v1.answers import Answer, BrokenOffError, UnreachedError
from app.v1.connections import Server

T = TypeVar("T")
MIB = 1 << 20
JSON = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
WHOLE = JSON + b"content-length: 2\r\n\r\n{}"
EVENTS = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


class Backend:
    """Says one thing after the other, one to each question; None ends the connection."""

    def __init__(self, *says: list[bytes] | None) -> None:
        self.says = list(says)
        self.connections = 0
        self.heard: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:"))
                self.heard.append(head + await reader.readexactly(length))
                if (said := self.says.pop(0)) is None:
                    break
                for piece in said:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()


def beside(folder: Path, backend: Backend, work: Callable[[Server], Awaitable[T]]) -> T:
    """What `work` answers while the backend listens."""

    async def run() -> T:
        path = str(folder / "s")
        async with await asyncio.start_unix_server(backend.serve, path):
            result = await work(connections.server(f"unix:{path}"))
            await connections.close_all()
            return result

    return asyncio.run(run())


async def ask(server: Server, quiet_seconds: float | None = None, fresh: bool = False) -> Answer:
    answer = await server.ask("chat/completions", {}, b"{}", quiet_seconds, fresh)
    await answer.head()
    return answer


async def read(server: Server) -> bytes | None:
    return await (await ask(server)).read(MIB)


def test_a_connection_is_used_again_after_an_answer_that_came_whole(tmp_path: Path) -> None:
    chunked = JSON + b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    interim = b"HTTP/1.1 100 Continue\r\n\r\n" + WHOLE
    in_drops = [bytes([byte]) for byte in chunked]
    backend = Backend([WHOLE], in_drops, [interim], [WHOLE[:20], WHOLE[20:]])

    async def work(server: Server) -> list[bytes | None]:
        return [await read(server) for _ in range(4)]

    assert beside(tmp_path, backend, work) == [b"{}"] * 4
    assert backend.connections == 1
    assert backend.heard[0].startswith(b"POST /v1/chat/completions HTTP/1.1\r\nhost: backend\r\n")


@pytest.mark.parametrize(
    "said",
    [
        WHOLE + b"more",  # nobody has asked for that
        WHOLE.replace(b"200 OK\r\n", b"200 OK\r\nconnection: close\r\n"),
        WHOLE.replace(b"1.1", b"1.0"),
    ],
)
def test_a_connection_with_more_on_it_or_that_is_to_end_is_not_used_again(tmp_path: Path, said: bytes) -> None:
    backend = Backend([said], [WHOLE])

    async def work(server: Server) -> list[bytes | None]:
        return [await read(server), await read(server)]

    assert beside(tmp_path, backend, work) == [b"{}", b"{}"]
    assert backend.connections == 2


@pytest.mark.parametrize(
    "said", [[JSON + b"content-length: 9\r\n\r\n{}"], [EVENTS + b"5\r\ndata:"], [WHOLE[:30]], [b"\x00"]]
)
def test_an_answer_that_ends_too_soon_is_broken_off_and_one_that_never_began_may_be_asked_again(
    tmp_path: Path, said: list[bytes]
) -> None:
    class Ending(Backend):
        async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n{}")
            writer.writelines(self.says.pop(0) or [])
            writer.close()

    async def work(server: Server) -> None:
        with pytest.raises(BrokenOffError):
            async for _ in (await ask(server)).pieces():
                pass
        with pytest.raises(UnreachedError):
            await ask(server)

    beside(tmp_path, Ending(said, None), work)


def test_a_stream_that_nobody_reads_does_not_fill_the_memory(tmp_path: Path) -> None:
    piece = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    backend = Backend([EVENTS, *[piece] * 320, b"0\r\n\r\n"])

    async def work(server: Server) -> tuple[int, int]:
        answer = await ask(server)
        most = 0
        for _ in range(50):
            await asyncio.sleep(0.002)
            most = max(most, answer.size)
        return most, sum([len(each) async for each in answer.pieces()])

    most, read_in_all = beside(tmp_path, backend, work)
    assert 0 < most <= answers.PAUSE_BYTES + MIB
    assert read_in_all == 320 * 65_536


def test_a_stream_that_falls_silent_fails_in_time_and_its_connection_is_not_used_again(tmp_path: Path) -> None:
    backend = Backend([EVENTS + b"1\r\nx\r\n"], [WHOLE])

    async def work(server: Server) -> bytes | None:
        answer = await ask(server, quiet_seconds=0.1)
        with pytest.raises(TimeoutError):
            async for _ in answer.pieces():
                pass
        return await read(server)

    assert beside(tmp_path, backend, work) == b"{}"
    assert backend.connections == 2


def test_an_unused_connection_is_closed_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "IDLE_SECONDS", 0.05)
    backend = Backend([WHOLE], [WHOLE])

    async def work(server: Server) -> None:
        await read(server)
        while server.free:
            await asyncio.sleep(0.01)
        await read(server)

    beside(tmp_path, backend, work)
    assert backend.connections == 2
