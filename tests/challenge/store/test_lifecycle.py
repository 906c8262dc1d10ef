"""From the opening to the marks: what an instructor does, and what it changes for the teams."""

import pytest
from contests import NOON, Clock, content, ended, ladder, new_contest, send

from challenge.board.current import current_standings
from challenge.board.order import one_of_each_network
from challenge.errors import ChallengeError, SubmissionError
from challenge.intake.quota import DAY
from challenge.intake.reception import Arrival, receive
from challenge.intake.submission import is_step
from challenge.store import lifecycle
from challenge.store.audit import audit_log
from challenge.store.challenge import Challenge
from challenge.store.records import Phase


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def contest(tmp_path, clock):
    return new_contest(tmp_path / "c", clock=clock, closes=NOON + 7 * DAY)


def reason(contest, data, **names):
    with pytest.raises(SubmissionError) as refused:
        send(contest, data, **names)
    return refused.value.reason


def phase(contest):
    return lifecycle.phase(contest)


# --- pause, close, reveal --------------------------------------------------------------------


def test_a_pause_refuses_everything_until_resume(contest):
    lifecycle.pause(contest)
    assert reason(contest, content()) == "paused"
    lifecycle.resume(contest)
    assert send(contest, content()).quota.used == 1


def test_a_close_refuses_everything_before_the_time_of_the_rules(contest):
    send(contest, content())
    lifecycle.close(contest)
    assert phase(contest) is Phase.CLOSED
    assert reason(contest, content(1)) == "closed"


def test_a_clock_that_is_set_back_does_not_open_what_was_closed(contest, clock):
    lifecycle.close(contest)
    clock.passes(days=-30)
    assert phase(contest) is Phase.CLOSED
    assert reason(contest, content()) == "closed"


def test_a_challenge_closes_by_itself_when_its_time_has_come(contest, clock):
    assert phase(contest) is Phase.LIVE
    clock.at = NOON + 7 * DAY
    assert phase(contest) is Phase.CLOSED


def test_a_close_that_came_too_early_can_be_undone_until_the_reveal(contest):
    lifecycle.close(contest)
    lifecycle.resume(contest)
    send(contest, content())
    ended(contest)
    with pytest.raises(ChallengeError, match="revealed at 2026-04-01 12:00:00"):
        lifecycle.resume(contest)


def test_nothing_is_revealed_while_someone_may_still_hand_in(contest, clock):
    with pytest.raises(ChallengeError, match="close the challenge first"):
        lifecycle.reveal(contest)
    send(contest, content())
    clock.at = NOON + 7 * DAY
    lifecycle.extend(contest, "us", until=clock.at + DAY)
    with pytest.raises(ChallengeError, match="close the challenge first"):
        lifecycle.reveal(contest)
    clock.passes(days=1)
    lifecycle.reveal(contest)
    assert phase(contest) is Phase.REVEALED


def test_nothing_is_revealed_before_everything_is_scored(contest):
    receive(contest, Arrival("us", "cnn", contest.store.keep(content())))
    lifecycle.close(contest)
    with pytest.raises(ChallengeError, match="1 submissions are not scored yet"):
        lifecycle.reveal(contest)


def test_commands_that_are_given_twice_do_nothing_the_second_time(contest):
    for action in (lifecycle.pause, lifecycle.resume, lifecycle.close):
        action(contest)
        before = audit_log(contest.store).n_events
        action(contest)
        assert audit_log(contest.store).n_events == before
    lifecycle.reveal(contest)
    before = audit_log(contest.store).n_events
    lifecycle.reveal(contest)
    assert audit_log(contest.store).n_events == before


# --- extensions ------------------------------------------------------------------------------


def test_an_extension_is_for_one_team(contest, clock):
    for team in ("us", "them"):
        send(contest, content(), team=team)
    lifecycle.extend(contest, "US", until=NOON + 8 * DAY)
    clock.at = NOON + 7 * DAY
    assert send(contest, content(1)).team == "us"
    assert reason(contest, content(1), team="them") == "closed"
    assert phase(contest) is Phase.LIVE
    clock.passes(days=1)
    assert reason(contest, content(2)) == "closed"


def test_an_extension_that_ends_before_the_close_takes_no_time_away(contest, clock):
    send(contest, content())
    lifecycle.extend(contest, "us", until=NOON + DAY)
    clock.at = NOON + 2 * DAY
    send(contest, content(1))


def test_an_extension_can_be_given_after_the_close_and_ends_with_the_next_one(contest):
    send(contest, content())
    lifecycle.close(contest)
    lifecycle.extend(contest, "us", until=NOON + DAY)
    send(contest, content(1))
    lifecycle.close(contest)
    assert reason(contest, content(2)) == "closed"


def test_a_team_can_be_given_more_submissions_a_day(contest):
    for number in range(5):
        send(contest, content(number))
    lifecycle.extend(contest, "us", per_day=7)
    assert send(contest, content(5)).quota.left == 1


def test_an_extension_into_the_past_is_refused(contest):
    send(contest, content())
    with pytest.raises(ChallengeError, match="after 2026-04-01 12:00:00"):
        lifecycle.extend(contest, "us", until=NOON)


def test_a_team_that_is_unknown_is_told_with_those_that_are_known(contest):
    send(contest, content(), team="Top Quarks")
    with pytest.raises(ChallengeError, match="Teams are: Top Quarks"):
        lifecycle.extend(contest, "Top Quark", per_day=9)


# --- final choices ---------------------------------------------------------------------------


def test_a_pick_takes_the_place_of_the_best_on_the_private_board_only(contest):
    first, better = send(contest, ladder(0)), send(contest, ladder(3))
    assert lifecycle.pick(contest, "us", [first.sha256[:12]]) == ["cnn"]

    scored = contest.store.scored()
    assert [each.id for each in one_of_each_network(scored)] == [better.submission]
    assert [each.id for each in one_of_each_network(scored, final=True)] == [first.submission]
    assert all(each.verdict.is_best for each in scored)
    ended(contest)
    (line,) = current_standings(contest).lines
    assert line.submission == first.submission


def test_a_pick_can_be_changed_until_the_close(contest):
    first, second = send(contest, ladder(0)), send(contest, ladder(1))
    for receipt in (first, second):
        lifecycle.pick(contest, "us", [receipt.sha256])
    picked = [each.id for each in contest.store.records() if each.is_pick]
    assert picked == [second.submission]
    lifecycle.close(contest)
    with pytest.raises(ChallengeError, match="final choices stand"):
        lifecycle.pick(contest, "us", [first.sha256])


def test_a_file_that_was_handed_in_for_two_networks_is_picked_for_both(contest):
    for network in ("cnn", "dnn"):
        receipt = send(contest, content(), network=network)
    chosen = lifecycle.pick(contest, "us", [receipt.sha256[:8]])
    assert chosen == ["cnn", "dnn"]


@pytest.mark.parametrize(
    ("receipt", "words"),
    [("0123456", "at least 8 digits"), ("%" * 8, "at least 8 digits"), ("0" * 12, "No scored")],
)
def test_a_pick_of_what_is_no_receipt_is_refused(contest, receipt, words):
    send(contest, content())
    with pytest.raises(ChallengeError, match=words):
        lifecycle.pick(contest, "us", [receipt])


def test_nobody_picks_another_teams_submission(contest):
    send(contest, content(), team="us")
    theirs = send(contest, content(1), team="them")
    with pytest.raises(ChallengeError, match="No scored submission of us"):
        lifecycle.pick(contest, "us", [theirs.sha256])


# --- two at once -----------------------------------------------------------------------------


def test_a_submission_that_was_received_is_scored_although_the_challenge_closes(
    contest, monkeypatch
):
    def closing(*args):
        lifecycle.close(Challenge.open(contest.folder))
        return is_step(*args)

    monkeypatch.setattr("challenge.intake.submission.is_step", closing)
    receipt = send(contest, content())
    assert receipt.is_best
    assert phase(contest) is Phase.CLOSED


def test_a_submission_that_meets_the_close_before_its_row_is_refused(contest, monkeypatch):
    keep = type(contest.store).keep

    def closing(store, data):
        lifecycle.close(store)
        return keep(store, data)

    monkeypatch.setattr(type(contest.store), "keep", closing)
    assert reason(contest, content()) == "closed"
    assert contest.store.records() == []
