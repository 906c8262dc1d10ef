"""Wrong hand-ins are undone, teams renamed; nobody gains a try by it."""

import numpy as np
import pytest
from challenges import (
    LABELS,
    NOON,
    content,
    ended,
    file_of,
    ladder,
    new_challenge,
    on_board,
    send,
)
from sqlalchemy import text

from challenge.board import marks
from challenge.board.copies import look_alikes
from challenge.board.current import current_standings
from challenge.errors import ChallengeError, SubmissionError
from challenge.intake import history, merge, quota_left, rename, shown_text, stand_ins, withdraw
from challenge.intake.quota import DAY
from challenge.intake.submission import accept, submit
from challenge.store import audit_log, lifecycle
from challenge.words import BASELINE_TEAM


def kinds(challenge):
    with challenge.store.reading() as session:
        return list(session.scalars(text("SELECT kind FROM event ORDER BY number")))


# --- withdraw --------------------------------------------------------------------------------


def test_a_withdrawn_file_leaves_the_board_and_the_one_before_it_stands_again(challenge):
    first, wrong = send(challenge, ladder(1)), send(challenge, ladder(4))
    assert withdraw(challenge, "US", [wrong.sha256[:8]]) == [wrong.submission]
    assert on_board(challenge) == [("us", "cnn", first.submission)]
    ended(challenge)
    assert on_board(challenge) == [("us", "cnn", first.submission)]


def test_a_team_whose_only_file_was_withdrawn_has_no_entry_and_no_mark(challenge):
    wrong = send(challenge, ladder(1))
    send(challenge, ladder(2), team="them")
    withdraw(challenge, "us", [wrong.sha256])
    ended(challenge)
    assert [team for team, *_ in on_board(challenge)] == ["them"]
    students = [{"student_id": "ann", "team": "us"}]
    assert "no team 'us' has an entry" in marks.unmatched(challenge, students)[0]
    assert ",0.0,0.0,0.0,1.0" in marks.grades(challenge, students)


def test_a_withdrawn_file_still_uses_the_quota_and_a_network(tmp_path, clock):
    challenge = new_challenge(tmp_path / "c", clock=clock, per_day=2, networks=1)
    wrong = send(challenge, ladder(1))
    withdraw(challenge, "us", [wrong.sha256])
    assert quota_left(challenge, "us").left == 1
    with pytest.raises(SubmissionError, match="at most 1 networks"):
        send(challenge, ladder(2), network="other")
    send(challenge, ladder(2))
    with pytest.raises(SubmissionError, match="all 2 submissions"):
        send(challenge, ladder(3))


def test_files_are_judged_as_if_the_withdrawn_one_had_never_been_the_best(challenge):
    first, wrong = send(challenge, ladder(1)), send(challenge, ladder(5))
    refused = send(challenge, ladder(3))  # better than the first, hidden behind the wrong one
    assert not refused.is_best
    withdraw(challenge, "us", [wrong.sha256])
    record = challenge.store.record(refused.submission)
    assert (record.verdict.is_best, record.verdict.compared_with) == (True, first.submission)
    assert on_board(challenge) == [("us", "cnn", refused.submission)]
    assert kinds(challenge)[-2:] == ["withdrawn", "rescored"]
    better = send(challenge, ladder(4))
    assert better.is_best


def test_a_file_that_only_looks_better_is_no_step_after_a_withdrawal_either(challenge):
    """Withdrawing does not let a team see the scores of probes."""
    first, wrong = send(challenge, content()), send(challenge, ladder(4))
    nudged = np.frombuffer(content()[-8 * len(LABELS) :]).copy()
    nudged[np.flatnonzero(LABELS)[:3]] += 0.1
    probe = send(challenge, file_of(nudged))
    withdraw(challenge, "us", [wrong.sha256])
    verdict = challenge.store.record(probe.submission).verdict
    assert (verdict.is_best, verdict.compared_with) == (False, first.submission)


def test_what_cannot_be_distinguished_from_a_withdrawn_file_shows_its_known_score(challenge):
    send(challenge, ladder(0))
    wrong = send(challenge, ladder(4))
    withdraw(challenge, "us", [wrong.sha256])
    nudged = np.frombuffer(ladder(4)[-8 * len(LABELS) :]).copy()
    nudged[np.flatnonzero(LABELS)[0]] += 0.01
    again = send(challenge, file_of(nudged))
    assert again.is_best
    assert again.card == wrong.card
    stands = stand_ins(challenge, challenge.store.of_team("us"))
    assert stands[again.submission].id == wrong.submission


def test_no_label_is_read_off_by_moving_one_jet_and_withdrawing_each_time(tmp_path):
    """Without the memory of withdrawn files every other file would show a score of its own."""
    challenge = new_challenge(tmp_path / "c", per_day=100)
    scores = np.frombuffer(ladder(2)[-8 * len(LABELS) :])
    cards, before = set(), None
    for jet in range(12):
        nudged = scores.copy()
        nudged[jet] = 9.0
        receipt = send(challenge, file_of(nudged))
        if before is not None:
            withdraw(challenge, "us", [before.sha256])
        answers = [answer for _, answer in history(challenge, "us")]
        cards |= {each.card for each in (receipt, answers[-1])}
        (line,) = current_standings(challenge).lines
        cards.add(line.card)
        before = receipt
    assert len(cards) == 1
    assert audit_log(challenge.store).faults == ()


def test_a_network_never_shows_less_than_the_best_that_still_stands(challenge):
    """What a withdrawn file showed is not what its network showed before."""
    low, wrong = send(challenge, ladder(0)), send(challenge, ladder(5))
    other = send(challenge, ladder(2), network="dnn")
    withdraw(challenge, "us", [wrong.sha256])
    again = send(challenge, ladder(2))
    assert again.card == other.card != low.card


def test_the_same_file_again_is_answered_as_withdrawn(challenge):
    """Else a notebook that is run again would bring it back."""
    wrong = send(challenge, ladder(1))
    withdraw(challenge, "us", [wrong.sha256])
    with pytest.raises(SubmissionError, match="Withdrawn by the instructor at 2026-04-01") as told:
        send(challenge, ladder(1))
    assert told.value.reason == "withdrawn"
    ((record, answer),) = history(challenge, "us")
    assert "cnn  " + wrong.sha256 + "  Withdrawn by the instructor" in shown_text(record, answer)


def test_it_can_be_handed_in_for_the_right_team_and_nobody_calls_it_a_copy(challenge):
    wrong = send(challenge, ladder(3), team="us")
    withdraw(challenge, "us", [wrong.sha256])
    right = send(challenge, ladder(3), team="them")
    assert on_board(challenge) == [("them", "cnn", right.submission)]
    assert look_alikes(challenge.store.scored(), challenge.scores_of) == []


@pytest.mark.parametrize("network", ["cnn", "CNN", "dnn"])
def test_no_network_of_the_team_brings_a_withdrawn_file_back(challenge, network):
    wrong = send(challenge, ladder(1))
    withdraw(challenge, "us", [wrong.sha256])
    with pytest.raises(
        SubmissionError, match=r"ithdrawn.* by the instructor at 2026-04-01"
    ) as told:
        send(challenge, ladder(1), network=network)
    assert told.value.reason == "withdrawn"
    assert len(challenge.store.records()) == 1


def test_the_instructor_can_hand_in_a_withdrawn_file_for_the_right_network(challenge):
    wrong = send(challenge, ladder(1))
    withdraw(challenge, "us", [wrong.sha256])
    right = submit(challenge, ladder(1), team="us", network="dnn", again=True)
    assert on_board(challenge) == [("us", "dnn", right.submission)]
    assert (right.card, right.stand_in) == (wrong.card, None)
    with pytest.raises(SubmissionError, match="Withdrawn by the instructor"):
        submit(challenge, ladder(1), team="us", network="cnn", again=True)


def test_undoing_all_leaves_out_what_was_withdrawn_for_itself(challenge, clock):
    sent = [send(challenge, ladder(step), network=f"net{step}") for step in range(3)]
    withdraw(challenge, "us", [sent[0].sha256])
    clock.passes(hours=1)
    withdraw(challenge, "us", None)
    clock.passes(hours=1)
    withdraw(challenge, "us", [sent[1].sha256], undo=True)
    withdraw(challenge, "us", [sent[1].sha256])  # again, for itself
    rename(challenge, "us", "we")
    assert withdraw(challenge, "we", None, undo=True) == [sent[2].submission]
    assert withdraw(challenge, "we", None, undo=True) == []


def test_all_that_was_never_withdrawn_at_once_comes_back_by_receipt(challenge):
    wrong = send(challenge, ladder(1))
    withdraw(challenge, "us", [wrong.sha256])
    with pytest.raises(ChallengeError, match="name the receipts"):
        withdraw(challenge, "us", None, undo=True)


def test_a_withdrawal_can_be_undone_with_all_that_followed_from_it(challenge):
    for step in (1, 5, 3):
        send(challenge, ladder(step))
    before = challenge.store.records()
    wrong = before[1]
    withdraw(challenge, "us", [wrong.sha256])
    assert challenge.store.records() != before
    assert withdraw(challenge, "us", [wrong.sha256], undo=True) == [wrong.id]
    assert challenge.store.records() == before


def test_a_withdrawal_that_is_repeated_changes_nothing(challenge):
    wrong = send(challenge, ladder(1))
    withdraw(challenge, "us", [wrong.sha256])
    before = kinds(challenge)
    assert withdraw(challenge, "us", [wrong.sha256]) == []
    assert kinds(challenge) == before


def test_a_team_is_removed_by_withdrawing_everything(challenge):
    for step in (1, 2):
        send(challenge, ladder(step), network=f"net{step}")
    assert withdraw(challenge, "us", None) == [1, 2]
    assert on_board(challenge) == []


def test_a_final_choice_that_was_withdrawn_gives_way_to_the_best_and_none_can_be_made(challenge):
    first, best = send(challenge, ladder(1)), send(challenge, ladder(3))
    lifecycle.pick(challenge, "us", [first.sha256])
    withdraw(challenge, "us", [first.sha256])
    with pytest.raises(ChallengeError, match="was withdrawn at"):
        lifecycle.pick(challenge, "us", [first.sha256])
    lifecycle.close(challenge)
    lifecycle.reveal(challenge)
    assert on_board(challenge) == [("us", "cnn", best.submission)]


def test_after_the_close_files_can_be_withdrawn_and_after_the_reveal_nothing_changes(challenge):
    first, second = send(challenge, ladder(1)), send(challenge, ladder(3))
    lifecycle.close(challenge)
    withdraw(challenge, "us", [second.sha256])
    lifecycle.reveal(challenge)
    for action in (
        lambda: withdraw(challenge, "us", [first.sha256]),
        lambda: withdraw(challenge, "us", [second.sha256], undo=True),
        lambda: rename(challenge, "us", "we"),
        lambda: merge(challenge, "us", "them"),
    ):
        with pytest.raises(ChallengeError, match=r"revealed at|no team"):
            action()


def test_a_withdrawal_between_judging_and_noting_is_judged_again(challenge, monkeypatch):
    first, wrong = send(challenge, ladder(1)), send(challenge, ladder(5))
    settle = type(challenge.store).settle
    done = []

    def withdrawing(store, submission, outcome):
        if not done:
            done.append(withdraw(challenge, "us", [wrong.sha256]))
        return settle(store, submission, outcome)

    monkeypatch.setattr(type(challenge.store), "settle", withdrawing)
    again = send(challenge, ladder(3))
    assert again.is_best
    verdict = challenge.store.record(again.submission).verdict
    assert verdict.compared_with == first.submission


# --- rename ----------------------------------------------------------------------------------


def test_a_renamed_team_keeps_its_submissions_and_its_quota_under_both_names(challenge):
    send(challenge, ladder(1), team="Top Qarks")
    assert rename(challenge, "top qarks", " Top  Quarks") == "Top Quarks"
    assert [team for team, *_ in on_board(challenge)] == ["Top Quarks"]
    again = send(challenge, ladder(2), team="TOP QARKS")
    assert (again.team, again.quota.used) == ("Top Quarks", 2)
    assert quota_left(challenge, "Top Qarks") == quota_left(challenge, "Top Quarks")
    assert len(history(challenge, "Top Qarks")) == 2


def test_a_team_can_be_renamed_again_and_back(challenge):
    send(challenge, ladder(1), team="a")
    for name in ("b", "B", "c", "a", "A"):
        rename(challenge, "a", name)
        assert audit_log(challenge.store).faults == ()
    assert challenge.store.team_names() == {"a": "A", "b": "A", "c": "A"}
    before = kinds(challenge)
    rename(challenge, "c", "A")
    assert kinds(challenge) == before


def test_no_team_takes_a_name_that_another_has_or_had(challenge):
    send(challenge, ladder(1), team="a")
    send(challenge, ladder(1), team="b")
    rename(challenge, "a", "c")
    for name in ("a", "C"):
        with pytest.raises(ChallengeError, match="is that of team 'c', or was"):
            rename(challenge, "b", name)


@pytest.mark.parametrize("name", ["Baseline", "-x", ".x", "<b>", ""])
def test_a_name_that_no_new_team_may_have_is_refused(challenge, name):
    send(challenge, ladder(1))
    with pytest.raises(SubmissionError) as refused:
        rename(challenge, "us", name)
    assert refused.value.reason == "team-name"


def test_the_challenges_own_entries_keep_their_name(challenge):
    own = accept(challenge, content(), team=BASELINE_TEAM, network="mass", is_ours=True)
    send(challenge, ladder(1))
    for action in (
        lambda: rename(challenge, BASELINE_TEAM, "x"),
        lambda: merge(challenge, BASELINE_TEAM, "us"),
        lambda: merge(challenge, "us", BASELINE_TEAM),
        lambda: withdraw(challenge, BASELINE_TEAM, None),
        lambda: withdraw(challenge, BASELINE_TEAM, [own.sha256]),
        lambda: lifecycle.extend(challenge, BASELINE_TEAM, per_day=9),
        lambda: lifecycle.pick(challenge, BASELINE_TEAM, [own.sha256]),
    ):
        with pytest.raises(ChallengeError, match="challenge's own"):
            action()
    assert kinds(challenge)[-1] == "scored"


def test_extensions_choices_and_marks_follow_a_team_to_its_new_name(challenge):
    receipt = send(challenge, ladder(1))
    lifecycle.extend(challenge, "us", until=NOON + 9 * DAY, per_day=7)
    lifecycle.pick(challenge, "us", [receipt.sha256])
    rename(challenge, "us", "we")
    lifecycle.extend(challenge, "us", per_day=8)
    lifecycle.close(challenge)
    lifecycle.resume(challenge)
    assert quota_left(challenge, "we").limit == 8
    ended(challenge)
    rows = marks.grades(challenge, [{"student_id": "ann", "team": "US"}])
    assert "ann,,,,1.0" in rows
    assert marks.unmatched(challenge, [{"student_id": "ann", "team": "US"}]) == []


# --- a close that came too early ---------------------------------------------------------------


def test_resuming_after_an_early_close_gives_back_extensions_that_still_run(challenge, clock):
    for team in ("us", "them", "late"):
        send(challenge, ladder(1), team=team)
    lifecycle.extend(challenge, "us", until=NOON + 9 * DAY)
    lifecycle.extend(challenge, "them", until=NOON + DAY / 2)
    lifecycle.close(challenge)
    lifecycle.extend(challenge, "late", until=NOON + 10 * DAY)
    rename(challenge, "us", "we")
    clock.passes(days=1)
    lifecycle.resume(challenge)
    clock.at = NOON + 8 * DAY
    assert send(challenge, ladder(2), team="we").team == "we"
    assert send(challenge, ladder(2), team="late").team == "late"
    with pytest.raises(SubmissionError, match="closed"):
        send(challenge, ladder(2), team="them")


# --- forgeries -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE submission SET withdrawn = NULL", "is withdrawn in one of"),
        ("UPDATE submission SET withdrawn = received_at WHERE id = 1", "is withdrawn in one of"),
        ("UPDATE team SET name = 'a'", "another team"),
        ("UPDATE former_name SET key = 'x'", "former names"),
        ("DELETE FROM former_name", "former names"),
    ],
)
def test_a_correction_that_is_not_in_the_log_is_found(tmp_path, clock, statement, words):
    challenge = new_challenge(tmp_path / "c", clock=clock)
    send(challenge, ladder(1))
    wrong = send(challenge, ladder(2))
    withdraw(challenge, "us", [wrong.sha256])
    rename(challenge, "us", "we")
    assert audit_log(challenge.store).faults == ()
    with challenge.store._engine.begin() as connection:
        connection.execute(text(statement))
    assert words in " ".join(audit_log(challenge.store).faults)
