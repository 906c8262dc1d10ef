"""Who may hand in, how often, and until when."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from multiprocessing import get_context

import numpy as np
import pytest
from challenges import NOON, Clock, N, content, file_of, new_challenge, send

from challenge.errors import ChallengeError, SubmissionError
from challenge.intake.quota import DAY, quota_of
from challenge.store import lifecycle
from challenge.store.audit import audit_log
from challenge.store.challenge import Challenge
from challenge.store.records import State
from challenge.store.store import SUBMISSIONS
from challenge.words import time_text

BAD = file_of(np.full(N, np.inf))


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def challenge(tmp_path, clock):
    return new_challenge(tmp_path / "c", clock=clock)


def bad(number):
    """A file that is refused, different for each number."""
    return file_of(np.full(N, number, dtype=int))


def reason(challenge, data, **names):
    with pytest.raises(SubmissionError) as refused:
        send(challenge, data, **names)
    return refused.value.reason


# --- arithmetic --------------------------------------------------------------------------------


def test_a_submission_comes_back_24_hours_after_it_was_made_and_not_a_moment_earlier():
    moment = timedelta(microseconds=1)
    assert quota_of([NOON], limit=1, now=NOON + DAY - moment).left == 0
    assert quota_of([NOON], limit=1, now=NOON + DAY).left == 1


def test_the_promised_time_is_that_of_the_submission_whose_return_frees_one():
    times = [NOON + timedelta(hours=hour) for hour in (3, 0, 1, 2)]
    now = NOON + timedelta(hours=4)
    assert quota_of(times, limit=5, now=now).returns_at == NOON + DAY
    assert quota_of(times, limit=4, now=now).returns_at == NOON + DAY
    # Lowered to two meanwhile: the first two have to come back before one is free.
    assert quota_of(times, limit=2, now=now).returns_at == NOON + DAY + timedelta(hours=2)


def test_a_submission_from_the_future_does_not_hold_a_team_up_for_ever():
    assert quota_of([NOON + 400 * DAY], limit=1, now=NOON).left == 1


def test_no_quota_used_has_nothing_to_return():
    assert quota_of([], limit=5, now=NOON).returns_at is None


def test_a_promised_time_is_rounded_up():
    assert time_text(NOON + timedelta(microseconds=1)) == "2026-04-01 12:00:01 UTC"


# --- submissions of a day --------------------------------------------------------------------


def test_the_sixth_submission_of_24_hours_is_refused_and_told_when_to_come_back(challenge, clock):
    for number in range(5):
        assert send(challenge, content(number)).quota.left == 4 - number
        clock.passes(hours=1)
    with pytest.raises(SubmissionError, match="2026-04-02 12:00:00 UTC") as refused:
        send(challenge, content(5))
    assert refused.value.reason == "quota"
    assert len(challenge.store.records()) == 5
    clock.at = NOON + DAY
    assert send(challenge, content(5)).quota.left == 0


def test_a_file_over_the_quota_is_not_even_kept(challenge):
    for number in range(5):
        send(challenge, content(number))
    assert reason(challenge, content(5)) == "quota"
    assert len(list((challenge.folder / SUBMISSIONS).iterdir())) == 5


def test_the_same_file_again_costs_nothing_and_is_answered_without_quota(challenge):
    receipts = [send(challenge, content(number)) for number in range(5)]
    assert send(challenge, content(2)).sha256 == receipts[2].sha256
    assert len(challenge.store.records()) == 5


def test_a_refused_file_costs_no_quota(challenge):
    assert reason(challenge, BAD) == "not-finite"
    assert send(challenge, content()).quota.left == 4


def test_each_team_has_a_quota_of_its_own(challenge):
    for number in range(5):
        send(challenge, content(number))
    assert send(challenge, content(), team="them").quota.left == 4


def test_a_team_with_another_spelling_has_the_same_quota(challenge):
    for number in range(5):
        send(challenge, content(number))
    assert reason(challenge, content(5), team=" US ") == "quota"


# --- refusals of a day -----------------------------------------------------------------------


def test_refusals_have_a_cap_of_their_own_and_good_files_still_pass(tmp_path, clock):
    challenge = new_challenge(tmp_path / "c", clock=clock, refusals_per_day=3)
    assert [reason(challenge, bad(number)) for number in range(5)] == ["dtype"] * 3 + [
        "refusals"
    ] * 2
    assert len(challenge.store.records()) == 3
    assert len(list((challenge.folder / SUBMISSIONS).iterdir())) == 3
    assert send(challenge, content()).quota.left == 4
    clock.passes(days=1)
    assert reason(challenge, bad(9)) == "dtype"


def test_a_refused_file_that_comes_again_is_told_the_same_and_counts_once(tmp_path):
    challenge = new_challenge(tmp_path / "c", refusals_per_day=2)
    assert {reason(challenge, bad(0)) for _ in range(4)} == {"dtype"}
    assert reason(challenge, bad(1)) == "dtype"


# --- networks --------------------------------------------------------------------------------


def test_a_sixth_network_is_refused_and_told_the_names_of_the_others(challenge, clock):
    for number in range(5):
        send(challenge, content(number), network=f"net {number}")
    clock.passes(days=2)
    with pytest.raises(SubmissionError, match="net 0, net 1, net 2, net 3, net 4") as refused:
        send(challenge, content(9), network="net 5")
    assert refused.value.reason == "networks"
    send(challenge, content(9), network="NET 3")


def test_a_refused_file_makes_no_network(challenge):
    for number in range(7):
        assert reason(challenge, bad(number), network=f"net {number}") == "dtype"
    for number in range(5):
        send(challenge, content(number), network=f"other {number}")


# --- opening and closing times ---------------------------------------------------------------


def test_nothing_is_taken_in_before_it_opens_or_after_it_closes(tmp_path, clock):
    opens, closes = NOON + timedelta(hours=1), NOON + timedelta(hours=2)
    challenge = new_challenge(tmp_path / "c", clock=clock, opens=opens, closes=closes)
    assert reason(challenge, content()) == "not-open"
    clock.at = opens
    send(challenge, content())
    clock.at = closes - timedelta(microseconds=1)
    send(challenge, content(1))
    clock.at = closes
    assert reason(challenge, content(2)) == "closed"
    assert send(challenge, content(1)).quota.used == 2  # a receipt can always be had again


def test_a_refusal_at_the_wrong_time_leaves_no_trace(tmp_path, clock):
    challenge = new_challenge(tmp_path / "c", clock=clock, closes=NOON)
    assert reason(challenge, content()) == "closed"
    assert reason(challenge, BAD) == "closed"
    assert challenge.store.records() == []
    with pytest.raises(ChallengeError, match="none yet"):
        lifecycle.extend(challenge, "us", per_day=9)


# --- clocks ----------------------------------------------------------------------------------


def test_a_clock_that_is_set_back_gives_no_quota_and_no_earlier_receipt(challenge, clock):
    receipts = [send(challenge, content(number)) for number in range(3)]
    clock.passes(hours=-1)
    receipts += [send(challenge, content(number)) for number in range(3, 5)]
    assert reason(challenge, content(5)) == "quota"
    times = [each.received_at for each in receipts]
    assert times == sorted(times)
    assert audit_log(challenge.store).faults == ()


def test_a_clock_that_was_years_ahead_does_not_stop_the_challenge(challenge, clock):
    clock.passes(days=5000)
    send(challenge, content(0))
    clock.passes(days=-5000)
    receipt = send(challenge, content(1))
    assert receipt.received_at == NOON
    assert receipt.quota.used == 1
    assert audit_log(challenge.store).faults == ()


def test_a_clock_that_is_set_back_is_noted_in_the_log(challenge, clock):
    send(challenge, content(0))
    clock.passes(days=-30)
    send(challenge, content(1))
    with challenge.store.reading() as session:
        kinds = list(
            session.connection().exec_driver_sql("SELECT kind FROM event ORDER BY number").scalars()
        )
    assert kinds.count("clock-set-back") == 1


# --- many at once ------------------------------------------------------------------------------


def try_one(task):
    folder, number = task
    try:
        return send(Challenge.open(folder), content(number)).sha256
    except SubmissionError as refusal:
        return refusal.reason


def test_exactly_5_of_16_simultaneous_submissions_pass(challenge):
    tasks = [(challenge.folder, number) for number in range(16)]
    with get_context("spawn").Pool(4) as pool:
        answers = pool.map(try_one, tasks, chunksize=1)
    assert answers.count("quota") == 11
    assert len(set(answers)) == 6
    records = challenge.store.records()
    assert [each.state for each in records] == [State.SCORED] * 5
    assert {each.sha256 for each in records} == set(answers) - {"quota"}
    assert audit_log(challenge.store).faults == ()


def test_two_that_bring_a_new_team_at_once_make_one(challenge):
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(try_one, [(challenge.folder, n) for n in range(4)]))
    assert len(set(answers)) == 4
    assert {each.team for each in challenge.store.records()} == {"us"}
