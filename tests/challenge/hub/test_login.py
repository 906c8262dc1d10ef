"""Logging in: with the hub, by invitation; and whoever tries to log in as somebody else."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from challenges import ladder
from fake_hub import PREFIX, running

from challenge.hub import Site
from challenge.hub.people.sessions import COOKIE
from challenge.intake import invite, rename, revoke_invitation

ME = "api/me"


@pytest.fixture
def alone(challenge):
    """A service without a hub."""
    with running(challenge, Site()) as service:
        yield service


def state_of(address):
    return parse_qs(urlsplit(address).query)["state"][0]


# --- with the hub ----------------------------------------------------------------------------


def test_a_browser_logs_in_at_the_hub_and_gets_a_cookie_for_this_service_alone(service, alice):
    browser = service.browser()
    begun = browser.get("login")
    assert begun.headers["location"].startswith("/hub/api/oauth2/authorize?")
    ended = browser.get(service.address + service.hub.authorize(begun.headers["location"], "alice"))
    assert (ended.status_code, ended.headers["location"]) == (302, PREFIX)
    (cookie,) = (each for each in ended.headers.get_list("set-cookie") if COOKIE in each)
    assert {"HttpOnly", f"Path={PREFIX}", "SameSite=lax"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    assert browser.get(ME).json() == {"name": "alice", "team": "Red", "may": ["read", "submit"]}


def test_behind_https_every_cookie_is_secure(service, alice):
    browser = service.browser()
    browser.headers["X-Forwarded-Proto"] = "https,http"  # as configurable-http-proxy writes it
    begun = browser.get("login")
    browser.headers["Cookie"] = begun.headers["set-cookie"].split(";")[0]  # no https here
    ended = browser.get(service.address + service.hub.authorize(begun.headers["location"], "alice"))
    cookies = [*begun.headers.get_list("set-cookie"), *ended.headers.get_list("set-cookie")]
    assert len(cookies) == 3
    assert all("Secure" in each for each in cookies)


def test_a_page_without_login_leads_to_the_login_and_back(service, alice):
    browser = service.browser()
    slash = browser.get(service.url.rstrip("/"))
    assert slash.headers["location"] == PREFIX
    away = browser.get("team?x=1")
    assert away.headers["location"] == f"{PREFIX}login?next=%2Fservices%2Fchallenge%2Fteam%3Fx%3D1"
    begun = browser.get(service.address + away.headers["location"])
    ended = browser.get(service.address + service.hub.authorize(begun.headers["location"], "alice"))
    assert ended.headers["location"] == f"{PREFIX}team?x=1"


EVIL = [
    "https://evil.example/", "//evil.example/", r"/\evil.example", "evil", "javascript:alert(1)",
    "/hub/logout", f"{PREFIX}../../hub/logout", f"/{PREFIX}", f"{PREFIX}%0d%0aSet-Cookie:x=y",
    f"{PREFIX}\\..\\evil", f" {PREFIX}",
]  # fmt: skip


@pytest.mark.parametrize("wish", EVIL)
def test_a_login_leads_only_to_pages_of_the_service(service, alice, wish):
    browser = service.browser()
    begun = browser.get("login", params={"next": wish})
    ended = browser.get(service.address + service.hub.authorize(begun.headers["location"], "alice"))
    assert ended.headers["location"] in (PREFIX, wish)
    assert ended.headers["location"].startswith(PREFIX)
    assert not {"\r", "\n", "\\"} & set(ended.headers["location"])
    assert ".." not in ended.headers["location"]


def test_a_forged_state_or_that_of_another_browser_logs_nobody_in(service, alice):
    service.hub.add("mallory", "team-Blue")
    victim, mallory = service.browser(), service.browser()
    begun = mallory.get("login").headers["location"]
    victim.get("login")
    back = service.hub.authorize(begun, "mallory")  # else the victim would hand in for Blue
    forged = back.replace(state_of(begun), "forged")
    for address in (back, forged, back.replace("state=", "other="), f"{PREFIX}oauth_callback"):
        answer = victim.get(service.address + address)
        assert answer.status_code == 400
        assert COOKIE not in "".join(answer.headers.get_list("set-cookie"))
    assert victim.get(ME).status_code == 401


def test_an_answer_of_the_hub_that_is_played_again_logs_nobody_in(service, alice):
    browser = service.browser()
    begun = browser.get("login")
    back = service.address + service.hub.authorize(begun.headers["location"], "alice")
    kept = dict(browser.cookies)
    assert browser.get(back).status_code == 302
    again = service.browser()
    assert again.get(back).status_code == 400  # without the cookie of the login
    again.headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in kept.items())
    assert again.get(back).status_code == 400  # with it, for the code was used


def test_a_login_lasts_ten_minutes(service, alice, monkeypatch):
    browser = service.browser()
    begun = browser.get("login")
    assert "Max-Age=600" in begun.headers["set-cookie"]
    back = service.address + service.hub.authorize(begun.headers["location"], "alice")
    monkeypatch.setattr("challenge.hub.people.login._SECONDS", -1)
    assert browser.get(back).status_code == 400


def test_who_has_no_right_here_gets_no_cookie(service):
    service.hub.add("stranger", may=())
    browser = service.browser()
    begun = browser.get("login").headers["location"]
    ended = browser.get(service.address + service.hub.authorize(begun, "stranger"))
    assert ended.status_code == 403
    assert COOKIE not in "".join(ended.headers.get_list("set-cookie"))


def test_two_tabs_log_in_at_once(service, alice):
    browser = service.browser()
    begun = [browser.get("login").headers["location"] for _ in range(2)]
    for each in begun:
        assert browser.get(service.address + service.hub.authorize(each, "alice")).is_redirect


def test_a_cookie_that_the_service_did_not_sign_is_as_good_as_none(service, alice):
    browser = service.browser("alice")
    payload, *signature = browser.cookies[COOKIE].split(".")
    for forged in (alice, payload, ".".join([payload[:-2], *signature]), ".".join(signature), ""):
        stranger = service.client()
        stranger.headers["Cookie"] = f"{COOKIE}={forged}"
        assert stranger.get(ME).status_code == 401


def test_while_the_hub_is_down_the_board_is_readable_for_whoever_is_logged_in(service, alice):
    browser = service.browser("alice")
    service.hub.is_down = True
    service.app.state.owners.clock = lambda: 1e12  # nothing is remembered
    assert browser.get("api/board").status_code == 200
    assert browser.get("api/submissions").status_code == 503
    assert service.client(alice).get("api/board").status_code == 503
    assert service.browser().get("api/board").status_code == 401
    begun = browser.get("login").headers["location"]
    back = browser.get(service.address + service.hub.authorize(begun, "alice"))
    assert (back.status_code, back.headers["retry-after"]) == (503, "60")
    assert "The hub does not answer" in back.text


# --- by invitation ---------------------------------------------------------------------------


def test_a_guest_joins_with_the_token_behind_the_hash_and_uses_a_browser(alone, challenge):
    made, token = invite(challenge, "Red")
    browser = alone.browser()
    page = browser.get("join")
    nonce = re.search(r'<script nonce="([\w-]+)">', page.text)[1]
    assert f"script-src 'nonce-{nonce}'" in page.headers["content-security-policy"]
    joined = browser.post("join", headers={"Authorization": f"token {token}"})
    assert joined.status_code == 204
    assert token not in joined.headers["set-cookie"]
    assert browser.get(ME).json() == {"name": "Red", "team": "Red", "may": ["read", "submit"]}
    assert revoke_invitation(challenge, made.number)
    assert browser.get(ME).status_code == 401
    assert "revoked" in alone.client(token).get(ME).json()["sentence"]


def test_nobody_joins_without_a_token_in_the_header(alone, challenge):
    _, token = invite(challenge, "Red")
    browser = alone.browser()
    for options in ({}, {"data": {"token": token}}, {"params": {"token": token}}):
        assert browser.post("join", **options).status_code == 401
    wrong = {"Authorization": f"token {token[:-1]}x"}
    assert browser.post("join", headers=wrong).status_code == 401


def test_a_guest_hands_in_for_the_team_of_the_invitation_under_its_present_name(alone, challenge):
    _, token = invite(challenge, "Red")
    client = alone.client(token)
    assert client.post("api/submissions/cnn", content=ladder(1)).json()["team"] == "Red"
    rename(challenge, "Red", "Crimson")
    assert client.get(ME).json()["team"] == "Crimson"
    assert len(client.get("api/submissions").json()["submissions"]) == 1


def test_a_page_without_a_hub_says_how_to_come_in(alone):
    answer = alone.browser().get("login")
    assert "Open the link that your instructor gave you" in answer.text


def test_an_invitation_works_beside_a_hub_too(service, challenge):
    _, token = invite(challenge, None)
    assert service.client(token).get(ME).json() == {
        "name": "instructor", "team": None, "may": ["manage", "read"],
    }  # fmt: skip
    assert service.hub.asked == []
