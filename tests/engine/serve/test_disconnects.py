"""Work for a client: its result, or an end to it when the client goes away."""

import asyncio
from typing import Any

import pytest

from engine.serve import disconnects
from engine.serve.disconnects import HungUpError, while_connected


async def gone() -> dict[str, Any]:
    return {"type": "http.disconnect"}


async def stays() -> dict[str, Any]:
    await asyncio.sleep(60)
    return {}


async def endless(ended: list[str]) -> None:
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        ended.append("cancelled")
        raise


@pytest.fixture(autouse=True)
def watched_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disconnects, "UNWATCHED_SECONDS", 0.01)


def test_work_is_cancelled_when_its_client_goes_away_and_the_task_goes_on() -> None:
    async def run() -> tuple[list[str], int]:
        ended: list[str] = []
        with pytest.raises(HungUpError):
            await while_connected(gone, endless(ended))
        task = asyncio.current_task()
        assert task is not None
        await asyncio.sleep(0)  # would raise if the task were still to be cancelled
        return ended, task.cancelling()

    assert asyncio.run(run()) == (["cancelled"], 0)


def test_work_that_is_done_gives_its_result_and_its_own_errors_are_its_own() -> None:
    async def fails() -> None:
        async with asyncio.timeout(0.03):
            await asyncio.sleep(60)

    async def run() -> None:
        assert await while_connected(stays, asyncio.sleep(0.03, "done")) == "done"
        with pytest.raises(TimeoutError):
            await while_connected(stays, fails())

    asyncio.run(run())


def test_a_cancelled_task_is_no_client_that_hung_up() -> None:
    async def run() -> None:
        ended: list[str] = []
        task = asyncio.create_task(while_connected(stays, endless(ended)))
        await asyncio.sleep(0.03)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended == ["cancelled"]

    asyncio.run(run())
