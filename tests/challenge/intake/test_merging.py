"""Two teams become one, and a file that both handed in counts once."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from challenges import (
    LABELS,
    content,
    ended,
    file_of,
    ladder,
    new_challenge,
    on_board,
    send,
)

from challenge.board.current import current_standings
from challenge.errors import ChallengeError, SubmissionError
from challenge.intake import (
    history,
    merge,
    quota_left,
    rename,
    roster,
    roster_text,
    shown_text,
    withdraw,
)
from challenge.intake.rescoring import wrong_scores
from challenge.intake.submission import finish_interrupted
from challenge.store import Challenge, audit_log, lifecycle
from challenge.store.store import Store


def test_merged_teams_are_one_with_the_quota_of_both_used(challenge):
    for number in range(3):
        send(challenge, ladder(number), team="Top Qarks", network=f"q{number}")
        send(challenge, ladder(number), team="Top Quarks", network=f"net{number}")
    assert merge(challenge, "top qarks", "top quarks") == ("Top Quarks", [])
    quota = quota_left(challenge, "Top Qarks")
    assert (quota.used, quota.left) == (6, 0)
    assert {team for team, *_ in on_board(challenge)} == {"Top Quarks"}
    with pytest.raises(SubmissionError, match="all 5 submissions"):
        send(challenge, ladder(4), team="Top Qarks", network="net0")
    with pytest.raises(SubmissionError, match="at most 5 networks"):
        send(challenge, ladder(4), team="Top Qarks", network="new")


def test_networks_of_one_name_become_one_and_are_judged_in_the_order_of_receipt(challenge):
    ours = send(challenge, ladder(1), team="a")
    theirs = send(challenge, ladder(4), team="b", network="CNN")
    late = send(challenge, ladder(2), team="a")
    assert late.is_best
    merge(challenge, "b", "a")
    assert on_board(challenge) == [("a", "cnn", theirs.submission)]
    judged = {each.id: each.verdict for each in challenge.store.records()}
    assert judged[theirs.submission].compared_with == ours.submission
    assert (judged[late.submission].is_best, judged[late.submission].compared_with) == (
        False,
        theirs.submission,
    )


@pytest.mark.parametrize("into", ["a", "b"])
def test_a_file_that_both_sent_stands_once_with_the_earlier_receipt(challenge, clock, into):
    first = send(challenge, ladder(2), team="a")
    clock.passes(hours=1)
    second = send(challenge, ladder(2), team="b")
    assert merge(challenge, "b" if into == "a" else "a", into) == (into, [second.submission])
    assert on_board(challenge) == [(into, "cnn", first.submission)]
    assert quota_left(challenge, into).used == 2
    known = {(record.sha256, record.received_at) for record, _ in history(challenge, "b")}
    assert {(each.sha256, each.received_at) for each in (first, second)} == known
    assert challenge.store.record(second.submission).withdrawn == clock.at
    assert send(challenge, ladder(2), team=into).submission == first.submission
    assert lifecycle.pick(challenge, into, [first.sha256]) == ["cnn"]
    better = send(challenge, ladder(5), team=into)
    assert [each.network for each in challenge.store.of_team(into)] == ["cnn"] * 3
    assert withdraw(challenge, into, [second.sha256], undo=True) == []
    assert on_board(challenge) == [(into, "cnn", better.submission)]


@pytest.mark.parametrize("last", ["a", "b"])
def test_the_last_final_choice_stands_for_a_merged_network(challenge, last):
    sent = {team: send(challenge, ladder(step), team=team) for step, team in ((1, "a"), (3, "b"))}
    for team in ("a", "b") if last == "b" else ("b", "a"):
        lifecycle.pick(challenge, team, [sent[team].sha256])
    merge(challenge, "b", "a")
    picked = [each.id for each in challenge.store.records() if each.is_pick]
    assert picked == [sent[last].submission]


def test_the_extension_of_a_team_that_ends_is_lost_and_that_of_the_other_stays(challenge):
    for team in ("a", "b"):
        send(challenge, ladder(1), team=team, network=team)
    lifecycle.extend(challenge, "a", per_day=9)
    lifecycle.extend(challenge, "b", per_day=6)
    merge(challenge, "a", "b")
    assert quota_left(challenge, "a").limit == 6


def test_teams_with_a_history_can_be_merged(challenge):
    """Renamed, merged and withdrawn from before, also a refused file."""
    for team in ("a", "b", "c"):
        send(challenge, ladder(ord(team) - 96), team=team)
        with pytest.raises(SubmissionError):
            send(challenge, b"", team=team)
    rename(challenge, "a", "x")
    merge(challenge, "x", "b")
    withdraw(challenge, "a", None)
    merge(challenge, "b", "c")
    assert challenge.store.team_names() == dict.fromkeys(("a", "b", "c", "x"), "c")
    assert len(on_board(challenge)) == 1
    with pytest.raises(ChallengeError, match="one team already: c"):
        merge(challenge, "a", "c")


def test_teams_that_hand_in_while_they_are_merged_and_renamed_lose_nothing(tmp_path):
    """Under every name that there was: no team is made anew, nothing is counted twice."""
    challenge = new_challenge(tmp_path / "c", per_day=100)
    for team in ("a", "b"):
        send(challenge, content(0), team=team)

    def hand_in(number):
        own = Challenge.open(challenge.folder)
        return send(own, content(number), team="ab"[number % 2], network=f"n{number % 3}")

    with ThreadPoolExecutor(6) as pool:
        sent = [pool.submit(hand_in, number) for number in range(1, 25)]
        rename(challenge, "a", "x")
        merge(challenge, "b", "a")
        rename(challenge, "b", "y")
        receipts = [each.result() for each in sent]
    assert len({each.submission for each in receipts}) == 24
    assert {each.team for each in challenge.store.records()} == {"y"}
    assert challenge.store.team_names() == dict.fromkeys("abxy", "y")
    assert quota_left(challenge, "a").used == 26
    assert audit_log(challenge.store).faults == ()
    assert list(wrong_scores(challenge)) == []


def a_little_better(challenge, data):
    """The file with the lowest public signal jet at the top: a higher AUC, and no step."""
    scores = np.frombuffer(data[-8 * len(LABELS) :]).copy()
    signal = np.flatnonzero(challenge.truth.is_public & (challenge.truth.labels == 1))
    scores[signal[np.argmin(scores[signal])]] = 9.0
    return file_of(scores)


# --- copies ----------------------------------------------------------------------------------


@pytest.mark.parametrize("into", ["a", "b"])
@pytest.mark.parametrize("withdrawn", ["a", "b"])
def test_of_a_file_that_was_withdrawn_from_one_team_the_others_copy_stands(
    challenge, withdrawn, into
):
    sent = {team: send(challenge, ladder(2), team=team) for team in ("a", "b")}
    withdraw(challenge, withdrawn, [sent[withdrawn].sha256])
    other = "b" if withdrawn == "a" else "a"
    gone = "b" if into == "a" else "a"
    assert merge(challenge, gone, into) == (into, [])
    assert on_board(challenge) == [(into, "cnn", sent[other].submission)]
    assert send(challenge, ladder(2), team=into).submission == sent[other].submission


def test_of_a_file_that_was_withdrawn_from_both_the_earlier_one_comes_back(challenge):
    sent = [send(challenge, ladder(2), team=team) for team in ("a", "b")]
    for team in ("a", "b"):
        withdraw(challenge, team, None)
    merge(challenge, "b", "a")
    assert on_board(challenge) == []
    assert withdraw(challenge, "a", [sent[0].sha256], undo=True) == [sent[0].submission]
    assert on_board(challenge) == [("a", "cnn", sent[0].submission)]


def test_the_last_final_choice_holds_where_it_was_of_a_copy(challenge):
    middle = send(challenge, ladder(1), team="a")
    send(challenge, ladder(2), team="a")
    send(challenge, ladder(1), team="b")
    send(challenge, ladder(4), team="b")
    lifecycle.pick(challenge, "b", [middle.sha256])
    merge(challenge, "a", "b")
    assert [each.id for each in challenge.store.records() if each.is_pick] == [middle.submission]
    ended(challenge)
    assert on_board(challenge) == [("b", "cnn", middle.submission)]


def test_the_choice_of_a_copy_is_no_later_than_it_was_made(challenge):
    for team in ("a", "b"):
        send(challenge, ladder(1), team=team)
    late = send(challenge, ladder(3), team="c")
    for team in ("b", "c"):
        lifecycle.pick(challenge, team, [challenge.store.of_team(team)[0].sha256])
    merge(challenge, "b", "a")
    merge(challenge, "c", "a")
    assert [each.id for each in challenge.store.records() if each.is_pick] == [late.submission]


def test_a_copy_comes_back_by_nothing_and_is_no_other_try(challenge):
    good = send(challenge, ladder(2), team="a")
    probe = a_little_better(challenge, ladder(2))
    near = send(challenge, probe, team="a")
    assert not near.is_best
    copy = send(challenge, probe, team="b")
    merge(challenge, "b", "a")
    assert withdraw(challenge, "a", [near.sha256], undo=True) == []
    withdraw(challenge, "a", None)
    assert withdraw(challenge, "a", None, undo=True) == [good.submission, near.submission]
    (line,) = current_standings(challenge).lines
    assert (line.submission, line.tries) == (good.submission, 2)
    assert current_standings(challenge).look_elsewhere.tried == 2
    assert challenge.store.record(copy.submission).withdrawn is not None
    ended(challenge)
    assert on_board(challenge) == [("a", "cnn", good.submission)]


def test_a_copy_is_called_a_copy(challenge):
    for team in ("a", "b"):
        lifecycle.pick(challenge, team, [send(challenge, ladder(2), team=team).sha256])
        with pytest.raises(SubmissionError):
            send(challenge, b"", team=team)
    merge(challenge, "b", "a")
    lines = [shown_text(*each) for each in history(challenge, "a")]
    assert "Teams that were merged both handed in this file for cnn" in lines[2]
    assert "refused [empty]" in lines[3]
    assert ["final choice" in line for line in lines] == [True, False, False, False]
    assert "Withdrawn" not in "".join(lines)
    (text,) = map(roster_text, roster(challenge))
    assert text.startswith("a: 1 scored, 2 refused, 1 sent twice (cnn)")


def test_a_copy_that_waits_for_its_score_never_stands(challenge, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Store, "settle", killed)
        with pytest.raises(KeyboardInterrupt):
            send(challenge, ladder(2), team="a")
    scored = send(challenge, ladder(2), team="b")
    merge(challenge, "a", "b")
    assert finish_interrupted(challenge) == []
    assert on_board(challenge) == [("b", "cnn", scored.submission)]


def test_a_copy_that_an_older_version_put_back_does_not_stand(tmp_path, clock):
    challenge = new_challenge(tmp_path / "c", clock=clock)
    good = send(challenge, ladder(2), team="a")
    for team in ("a", "b"):
        send(challenge, a_little_better(challenge, ladder(2)), team=team)
    merge(challenge, "b", "a")
    with challenge.store._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE submission SET withdrawn = NULL")
    assert on_board(challenge) == [("a", "cnn", good.submission)]
