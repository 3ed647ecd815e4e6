"""The door: who gets in, from where, and what the answers carry."""

import time
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from app.door.access import Access
from app.door.guard import Guard
from engine.accounts import keys
from engine.errors import RefusedError
from engine.models import models
from storage.settings import settings
from tests.engine.weights import model_folders
from tests.rest import ADDRESS, PASSWORD, TOKEN, log_in, make_access, make_client
from tests.security.echo import echo

API, PAGE = "/api/projects", "/anything"


@pytest.fixture
def stranger() -> TestClient:
    """A client with no credential at all."""
    return make_client()


def test_without_a_credential_programs_get_401_in_their_own_shape(stranger: TestClient) -> None:
    response = stranger.get(API)
    assert response.status_code == 401
    assert response.json()["error"].keys() == {"type", "message", "hint"}
    openai = stranger.get("/v1/models")
    assert openai.status_code == 401
    assert {"message", "type", "code", "param"} == openai.json()["error"].keys()


def test_without_a_credential_a_browser_is_sent_to_the_login_page_and_back(stranger: TestClient) -> None:
    answer = stranger.get("/runs?run=abc", headers={"accept": "text/html"})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?next=%2Fruns%3Frun%3Dabc"


def test_only_health_and_login_are_public(stranger: TestClient) -> None:
    assert stranger.get("/api/health").json()["status"] == "ok"
    assert stranger.get("/login").status_code == 200
    for path in ("/metrics", "/api/openapi.json", "/api/docs", "/login/", "/api/health/x", "//api/health", "/logout"):
        assert stranger.get(path).status_code == 401, path


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:7860", "evil@127.0.0.1", "", "[::1", "a b"])
def test_a_foreign_host_name_is_answered_421(stranger: TestClient, host: str) -> None:
    answer = log_in(stranger).get(API, headers={"host": host})
    assert answer.status_code == 421
    assert "projects" not in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost:7860", "LOCALHOST:9000", "[::1]:7860", "127.0.0.1"])
def test_the_names_of_this_machine_are_fine_whatever_port_a_tunnel_has(stranger: TestClient, host: str) -> None:
    assert log_in(stranger).get(API, headers={"host": host}).status_code == 200


def test_an_address_is_fine_only_when_bound_beyond_loopback() -> None:
    def answer(access: Access) -> int:
        return log_in(make_client(access)).get(API, headers={"host": "192.168.1.5:7860"}).status_code

    assert answer(make_access()) == 421
    assert answer(make_access(any_address=True)) == 200


def test_further_host_names_come_from_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNESMITH_ALLOWED_HOSTS", "studio.example.com, other.example.com")
    client = log_in(make_client())
    assert client.get(API, headers={"host": "Studio.example.com"}).status_code == 200
    assert client.get(API, headers={"host": "example.com"}).status_code == 421


@pytest.mark.parametrize(
    "origin", ["null", "http://evil.example", "http://localhost:3000", "http://127.0.0.1:7861", "http://[", "file://"]
)
def test_another_sites_page_is_refused_even_with_the_token(stranger: TestClient, origin: str) -> None:
    client = log_in(stranger)
    for method in ("GET", "POST"):
        assert client.request(method, API, json={"name": "x"}, headers={"origin": origin}).status_code == 403
    assert len(client.get(API).json()) == 1


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_post_that_a_foreign_page_caused_is_refused(stranger: TestClient, site: str) -> None:
    client = log_in(stranger)
    assert client.post(API, json={"name": "x"}, headers={"sec-fetch-site": site}).status_code == 403
    assert client.get(API, headers={"sec-fetch-site": site}).status_code == 200


def test_our_own_page_may_post(stranger: TestClient) -> None:
    headers = {"origin": ADDRESS, "sec-fetch-site": "same-origin"}
    assert log_in(stranger).post(API, json={"name": "x"}, headers=headers).status_code == 201


def test_the_token_in_the_address_becomes_a_strict_cookie_and_leaves_the_address(stranger: TestClient) -> None:
    answer = stranger.get(f"/api/projects?token={TOKEN}&archived=true")
    assert (answer.status_code, answer.headers["location"]) == (303, "/api/projects?archived=true")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("tunesmith_7860=")
    assert TOKEN not in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert stranger.get(API).status_code == 200


def test_the_clean_address_never_leads_to_another_site(stranger: TestClient) -> None:
    answer = stranger.get(f"{ADDRESS}//evil.example/x?token={TOKEN}")
    assert answer.headers["location"].startswith("/evil.example")
    assert stranger.get(f"{ADDRESS}/%5Cevil.example?token={TOKEN}").headers["location"].startswith("/evil")


@pytest.mark.parametrize("token", ["wrong", "", TOKEN + "x", TOKEN[:-1], "%00", "é"])
def test_a_wrong_token_opens_nothing(stranger: TestClient, token: str) -> None:
    assert stranger.get(f"{API}?token={token}").status_code == 401
    assert stranger.get(API, headers={b"authorization": f"Bearer {token}".encode()}).status_code == 401
    assert stranger.get(API, headers={b"cookie": f"tunesmith_7860={token}".encode()}).status_code == 401


def test_a_token_in_the_address_of_a_post_opens_but_sets_no_cookie(stranger: TestClient) -> None:
    assert "set-cookie" not in stranger.post(f"{API}?token={TOKEN}", json={"name": "x"}).headers


def test_a_session_that_was_changed_or_has_ended_is_no_session() -> None:
    access = make_access()
    good = access.sessions.new(60)
    assert access.sessions.holder(good) == "owner"
    until, nonce, signature = good.split(".")
    assert access.sessions.holder(f"{int(until) + 1}.{nonce}.{signature}") is None
    assert access.sessions.holder(f"{until}.{nonce}.{'0' * 64}") is None
    assert access.sessions.holder(access.sessions.new(-1)) is None
    assert int(until) > time.time()


def test_sessions_outlive_a_restart_and_end_with_their_credential(monkeypatch: pytest.MonkeyPatch) -> None:
    def start() -> Access:
        return Access.from_settings(settings(), "127.0.0.1", 7860)

    open_page = start().sessions.new(60)
    assert start().token != start().token
    assert start().sessions.holder(open_page) == "owner"
    monkeypatch.setenv("TUNESMITH_TOKEN", TOKEN)
    assert start().sessions.holder(open_page) is None
    session_cookie = start().sessions.new(60)
    assert start().sessions.holder(session_cookie) == "owner"
    monkeypatch.setenv("TUNESMITH_TOKEN", TOKEN + "-changed")
    assert start().sessions.holder(session_cookie) is None


def test_a_key_for_inference_reaches_v1_only(stranger: TestClient) -> None:
    key, secret = keys.create_key("editor")
    client = log_in(stranger, secret)
    assert client.get("/v1/models").status_code == 200
    for path in (API, "/metrics", "/api/keys", "/v1x", "/runs"):
        assert client.get(path).status_code == 403, path
    keys.revoke_key(key.id)
    assert client.get("/v1/models").status_code == 401


def test_a_key_for_all_reaches_the_rest_api(stranger: TestClient) -> None:
    _, secret = keys.create_key("robot", "all")
    assert log_in(stranger, secret).get(API).status_code == 200


def test_every_answer_carries_the_security_headers(stranger: TestClient) -> None:
    for answer in (stranger.get(API), stranger.get("/login"), log_in(stranger).get(API)):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in answer.headers


def test_a_websocket_from_a_stranger_or_another_site_is_closed(stranger: TestClient) -> None:
    with pytest.raises(WebSocketDisconnect), stranger.websocket_connect("/gradio_api/queue"):
        pass
    headers = {"authorization": f"Bearer {TOKEN}", "origin": "http://evil.example"}
    with pytest.raises(WebSocketDisconnect), stranger.websocket_connect("/x", headers=headers):
        pass


def test_forwarded_headers_are_dropped_unless_a_proxy_is_trusted() -> None:
    def seen_with(access: Access) -> str:
        client = TestClient(Guard(echo, lambda: access), ADDRESS)
        return log_in(client).get("/", headers={"x-forwarded-host": "evil.example", "x-gradio-server": "evil"}).text

    assert "evil" not in seen_with(make_access())
    assert "evil" in seen_with(make_access(trust_proxy=True))


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "studio.example.com"])
def test_beyond_loopback_it_refuses_to_start_without_a_password(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RefusedError, match="without a password"):
        Access.from_settings(settings(), host, 7860)
    monkeypatch.setenv("TUNESMITH_PASSWORD", PASSWORD)
    assert Access.from_settings(settings(), host, 7860).any_address


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.8.8"])
def test_on_loopback_it_starts_with_a_random_token(host: str) -> None:
    first, second = (Access.from_settings(settings(), host, 7860) for _ in range(2))
    assert first.token != second.token
    assert len(first.token) > 40


def test_a_share_link_needs_a_password() -> None:
    with pytest.raises(RefusedError, match="share link"):
        Access.from_settings(settings(), "127.0.0.1", 7860, share=True)


def test_a_space_needs_a_password_and_answers_inside_a_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACE_ID", "me/studio")
    monkeypatch.setenv("SPACE_HOST", "me-studio.hf.space")
    with pytest.raises(RefusedError, match="Space"):
        make_access()
    monkeypatch.setenv("TUNESMITH_PASSWORD", PASSWORD)
    client = make_client(make_access("0.0.0.0"))
    answer = client.post("/login", data={"secret": PASSWORD}, headers={"host": "me-studio.hf.space"})
    assert answer.status_code == 303
    assert "SameSite=none" in answer.headers["set-cookie"]
    assert "Secure" in answer.headers["set-cookie"]
    assert "frame-ancestors https://huggingface.co" in answer.headers["content-security-policy"]
    assert "x-frame-options" not in answer.headers


@pytest.mark.parametrize(("name", "value"), [("TUNESMITH_TOKEN", "short"), ("TUNESMITH_PASSWORD", "short")])
def test_weak_credentials_are_refused(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(RefusedError, match="too short"):
        make_access()


def test_visitors_of_a_share_link_look_and_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNESMITH_PASSWORD", PASSWORD)
    access = make_access().shared(9999, "abc.gradio.live")
    client = TestClient(make_client(access).app, "https://abc.gradio.live:9999", follow_redirects=False)
    assert client.get(API).status_code == 401
    assert client.post("/login", data={"secret": PASSWORD}).status_code == 303
    assert client.get(API).status_code == 200
    for credential in ("", f"Bearer {TOKEN}"):
        headers = {"authorization": credential} if credential else {}
        assert client.post(API, json={"name": "x"}, headers=headers).status_code == 403
        assert client.delete("/api/runs/abc", headers=headers).status_code == 403
        for path in ("/v1/models", "/metrics", "/api/keys", "/api/openapi.json"):
            assert client.get(path, headers=headers).status_code == 403, path
    assert client.post("/logout").status_code == 303


def test_the_share_hosts_name_makes_nobody_a_visitor_on_the_other_port() -> None:
    access = make_access().shared(9999, "abc.gradio.live")
    client = log_in(make_client(access))
    assert client.post(API, json={"name": "x"}).status_code == 201


def test_visitors_of_a_share_link_see_no_paths_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TUNESMITH_PASSWORD", PASSWORD)
    folder = model_folders.make(tmp_path / "my-model")
    model = models.add_model("path", str(folder))
    owner, addresses = log_in(make_client(with_window=True)), ("/api/models", f"/api/models/{model.id}")
    assert all(str(folder) in owner.get(address).text for address in (*addresses, "/fragments/models/models"))
    visitor = TestClient(owner.app, "https://abc.gradio.live:9999", follow_redirects=False)
    owner.app.state.access = make_access().shared(9999, "abc.gradio.live")  # type: ignore[attr-defined]
    assert visitor.post("/login", data={"secret": PASSWORD}).status_code == 303
    for address in (*addresses, "/fragments/models/models"):
        text = visitor.get(address).text
        assert "my-model" in text
        assert str(tmp_path) not in text
