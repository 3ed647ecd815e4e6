"""`tunesmith endpoint`: code for an endpoint's callers, and a look at an address."""

from engine.serve import endpoints
from storage import db
from tests.app.cli.test_commands import run
from tests.hostile_server import OK, hostile, text


def test_code_is_printed_for_every_client_or_for_one() -> None:
    db.prepare()
    endpoints.create_endpoint("far", "external", options={"url": "http://127.0.0.1:9/v1", "model": "big"})
    everything = run("endpoint", "code", "far")
    assert everything.returncode == 0, everything.stderr
    assert "## LangChain: pip install langchain-openai" in everything.stdout
    one = run("endpoint", "code", "far", "--client", "curl", "--url", "https://studio.example/")
    assert one.stdout.startswith("curl https://studio.example/v1/chat/completions")


def test_a_name_or_a_client_that_is_not_there_is_named_with_those_that_are() -> None:
    db.prepare()
    assert "Serve a run" in run("endpoint", "code", "near").stderr
    endpoints.create_endpoint("far", "external", options={"url": "http://127.0.0.1:9/v1", "model": "big"})
    assert "There are: far." in run("endpoint", "code", "near").stderr
    refused = run("endpoint", "code", "far", "--client", "fax")
    assert (refused.returncode, "There is no client `fax`" in refused.stderr) == (1, True)


def test_a_look_says_who_answers_and_fails_where_nobody_does() -> None:
    with hostile({"/v1/models": text(OK + b'\r\n{"data": [{"id": "big", "max_model_len": 8192}]}')}) as url:
        seen = run("endpoint", "look", url.removesuffix("/v1"))
    assert seen.returncode == 0
    assert seen.stdout == f"{url} OpenAI-compatible server\n  big  8,192 tokens\n"
    gone = run("endpoint", "look", url)
    assert gone.returncode == 1
    assert "It cannot be reached" in gone.stdout
