"""What the worker measures, called in this process, of a server whose speed is known."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from engine.benchmarks import metrics
from engine.benchmarks.load import Load
from engine.rows.store import columnar
from engine.workers.benchmarks import measure
from engine.workers.contract import WorkFailedError
from tests import tunable_server


@pytest.fixture(scope="module")
def socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One server for all tests of this file."""
    with tunable_server.running(tmp_path_factory.mktemp("server")) as path:
        yield path


@pytest.fixture
def measured(socket: str, tmp_path: Path) -> Any:
    def measured(load: Load, *questions: str) -> list[dict[str, Any]]:
        spec: dict[str, Any] = {"address": f"unix:{socket}", "model": "jokes", "load": load.model_dump(mode="json")}
        if questions:
            spec |= {"rows": str(chats(tmp_path, *questions)), "kind": "chat"}
        levels: list[dict[str, Any]] = worked(spec, tmp_path)["levels"]
        return levels

    return measured


def worked(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """The worker's result. In a thread of its own: a browser test may have left an event loop running in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(measure.work, spec, out).result()


def chats(folder: Path, *questions: str) -> Path:
    """A dataset of chats with these questions, as it is stored."""
    with columnar.Writer(folder / "rows.parquet", "chat") as writer:
        for row, question in enumerate(questions):
            turns = [{"role": "user", "content": question}, {"role": "assistant", "content": "say"}]
            writer.add(row + 1, {"messages": turns})
        writer.close()
    return folder / "rows.parquet"


def test_prompts_come_from_the_questions_of_a_dataset(measured: Any) -> None:
    [level] = measured(Load(concurrency=(2,), prompts=7, output_tokens=3), "ask 1", "ask 2", "ask 3")
    assert (level["completed"], level["total_input_tokens"]) == (7, 7 * 3)  # "ask 1", and a first token
    assert level["median_ttft_ms"] >= tunable_server.TOKEN_SECONDS * 1000  # a piece that only names a role is no token


def test_a_rate_sends_requests_however_slowly_they_are_answered(measured: Any) -> None:
    [level] = measured(Load(rate=200, prompts=30, output_tokens=10, input_tokens=20, repeats=2))
    assert (level["concurrency"], level["rate"], level["completed"]) == (None, 200, 60)
    assert level["max_concurrent_requests"] > tunable_server.SEQS
    assert len(level["runs"]) == 2


def test_until_saturated_doubles_until_more_at_once_give_no_more(measured: Any) -> None:
    levels = measured(Load(concurrency=(1,), until_saturated=True, prompts=24, output_tokens=8, input_tokens=20))
    clients = [level["concurrency"] for level in levels]
    assert clients == [2**place for place in range(len(clients))]
    assert metrics.saturates_at(levels) == clients[-2]
    assert len(clients) < 9


def test_seconds_end_a_level_before_its_prompts_do(measured: Any) -> None:
    [level] = measured(Load(concurrency=(2,), seconds=0.5, output_tokens=5))
    assert 2 <= level["completed"] < 500
    assert 0.4 < level["duration"] < 3


@pytest.mark.parametrize(("row", "kind"), [("torn", "torn stream"), ("refuse", "http 503")])
def test_errors_are_counted_by_kind_and_never_as_answers(measured: Any, row: str, kind: str) -> None:
    [level] = measured(Load(concurrency=(2,), prompts=8, output_tokens=3, warmup=0), row, "fine")
    assert (level["completed"], level["failed"], level["errors"]) == (4, 4, {kind: 4})
    assert level["error_examples"][kind]


def test_a_request_that_takes_too_long_is_a_timeout(measured: Any) -> None:
    [level] = measured(Load(concurrency=(1,), prompts=1, output_tokens=4, request_timeout=3), "fine")
    assert level["failed"] == 0
    with pytest.raises(WorkFailedError, match="timeout"):
        measured(Load(concurrency=(1,), prompts=2, output_tokens=500, request_timeout=0.3, warmup=0), "fine")


def test_a_server_that_counts_nothing_is_counted_by_its_pieces(measured: Any) -> None:
    [level] = measured(Load(concurrency=(1,), prompts=2, output_tokens=3), "no usage")
    assert (level["tokens_counted_by"], level["total_output_tokens"]) == ("stream", 6)


def test_where_every_request_fails_it_says_what_was_answered(measured: Any) -> None:
    with pytest.raises(WorkFailedError, match=r"Every request failed \(http 503\). It is full."):
        measured(Load(concurrency=(1,), prompts=2), "refuse")


def test_where_nobody_answers_it_says_so(tmp_path: Path) -> None:
    spec = {"address": f"unix:{tmp_path}/none", "model": "jokes", "load": Load().model_dump(mode="json")}
    with pytest.raises(WorkFailedError, match="does not answer"):
        worked(spec, tmp_path)
