"""Services that apprise knows: sent by its own library in a process of its own, held to the same addresses."""

import sys
from typing import Any

import pytest

from engine.errors import RefusedError
from engine.notifications import others, settings
from engine.notifications.settings import Settings
from tests.engine.notifications.receiver import receiving
from tests.engine.notifications.test_shapes import message


def test_without_the_library_it_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    sink: dict[str, Any] = {"name": "x", "service": "apprise", "url": "tgram://token/chat"}
    monkeypatch.setattr(others, "find_spec", lambda _name: None)
    with pytest.raises(RefusedError, match="not installed"):
        settings.change(Settings.model_validate({"sinks": [sink]}))
    assert "not installed" in others.send(message(), "tgram://token/chat", False).words


def test_apprise_sends_where_it_may_and_follows_no_redirect() -> None:
    pytest.importorskip("apprise")
    with receiving() as receiver, receiving() as canary:
        url = receiver.url.replace("http://", "json://")
        assert others.send(message("a <b> name"), url, allow_private=True).ok
        assert receiver.bodies[0]["title"] == "a <b> name"
        refused = others.send(message(), url, allow_private=False)
        assert (refused.ok, refused.again) == (False, False)
        assert "private network" in refused.words
        assert len(receiver.calls) == 1
        receiver.answers = [(302, {"location": canary.url})]
        assert not others.send(message(), url, allow_private=True).ok
        assert canary.calls == []
    assert "does not know" in others.send(message(), "nonsense://x", allow_private=True).words
