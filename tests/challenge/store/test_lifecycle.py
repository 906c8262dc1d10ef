"""From the opening to the marks: what an instructor does, and what it changes for the teams."""

import pytest
from challenges import NOON, Clock, content, ended, ladder, new_challenge, send

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
def challenge(tmp_path, clock):
    return new_challenge(tmp_path / "c", clock=clock, closes=NOON + 7 * DAY)


def reason(challenge, data, **names):
    with pytest.raises(SubmissionError) as refused:
        send(challenge, data, **names)
    return refused.value.reason


def phase(challenge):
    return lifecycle.phase(challenge)


# --- pause, close, reveal --------------------------------------------------------------------


def test_a_pause_refuses_everything_until_resume(challenge):
    lifecycle.pause(challenge)
    assert reason(challenge, content()) == "paused"
    lifecycle.resume(challenge)
    assert send(challenge, content()).quota.used == 1


def test_a_close_refuses_everything_before_the_time_of_the_rules(challenge):
    send(challenge, content())
    lifecycle.close(challenge)
    assert phase(challenge) is Phase.CLOSED
    assert reason(challenge, content(1)) == "closed"


def test_a_clock_that_is_set_back_does_not_open_what_was_closed(challenge, clock):
    lifecycle.close(challenge)
    clock.passes(days=-30)
    assert phase(challenge) is Phase.CLOSED
    assert reason(challenge, content()) == "closed"


def test_a_challenge_closes_by_itself_when_its_time_has_come(challenge, clock):
    assert phase(challenge) is Phase.LIVE
    clock.at = NOON + 7 * DAY
    assert phase(challenge) is Phase.CLOSED


def test_a_close_that_came_too_early_can_be_undone_until_the_reveal(challenge):
    lifecycle.close(challenge)
    lifecycle.resume(challenge)
    send(challenge, content())
    ended(challenge)
    with pytest.raises(ChallengeError, match="revealed at 2026-04-01 12:00:00"):
        lifecycle.resume(challenge)


def test_nothing_is_revealed_while_someone_may_still_hand_in(challenge, clock):
    with pytest.raises(ChallengeError, match="close the challenge first"):
        lifecycle.reveal(challenge)
    send(challenge, content())
    clock.at = NOON + 7 * DAY
    lifecycle.extend(challenge, "us", until=clock.at + DAY)
    with pytest.raises(ChallengeError, match="close the challenge first"):
        lifecycle.reveal(challenge)
    clock.passes(days=1)
    lifecycle.reveal(challenge)
    assert phase(challenge) is Phase.REVEALED


def test_nothing_is_revealed_before_everything_is_scored(challenge):
    receive(challenge, Arrival("us", "cnn", challenge.store.keep(content())))
    lifecycle.close(challenge)
    with pytest.raises(ChallengeError, match="1 submissions are not scored yet"):
        lifecycle.reveal(challenge)


def test_commands_that_are_given_twice_do_nothing_the_second_time(challenge):
    for action in (lifecycle.pause, lifecycle.resume, lifecycle.close):
        action(challenge)
        before = audit_log(challenge.store).n_events
        action(challenge)
        assert audit_log(challenge.store).n_events == before
    lifecycle.reveal(challenge)
    before = audit_log(challenge.store).n_events
    lifecycle.reveal(challenge)
    assert audit_log(challenge.store).n_events == before


# --- extensions ------------------------------------------------------------------------------


def test_an_extension_is_for_one_team(challenge, clock):
    for team in ("us", "them"):
        send(challenge, content(), team=team)
    lifecycle.extend(challenge, "US", until=NOON + 8 * DAY)
    clock.at = NOON + 7 * DAY
    assert send(challenge, content(1)).team == "us"
    assert reason(challenge, content(1), team="them") == "closed"
    assert phase(challenge) is Phase.LIVE
    clock.passes(days=1)
    assert reason(challenge, content(2)) == "closed"


def test_an_extension_that_ends_before_the_close_takes_no_time_away(challenge, clock):
    send(challenge, content())
    lifecycle.extend(challenge, "us", until=NOON + DAY)
    clock.at = NOON + 2 * DAY
    send(challenge, content(1))


def test_an_extension_can_be_given_after_the_close_and_ends_with_the_next_one(challenge):
    send(challenge, content())
    lifecycle.close(challenge)
    lifecycle.extend(challenge, "us", until=NOON + DAY)
    send(challenge, content(1))
    lifecycle.close(challenge)
    assert reason(challenge, content(2)) == "closed"


def test_a_team_can_be_given_more_submissions_a_day(challenge):
    for number in range(5):
        send(challenge, content(number))
    lifecycle.extend(challenge, "us", per_day=7)
    assert send(challenge, content(5)).quota.left == 1


def test_an_extension_into_the_past_is_refused(challenge):
    send(challenge, content())
    with pytest.raises(ChallengeError, match="after 2026-04-01 12:00:00"):
        lifecycle.extend(challenge, "us", until=NOON)


def test_a_team_that_is_unknown_is_told_with_those_that_are_known(challenge):
    send(challenge, content(), team="Top Quarks")
    with pytest.raises(ChallengeError, match=r"no team 'Top Quark'\. Nearest: Top Quarks"):
        lifecycle.extend(challenge, "Top Quark", per_day=9)
    with pytest.raises(ChallengeError, match=r"no team 'us'\. Teams are: Top Quarks"):
        lifecycle.extend(challenge, "us", per_day=9)


# --- final choices ---------------------------------------------------------------------------


def test_a_pick_takes_the_place_of_the_best_on_the_private_board_only(challenge):
    first, better = send(challenge, ladder(0)), send(challenge, ladder(3))
    assert lifecycle.pick(challenge, "us", [first.sha256[:12]]) == ["cnn"]

    scored = challenge.store.scored()
    assert [each.id for each in one_of_each_network(scored)] == [better.submission]
    assert [each.id for each in one_of_each_network(scored, final=True)] == [first.submission]
    assert all(each.verdict.is_best for each in scored)
    ended(challenge)
    (line,) = current_standings(challenge).lines
    assert line.submission == first.submission


def test_a_pick_can_be_changed_until_the_close(challenge):
    first, second = send(challenge, ladder(0)), send(challenge, ladder(1))
    for receipt in (first, second):
        lifecycle.pick(challenge, "us", [receipt.sha256])
    picked = [each.id for each in challenge.store.records() if each.is_pick]
    assert picked == [second.submission]
    lifecycle.close(challenge)
    with pytest.raises(ChallengeError, match="final choices stand"):
        lifecycle.pick(challenge, "us", [first.sha256])


def test_a_file_that_was_handed_in_for_two_networks_is_picked_for_both(challenge):
    for network in ("cnn", "dnn"):
        receipt = send(challenge, content(), network=network)
    chosen = lifecycle.pick(challenge, "us", [receipt.sha256[:8]])
    assert chosen == ["cnn", "dnn"]


@pytest.mark.parametrize(
    ("receipt", "words"),
    [("0123456", "at least 8 digits"), ("%" * 8, "at least 8 digits"), ("0" * 12, "No scored")],
)
def test_a_pick_of_what_is_no_receipt_is_refused(challenge, receipt, words):
    send(challenge, content())
    with pytest.raises(ChallengeError, match=words):
        lifecycle.pick(challenge, "us", [receipt])


def test_nobody_picks_another_teams_submission(challenge):
    send(challenge, content(), team="us")
    theirs = send(challenge, content(1), team="them")
    with pytest.raises(ChallengeError, match="No scored submission of us"):
        lifecycle.pick(challenge, "us", [theirs.sha256])


# --- two at once -----------------------------------------------------------------------------


def test_a_submission_that_was_received_is_scored_although_the_challenge_closes(
    challenge, monkeypatch
):
    def closing(*args):
        lifecycle.close(Challenge.open(challenge.folder))
        return is_step(*args)

    monkeypatch.setattr("challenge.intake.submission.is_step", closing)
    receipt = send(challenge, content())
    assert receipt.is_best
    assert phase(challenge) is Phase.CLOSED


def test_after_the_reveal_nobody_is_sent_to_ask_for_time(challenge, clock):
    send(challenge, content())
    lifecycle.extend(challenge, "us", until=NOON + 9 * DAY)
    ended(challenge)
    with pytest.raises(SubmissionError) as refused:
        send(challenge, content(1))
    assert refused.value.reason == "revealed"
    assert refused.value.sentence.startswith(
        "The challenge is over: its private ranks were revealed at 2026-04-01 12:00:00 UTC"
    )
    assert "ask" not in refused.value.sentence
    with pytest.raises(ChallengeError, match="revealed"):  # the answer that asking would get
        lifecycle.extend(challenge, "us", until=NOON + 9 * DAY)


def test_a_submission_that_meets_the_close_before_its_row_is_refused(challenge, monkeypatch):
    keep = type(challenge.store).keep

    def closing(store, data):
        lifecycle.close(challenge)
        return keep(store, data)

    monkeypatch.setattr(type(challenge.store), "keep", closing)
    assert reason(challenge, content()) == "closed"
    assert challenge.store.records() == []
