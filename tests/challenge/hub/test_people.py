"""Who may do what: teams, rights, tokens that end, and forms that others make."""

import pytest
from challenges import content, ladder
from fake_hub import running

from challenge.hub import Person, check_form_token, form_token
from challenge.hub.answers import Denied
from challenge.hub.people.rights import FORM_FIELD, FORM_HEADER, Manager
from challenge.hub.people.tokens import REMEMBERED
from challenge.hub.site import Site, derived_key

ME = "api/me"
HAND_IN = "api/submissions/cnn"


@pytest.fixture
def now(service):
    """The service's clock for tokens, as a list of one time that a test moves on."""
    at = [1000.0]
    service.app.state.owners.clock = lambda: at[0]
    return at


def reason(answer):
    return answer.status_code, answer.json()["reason"]


# --- teams and rights ------------------------------------------------------------------------


def test_without_a_group_a_person_is_a_team_and_with_two_none(service):
    alone = service.hub.add("bob")
    assert service.client(alone).get(ME).json()["team"] == "bob"
    both = service.hub.add("eve", "team-Red", "team-Blue", "nbgrader-jets")
    assert reason(service.client(both).get(ME)) == (403, "teams")


def test_a_course_with_teams_only_refuses_whoever_is_in_none(service):
    alone = service.hub.add("bob")
    object.__setattr__(service.app.state.site, "teams_only", True)
    assert service.client(alone).get(ME).json()["team"] is None
    assert reason(service.client(alone).post(HAND_IN, content=content())) == (403, "no-team")
    assert reason(service.client(alone).get("api/submissions")) == (403, "no-team")


@pytest.mark.parametrize("name", ["bob@example.org", "baseline"])
def test_a_name_that_no_team_may_have_is_told(service, name):
    answer = service.client(service.hub.add(name)).get(ME)
    assert reason(answer) == (403, "no-team")
    assert "Ask your instructor" in answer.json()["sentence"]


def test_a_team_is_taken_from_the_hub_and_never_from_the_request(service, alice):
    tricks = {
        "X-Team": "Blue",
        "X-Groups": "team-Blue",
        "X-Forwarded-User": "prof",
        "Remote-User": "prof",
        "X-HTTP-Method-Override": "DELETE",
        "X-Original-URL": "/instructor",
    }
    client = service.client(alice)
    for options in ({"headers": tricks}, {"params": {"team": "Blue"}}):
        answer = client.post(HAND_IN, content=content(), **options)
        assert (answer.json()["team"], answer.json()["by"]) == ("Red", "alice")


def test_an_instructor_hands_in_for_no_team_and_a_reader_for_none_either(service, prof):
    assert service.client(prof).get(ME).json() == {
        "name": "prof", "team": None, "may": ["manage", "read"],
    }  # fmt: skip
    assert reason(service.client(prof).post(HAND_IN, content=content())) == (403, "right")
    reader = service.hub.add("guest", may=("read",))
    assert reason(service.client(reader).post(HAND_IN, content=content())) == (403, "right")


def test_tokens_without_a_right_here_are_refused_those_of_other_services_too(service):
    stranger = service.hub.add("stranger", may=())
    service.hub.people["stranger"]["scopes"] = ["access:services!service=jets", "read:users!user"]
    assert reason(service.client(stranger).get(ME)) == (403, "right")
    grader = service.hub.add("grader", may=("read", "submit", "manage"))
    service.hub.people["grader"]["kind"] = "service"
    assert reason(service.client(grader).get(ME)) == (403, "service")
    nameless = service.hub.add("nameless")
    del service.hub.people["nameless"]["name"]
    assert reason(service.client(nameless).get(ME)) == (403, "right")


NO_TOKENS = ["", "token", "Basic cHJvZjpwcm9m", "token a b", "token \u00e9", f"token {'a' * 513}"]


@pytest.mark.parametrize("header", NO_TOKENS)
def test_a_header_that_holds_no_token_is_refused_without_asking_the_hub(service, header):
    sent = [(b"authorization", header.encode("latin-1"))]
    assert reason(service.client().get(ME, headers=sent)) == (401, "login")
    assert service.hub.asked == []


def test_of_two_tokens_none_counts_and_a_header_goes_before_a_cookie(service, alice, prof):
    both = [("Authorization", f"token {alice}"), ("Authorization", f"token {prof}")]
    assert reason(service.client().get(ME, headers=both)) == (401, "login")
    browser = service.browser("alice")
    assert browser.get(ME, headers={"Authorization": f"token {prof}"}).json()["name"] == "prof"
    wrong = browser.get(ME, headers={"Authorization": "token wrong"})
    assert reason(wrong) == (401, "login")


# --- tokens that end -------------------------------------------------------------------------


def test_a_token_is_asked_about_once_in_30_seconds(service, alice, now):
    client = service.client(alice)
    for _ in range(3):
        assert client.get(ME).status_code == 200
    assert service.hub.asked == ["user"]
    assert REMEMBERED <= 30


def test_a_revoked_token_stops_working_within_30_seconds(service, alice, now):
    client, browser = service.client(alice), service.browser("alice")
    assert client.get(ME).status_code == browser.get(ME).status_code == 200
    service.hub.tokens.clear()
    now[0] += REMEMBERED
    for each in (client.get(ME), client.post(HAND_IN, content=content()), browser.get("api/board")):
        assert reason(each) == (401, "login")


def test_who_is_removed_from_a_group_in_the_middle_acts_for_it_no_longer(service, alice, now):
    client = service.client(alice)
    assert client.post(HAND_IN, content=ladder(1)).json()["team"] == "Red"
    service.hub.people["alice"]["groups"] = ["team-Blue"]
    now[0] += REMEMBERED
    assert client.post(HAND_IN, content=ladder(2)).json()["team"] == "Blue"
    assert [each["network"] for each in client.get("api/submissions").json()["submissions"]] == [
        "cnn"
    ]
    service.hub.people["alice"]["scopes"] = []
    now[0] += REMEMBERED
    assert reason(client.get("api/submissions")) == (403, "right")


def test_what_is_remembered_of_tokens_does_not_grow_without_end(service, alice, monkeypatch):
    monkeypatch.setattr("challenge.hub.people.tokens._MOST", 8)
    for number in range(20):
        assert service.client(f"wrong{number}").get(ME).status_code == 401
    assert len(service.app.state.owners._known) <= 8
    assert service.client(alice).get(ME).status_code == 200


# --- forms of others -------------------------------------------------------------------------


def add_page(service):
    """A page that changes something, as the instructor's page does."""
    done = []

    @service.app.post(f"{service.app.state.site.prefix}acts/test")
    async def act(person: Manager) -> dict[str, str]:
        done.append(person.name)
        return {"name": person.name}

    return done


def test_a_cookie_alone_changes_nothing_and_with_a_form_token_it_does(service, prof):
    done = add_page(service)
    browser = service.browser("prof")
    other = form_token(Person("prof", None, frozenset({"manage"}), "cookie"))
    forged = [
        {},
        {"data": {FORM_FIELD: ""}},
        {"data": {FORM_FIELD: other}},
        {"json": {FORM_FIELD: other}},
        {"params": {FORM_FIELD: other}},
        {"files": {FORM_FIELD: b"x"}},
        {"headers": {FORM_HEADER: other}},
        {"headers": {"Origin": "https://evil.example"}},
    ]
    for options in forged:
        assert browser.post("acts/test", **options).status_code == 403
    assert done == []
    own = own_token(service, "prof", None)
    assert browser.post("acts/test", data={FORM_FIELD: own}).status_code == 200
    assert browser.post("acts/test", headers={FORM_HEADER: own}).status_code == 200
    both = {"data": {FORM_FIELD: own}, "files": {"file": b"x"}}
    assert browser.post("acts/test", **both).status_code == 200
    assert service.client(prof).post("acts/test").status_code == 200  # its header is enough
    assert done == ["prof"] * 4


def own_token(service, name, team):
    key = derived_key(service.app.state.key, "form", name, team or "")
    return form_token(Person(name, team, frozenset(), "cookie", key))


def test_the_form_token_of_another_person_or_of_yesterday_is_refused(
    service, alice, prof, monkeypatch
):
    done = add_page(service)
    browser = service.browser("prof")
    theirs, mine = own_token(service, "alice", "Red"), own_token(service, "prof", None)
    assert browser.post("acts/test", data={FORM_FIELD: theirs}).status_code == 403
    monkeypatch.setattr("challenge.hub.people.person._FORM_SECONDS", -1)
    assert browser.post("acts/test", data={FORM_FIELD: mine}).status_code == 403
    assert done == []


def test_a_form_token_is_of_one_person():
    alice, bob = (Person(name, None, frozenset(), "cookie") for name in ("alice", "bob"))
    check_form_token(alice, form_token(alice))
    with pytest.raises(Denied, match="reload the page"):
        check_form_token(bob, form_token(alice))


def test_no_other_site_may_read_or_frame_an_answer(service, alice):
    for path in (ME, "health", "nothing", "join", "api/openapi.json"):
        answer = service.client(alice).get(path, headers={"Origin": "https://evil.example"})
        assert not [name for name in answer.headers if name.startswith("access-control-")]
        scripts, others = answer.headers["content-security-policy"].split("style-src")
        assert "unsafe-inline" not in scripts
        assert "frame-ancestors 'none'" in others
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"


def test_replicas_sign_with_one_key_that_nobody_else_can_read(challenge, service):
    assert (challenge.folder / "service.key").stat().st_mode & 0o077 == 0
    with running(challenge, Site("/b/")) as second:
        assert second.app.state.key == service.app.state.key
