"""The instructor's pages: they offer what makes sense, ask once, act once, and the log has it."""

import csv
import io
from datetime import timedelta

import pytest
from browsing import act, fields, hand_in, text_of
from challenges import NOON, ladder, new_challenge, send

from challenge.hub.pages.instructor_page import instructor_view
from challenge.hub.pages.situation import decisions
from challenge.intake import invite, withdraw
from challenge.intake.quota import DAY
from challenge.store import Phase, lifecycle, phase
from challenge.store.replay import events


@pytest.fixture
def boss(service, prof):
    return service.browser("prof")


def offered(challenge):
    return [name for name, _ in instructor_view(challenge).offered]


def happened(challenge, *kinds):
    with challenge.store.reading() as session:
        return [kind for kind, _, _ in events(session, *kinds)]


# --- what is offered -------------------------------------------------------------------------


def test_only_what_makes_sense_is_offered_and_the_rest_says_why(timed, clock):
    assert offered(timed) == ["pause", "close"]
    lifecycle.pause(timed)
    assert offered(timed) == ["resume", "close"]
    lifecycle.resume(timed)
    lifecycle.close(timed)
    assert offered(timed) == ["resume", "reveal"]
    lifecycle.reveal(timed)
    view = instructor_view(timed)
    assert view.offered == ()
    ((titles, why),) = view.missing
    assert titles == "Pause, Resume, Close, Reveal the private ranks"
    assert "revealed" in why


def test_a_challenge_whose_time_is_up_can_be_revealed_unless_a_team_has_more(timed, clock):
    send(timed, ladder(1))
    clock.at = NOON + 8 * DAY
    assert offered(timed) == ["reveal"]
    lifecycle.extend(timed, "us", until=NOON + 9 * DAY)
    view = instructor_view(timed)
    assert [name for name, _ in view.offered] == ["pause", "close"]
    assert view.situation.extended == (("us", NOON + 9 * DAY),)
    assert "only teams with more time" in view.situation.sentence


@pytest.mark.parametrize(
    ("move", "word"),
    [(None, "open"), ("pause", "paused"), ("close", "closed"), ("reveal", "final")],
)
def test_the_state_is_said_in_a_word(timed, move, word):
    if move == "reveal":
        lifecycle.close(timed)
    if move is not None:
        getattr(lifecycle, move)(timed)
    assert instructor_view(timed).situation.word == word


def test_before_it_opens_it_says_when(tmp_path, clock):
    challenge = new_challenge(tmp_path / "c", clock=clock, opens=NOON + DAY)
    stands = instructor_view(challenge).situation
    assert stands.word == "not open yet"
    assert "2026-04-02 12:00:00 UTC" in stands.sentence


def test_teams_are_listed_with_what_they_have_left(timed):
    send(timed, ladder(1), team="them")
    send(timed, ladder(1))
    send(timed, ladder(2))
    teams = instructor_view(timed).teams
    assert [(each.name, len(each.records), each.quota.left) for each in teams] == [
        ("them", 1, 4),
        ("us", 2, 3),
    ]


def test_missing_baselines_are_pointed_out_where_they_could_be_made(timed):
    assert instructor_view(timed).warning == ""  # labels alone: there are no jets to make them of
    (timed.folder / "test_jets.h5").touch()
    assert "python -m challenge baselines" in instructor_view(timed).warning


# --- asking and acting -----------------------------------------------------------------------


def test_nothing_happens_before_the_question_is_answered(service, boss):
    asked = boss.get("instructor/close")
    assert "No more files are accepted" in text_of(asked)
    token = fields(asked)["form_token"]
    assert boss.post("instructor/close", data={"form_token": token}).status_code == 200
    assert phase(service.challenge) is Phase.LIVE
    assert boss.post("instructor/close", data=fields(asked)).status_code == 303
    assert phase(service.challenge) is Phase.CLOSED


def test_each_action_is_one_event_however_often_it_is_sent(service, boss):
    send(service.challenge, ladder(1), team="Red")
    until = "2099-05-01T12:00"
    for action, wish, kind in (
        ("pause", {}, "paused"),
        ("resume", {}, "resumed"),
        ("extend", {"team": "Red", "until": until, "per_day": "9"}, "extended"),
        ("withdraw", {"team": "Red"}, "withdrawn"),
        ("restore", {"team": "Red"}, "restored"),
        ("close", {}, "closed"),
        ("reveal", {}, "revealed"),
    ):
        asked = boss.get(f"instructor/{action}", params=wish)
        for _ in range(2):
            answer = boss.post(f"instructor/{action}", data=fields(asked))
            assert answer.status_code == 303, (action, text_of(answer))
        assert happened(service.challenge, kind) == [kind]
        shown = text_of(boss.get(service.address + answer.headers["location"]))
        assert "Done" in shown
        assert decisions(service.challenge)[0].sentence in shown


def test_an_action_that_makes_no_sense_is_answered_with_the_reason(boss):
    answer = boss.get("instructor/reveal")
    assert answer.status_code == 409
    assert "close the challenge first" in text_of(answer)
    assert boss.get("instructor/format-the-disk").status_code == 404


def test_before_a_close_the_page_names_whose_extension_ends(service, boss):
    send(service.challenge, ladder(1), team="Red")
    lifecycle.extend(
        service.challenge, "Red", until=service.challenge.store.now() + timedelta(days=2)
    )
    assert "ends the extensions of Red" in text_of(boss.get("instructor/close"))


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ({"until": "tomorrow"}, "Expected a time in UTC"),
        ({"until": "2001-01-01"}, "Expected a time after"),
        ({"per_day": "many"}, "Expected a whole number"),
        ({"per_day": "0"}, "Expected a whole number"),
        ({}, "Fill in a time"),
        ({"team": "nobody", "per_day": "3"}, "There is no team"),
        ({"team": "", "per_day": "3"}, "Which team?"),
    ],
)
def test_an_extension_that_cannot_be_meant_is_refused(service, boss, wish, says):
    send(service.challenge, ladder(1), team="Red")
    asked = boss.get("instructor/extend", params={"team": "Red"} | wish)
    if asked.status_code == 200:  # what only the store can tell
        asked = boss.post("instructor/extend", data=fields(asked))
    assert asked.status_code == 409
    assert says in text_of(asked)
    assert happened(service.challenge, "extended") == []


def test_one_file_is_withdrawn_and_put_back_from_the_teams_page(service, boss):
    challenge = service.challenge
    kept, gone = (send(challenge, ladder(n), team="Red", network=f"n{n}") for n in (1, 3))
    act(boss, "withdraw", team="Red", receipt=gone.sha256)
    page = boss.get("instructor/team?name=red")
    assert [each.withdrawn is None for each in challenge.store.records()] == [True, False]
    assert "Put back n3" in page.text
    act(boss, "restore", team="Red", receipt=gone.sha256)
    assert all(each.withdrawn is None for each in challenge.store.records())
    assert kept.sha256[:12] in text_of(page)


def test_buttons_that_would_do_nothing_are_absent(service, boss):
    receipt = send(service.challenge, ladder(1), team="Red")
    page = boss.get("instructor/team?name=Red").text
    assert "Withdraw all" in page
    assert "Put back" not in page
    withdraw(service.challenge, "Red", [receipt.sha256])
    page = boss.get("instructor/team?name=Red").text
    assert "Withdraw all" not in page
    assert "Put back" in page


def test_an_invitation_is_listed_and_revoked_once(service, boss):
    made, token = invite(service.challenge, "Red")
    guest = service.client(token)
    assert guest.get("api/me").status_code == 200
    assert f"Revoke invitation {made.number}" in boss.get("instructor").text
    asked = boss.get("instructor/revoke", params={"invitation": str(made.number)})
    for _ in range(2):
        assert boss.post("instructor/revoke", data=fields(asked)).status_code == 303
    assert guest.get("api/me").status_code == 401
    assert happened(service.challenge, "invitation-revoked") == ["invitation-revoked"]
    assert "Revoke invitation" not in boss.get("instructor").text
    assert boss.get("instructor/revoke").status_code == 409


# --- who may ---------------------------------------------------------------------------------


PLACES = ("", "/close", "/team?name=Red", "/marks.csv", "/audit", "/alike")


def test_a_student_sees_none_of_it_and_changes_nothing(service, alice):
    browser = service.browser("alice")
    hand_in(browser, ladder(1))
    for place in PLACES:
        assert browser.get(f"instructor{place}").status_code == 403, place
    form = {"form_token": fields(browser.get("team"))["form_token"], "confirmed": "yes"}
    assert browser.post("instructor/close", data=form).status_code == 403
    assert phase(service.challenge) is Phase.LIVE


def test_a_form_of_another_site_closes_nothing(service, boss):
    for token in ("", "forged", fields(boss.get("instructor/close"))["form_token"][:-1] + "x"):
        form = {"form_token": token, "confirmed": "yes"}
        assert boss.post("instructor/close", data=form).status_code == 403
    assert phase(service.challenge) is Phase.LIVE


# --- marks, audit, files that are alike ------------------------------------------------------


def test_marks_come_after_the_reveal_as_a_file(service, boss):
    send(service.challenge, ladder(2), team="Red")
    assert boss.get("instructor/marks.csv").status_code == 409
    for action in ("close", "reveal"):
        act(boss, action)
    answer = boss.get("instructor/marks.csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="marks.csv"'
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert (row["student_id"], float(row["score"])) == ("Red", 1.0)
    assert "instructor/marks.csv" in boss.get("instructor").text


def test_the_audit_says_what_is_wrong(service, boss):
    send(service.challenge, ladder(2), team="Red")
    good = text_of(boss.get("instructor/audit"))
    assert "no faults" in good
    assert service.challenge.store.last_event() in good
    bad = text_of(boss.get("instructor/audit", params={"noted": "0" * 64}))
    assert "1 fault" in bad
    assert "No event has the hash 000" in bad


def test_files_that_are_alike_are_listed_for_the_instructor(service, boss):
    assert "No two teams" in text_of(boss.get("instructor/alike"))
    for team in ("Red", "Blue"):
        send(service.challenge, ladder(2), team=team)
    assert "the same file" in text_of(boss.get("instructor/alike"))
