"""A team's page shows what the team was told, and takes its files as the command does."""

import re
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from browsing import act, fields, hand_in, pick, text_of
from challenges import LABELS, NOON, content, file_of, ladder, new_challenge, send
from fake_hub import running

from challenge.hub.pages.team_page import team_view
from challenge.intake import withdraw
from challenge.intake.quota import DAY
from challenge.store import lifecycle
from challenge.store.replay import events
from course_utils.metrics import roc_auc


@pytest.fixture
def browser(service, alice):
    return service.browser("alice")


def states(view):
    return [(line.record.network, line.state) for line in view.lines]


# --- what it shows ---------------------------------------------------------------------------


def test_a_team_that_has_not_handed_in_sees_its_quota_and_an_empty_list(timed):
    view = team_view(timed, "Red")
    assert (view.team, view.lines, view.networks) == ("Red", (), ())
    assert (view.quota.left, view.refusal, view.extended) == (5, None, False)
    assert view.closes == NOON + 7 * DAY


def test_files_come_latest_first_each_with_what_the_team_was_told(timed):
    better = send(timed, ladder(3))
    send(timed, ladder(1))
    with pytest.raises(Exception, match=r"\.npy"):
        send(timed, b"no numbers", network="dnn")
    view = team_view(timed, "us")
    assert states(view) == [("dnn", "refused"), ("cnn", "not better"), ("cnn", "scored")]
    assert [line.auc != "" for line in view.lines] == [False, False, True]
    assert f"{better.card.auc.value:.4f}" in view.lines[2].auc
    assert [line.stands for line in view.lines] == [False, False, True]
    assert view.networks == ("cnn",)


def test_another_teams_files_are_not_on_the_page(timed):
    send(timed, ladder(3), team="them", network="their net")
    send(timed, ladder(1))
    assert states(team_view(timed, "us")) == [("cnn", "scored")]


def test_the_page_has_no_score_that_was_withheld_and_none_of_the_private_jets(service, browser):
    challenge = service.challenge
    for step in (3, 1):
        assert hand_in(browser, ladder(step)).status_code == 303
    send(challenge, content(7), team="them")
    page = browser.get("team").text + browser.get("").text
    numbers = {float(each) for each in re.findall(r"(?<![\w.])0\.\d{3,}", page)}

    def auc(step, split):
        scores = np.load(BytesIO(ladder(step)))
        return round(roc_auc(LABELS[split], scores[split]).value, 4)

    public, private = challenge.truth.is_public, challenge.truth.is_private
    assert auc(3, public) in numbers
    assert auc(1, public) not in numbers
    assert all(auc(step, private) not in numbers for step in (1, 3))
    assert all(round(each, 4) == each for each in numbers)


def test_a_withdrawn_file_says_so_and_cannot_be_chosen(timed):
    receipt = send(timed, ladder(2))
    assert team_view(timed, "us").lines[0].may_be_final
    withdraw(timed, "us", [receipt.sha256])
    (line,) = team_view(timed, "us").lines
    assert (line.state, line.stands, line.may_be_final) == ("withdrawn", False, False)


def test_an_own_time_is_said_to_be_ones_own(timed, clock):
    send(timed, ladder(1))
    lifecycle.extend(timed, "us", until=NOON + 9 * DAY)
    view = team_view(timed, "us")
    assert (view.closes, view.extended) == (NOON + 9 * DAY, True)
    clock.at = NOON + 8 * DAY
    assert team_view(timed, "us").refusal is None
    assert team_view(timed, "them").refusal.reason == "closed"


@pytest.mark.parametrize("reason", ["not-open", "paused", "closed", "revealed", "quota"])
def test_without_a_chance_there_is_no_form_but_the_reason(tmp_path, clock, reason):
    rules = {"opens": NOON + DAY} if reason == "not-open" else {"per_day": 1}
    challenge = new_challenge(tmp_path / "c", clock=clock, **rules)
    if reason != "not-open":
        send(challenge, ladder(1), team="Red")
    if reason == "paused":
        lifecycle.pause(challenge)
    if reason in ("closed", "revealed"):
        lifecycle.close(challenge)
    if reason == "revealed":
        lifecycle.reveal(challenge)
    with running(challenge) as service:
        service.hub.add("alice", "team-Red")
        page = service.browser("alice").get("team")
    refusal = team_view(challenge, "Red").refusal
    assert refusal.reason == reason
    assert refusal.sentence in text_of(page)
    assert 'id="file"' not in page.text


def test_someone_in_no_team_is_told_whom_to_ask(service, prof):
    assert "in no team" in text_of(service.browser("prof").get("team"))


# --- handing in ------------------------------------------------------------------------------


def test_a_file_is_handed_in_and_its_receipt_stands_on_the_page(service, browser):
    answer = hand_in(browser, ladder(2), file="my net.npy")
    assert answer.status_code == 303
    shown = text_of(browser.get(service.address + answer.headers["location"]))
    (record,) = service.challenge.store.of_team("Red")
    assert record.network == "my net"
    assert "Accepted: my net" in shown
    assert record.sha256[:12] in shown
    assert "4 of 5" in shown


def test_a_hint_about_the_file_stands_with_its_receipt(service, browser):
    answer = hand_in(browser, content(seed=1, strength=-2.0))
    shown = text_of(browser.get(service.address + answer.headers["location"]))
    assert "below 0.5" in shown


def test_the_same_form_sent_twice_hands_in_once(service, browser):
    page = fields(browser.get("team"))
    for _ in range(2):
        answer = browser.post(
            "team/submissions",
            data={"form_token": page["form_token"], "network": "cnn"},
            files={"file": ("x.npy", ladder(2))},
        )
        assert answer.status_code == 303
    assert len(service.challenge.store.of_team("Red")) == 1


def test_a_refused_file_is_answered_in_the_words_of_the_command(service, browser):
    answer = hand_in(browser, file_of(LABELS.astype(float)[:-1]), network="dnn")
    assert answer.status_code == 422
    (record,) = service.challenge.store.of_team("Red")
    assert record.sentence in text_of(answer)
    assert "Reason shape" in text_of(answer)
    assert 'value="dnn"' in answer.text


def test_a_network_name_that_is_no_name_is_refused(service, browser):
    answer = hand_in(browser, ladder(1), network="<b>bold</b>")
    assert answer.status_code == 422
    assert "<b>bold" not in answer.text
    assert "letters, digits" in text_of(answer)


def test_too_many_files_are_refused_until_the_first_returns(tmp_path, clock):
    challenge = new_challenge(tmp_path / "c", clock=clock, per_day=1)
    with running(challenge) as service:
        service.hub.add("alice", "team-Red")
        browser = service.browser("alice")
        token = fields(browser.get("team"))["form_token"]
        sent = [
            browser.post(
                "team/submissions", data={"form_token": token}, files={"file": ("a.npy", ladder(n))}
            )
            for n in (1, 2)
        ]
    assert [each.status_code for each in sent] == [303, 429]
    assert int(sent[1].headers["retry-after"]) == DAY.total_seconds()
    assert "You have used all 1 submissions" in text_of(sent[1])


def test_a_form_without_a_file_says_so(browser):
    token = fields(browser.get("team"))["form_token"]
    answer = browser.post("team/submissions", data={"form_token": token})
    assert answer.status_code == 422
    assert "Choose a file first" in text_of(answer)


@pytest.mark.parametrize("place", ["team/submissions", "team/pick"])
def test_a_form_of_another_site_changes_nothing(service, challenge, browser, place):
    receipt = send(challenge, ladder(1), team="Red")
    data = {"receipt": receipt.sha256, "form_token": "forged"}
    answer = browser.post(place, data=data, files={"file": ("a.npy", ladder(2))})
    assert answer.status_code == 403
    (record,) = challenge.store.of_team("Red")
    assert not record.is_pick


def test_the_receipt_of_another_team_is_shown_to_nobody_else(service, challenge, browser):
    receipt = send(challenge, ladder(4), team="them")
    place = f"team?answer={receipt.sha256[:12]}&network=cnn"
    assert "Accepted" not in text_of(browser.get(place))


# --- the final choice ------------------------------------------------------------------------


def test_a_choice_is_made_once_however_often_it_is_sent(service, challenge, browser):
    weak = send(challenge, ladder(1), team="Red")
    send(challenge, ladder(3), team="Red")
    for _ in range(2):
        assert pick(browser, weak.sha256).status_code == 303
    view = team_view(challenge, "Red")
    assert [line.record.is_pick for line in view.lines] == [False, True]
    assert "final choice" in text_of(browser.get("team"))
    with challenge.store.reading() as session:
        assert len(list(events(session, "picked"))) == 1


def test_nobody_chooses_for_another_team_or_after_the_close(service, challenge, browser, prof):
    theirs = send(challenge, ladder(1), team="them")
    ours = send(challenge, ladder(2), team="Red")
    assert pick(browser, theirs.sha256).status_code == 409
    token = fields(browser.get("team"))["form_token"]
    act(service.browser("prof"), "close")
    answer = browser.post("team/pick", data={"form_token": token, "receipt": ours.sha256})
    assert answer.status_code == 409
    assert "the final choices stand" in text_of(answer)
    assert not any(each.is_pick for each in challenge.store.records())


def test_the_page_of_a_renamed_rule_set_shows_the_new_rules(timed):
    stricter = replace(timed, rules=replace(timed.rules, per_day=2))
    assert team_view(stricter, "us").quota.limit == 2
