"""From the opening to the marks: what an instructor does, and what it changes for the teams."""

import csv
import io
from datetime import timedelta

import numpy as np
import pytest
from contests import LABELS, NOON, Clock, content, file_of, ladder, new_contest, send

from challenge.board import marks as gradebook
from challenge.board.copies import look_alikes
from challenge.board.current import current_standings
from challenge.board.order import one_of_each_network
from challenge.board.wording import notes
from challenge.errors import ChallengeError, SubmissionError
from challenge.intake.quota import DAY
from challenge.intake.receipts import history
from challenge.intake.reception import Arrival, quota_left, receive
from challenge.intake.submission import accept, is_step
from challenge.store import lifecycle
from challenge.store.audit import audit_log
from challenge.store.challenge import Challenge
from challenge.store.records import Phase
from challenge.words import BASELINE_TEAM
from course_utils.metrics import compare_auc

LEVELS = np.linspace(0.02, 0.1, 41)  # how much stronger a file is made


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


def ended(contest):
    lifecycle.close(contest)
    lifecycle.reveal(contest)


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


# --- what the board tells ----------------------------------------------------------------------


def test_the_board_tells_the_private_split_only_after_the_reveal(contest):
    for team, data in (("a", ladder(1)), ("b", ladder(3))):
        send(contest, data, team=team)
    private = {each.team: each.verdict.private for each in contest.store.records()}
    for _ in range(2):
        live = current_standings(contest)
        assert all(line.public is None and line.diagnostics is None for line in live.lines)
        assert all(line.card != private[line.team] for line in live.lines)
        lifecycle.close(contest)
    lifecycle.reveal(contest)
    revealed = current_standings(contest)
    assert [line.card for line in revealed.lines] == [private["b"], private["a"]]
    assert all(line.diagnostics is not None for line in revealed.lines)


def test_the_rank_change_is_told_after_the_reveal(contest):
    rng = np.random.default_rng(3)
    public = contest.truth.is_public
    one, other = (rng.normal(size=len(LABELS)) for _ in range(2))
    send(contest, file_of(one + np.where(public, 3, 1) * LABELS), team="lucky")
    send(contest, file_of(other + np.where(public, 1, 3) * LABELS), team="unlucky")
    assert [line.team for line in current_standings(contest).lines] == ["lucky", "unlucky"]
    ended(contest)
    assert [(line.team, line.climbed) for line in current_standings(contest).lines] == [
        ("unlucky", 1),
        ("lucky", -1),
    ]


def test_a_pick_moves_from_the_place_where_its_network_stood(contest):
    """Its own public score would have been last, and no loss seen."""
    weak = send(contest, ladder(0))
    send(contest, ladder(4))
    send(contest, ladder(2), team="them")
    lifecycle.pick(contest, "us", [weak.sha256])
    live = [line.team for line in current_standings(contest).lines]
    ended(contest)
    first, last = current_standings(contest).lines
    assert live == ["us", "them"]
    assert [(line.team, line.climbed) for line in (first, last)] == [("them", 1), ("us", -1)]
    assert last.submission == weak.submission
    best = next(
        each for each in contest.store.records() if each.team == "us" and each.id != last.submission
    )
    assert last.public == best.verdict.public


def test_luck_on_the_private_jets_is_that_of_the_final_entries(contest):
    for step in range(4):
        send(contest, ladder(step))
    send(contest, ladder(2), team="them")
    assert current_standings(contest).look_elsewhere.tried == 5
    ended(contest)
    final = current_standings(contest)
    assert final.look_elsewhere.tried == 2
    assert any("2 final entries" in note for note in notes(final))


def test_a_copy_is_pointed_out_although_the_ladder_did_not_take_it(contest):
    send(contest, ladder(1), team="us")
    send(contest, ladder(3), team="them")
    assert not send(contest, ladder(1), team="them").is_best
    (pair,) = (
        each for each in look_alikes(contest.store.scored(), contest.scores_of) if each.identical
    )
    assert (pair.first.team, pair.second.team) == ("us", "them")


def test_a_file_is_read_once_when_it_is_handed_in(contest, monkeypatch):
    from challenge.intake import submission
    from challenge.store import challenge

    read, of_new = [], ladder(2)
    send(contest, ladder(1))
    for module in (submission, challenge):
        whole = module.read_scores
        monkeypatch.setattr(
            module, "read_scores", lambda data, n, whole=whole: read.append(data) or whole(data, n)
        )
    assert send(contest, of_new).is_best
    assert read.count(of_new) == 1


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


# --- marks -----------------------------------------------------------------------------------


def test_marks_count_the_baselines_that_were_beaten_significantly(contest):
    for network, data in (("weak", ladder(0)), ("strong", ladder(3))):
        accept(contest, data, team=BASELINE_TEAM, network=network, is_ours=True)
    for team, data in (("a", content(1, 0.0)), ("b", ladder(1)), ("c", ladder(5))):
        send(contest, data, team=team)
    ended(contest)
    rows = list(csv.DictReader(io.StringIO(gradebook.grades(contest))))
    assert list(rows[0]) == list(gradebook.COLUMNS)
    marks = {row["student_id"]: (row["score"], row["max_score"]) for row in rows}
    assert marks == {"a": ("1.0", "3.0"), "b": ("2.0", "3.0"), "c": ("3.0", "3.0")}


def test_marks_go_to_the_students_of_a_team_and_nobody_else(contest, tmp_path):
    send(contest, content(), team="Top Quarks")
    ended(contest)
    students = tmp_path / "students.csv"
    students.write_text(
        "student_id,team,email\nann,top quarks,ann@x.org\nbob,TOP QUARKS,\n=1+1,none,\n"
    )
    text = gradebook.grades(contest, gradebook.read_students(students))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["student_id"], row["score"]) for row in rows] == [
        ("ann", "1.0"),
        ("bob", "1.0"),
        ("'=1+1", "0.0"),
    ]
    assert rows[0]["email"] == "ann@x.org"
    assert rows[0]["timestamp"] == "2026-04-01 12:00:00"


def test_a_win_at_95_percent_is_worth_its_point_as_on_the_board(contest):
    """The Ladder asks for 99 %, so this win would not have been a step."""
    rng = np.random.default_rng(0)
    weak = rng.normal(size=len(LABELS)) + LABELS
    private = contest.truth.is_private
    p_value, strong = min(
        (
            (compare_auc(LABELS[private], weak[private], each[private]).p_value, each)
            for each in (weak + rng.normal(size=len(LABELS)) * 0.1 + x * LABELS for x in LEVELS)
        ),
        key=lambda each: abs(each[0] - 0.03),
    )
    assert 0.01 < p_value < 0.05
    accept(contest, file_of(weak), team=BASELINE_TEAM, network="weak", is_ours=True)
    send(contest, file_of(strong))
    ended(contest)
    assert [line.group for line in current_standings(contest).lines] == [1, 2]
    (row,) = csv.DictReader(io.StringIO(gradebook.grades(contest)))
    assert (row["score"], row["max_score"]) == ("2.0", "2.0")


def test_a_padded_team_name_is_the_team_and_a_mistyped_one_is_told(contest):
    for team in ("Top Quarks", "Jets"):
        send(contest, content(), team=team)
    accept(contest, content(1), team=BASELINE_TEAM, network="weak", is_ours=True)
    ended(contest)
    teams = {"ann": " Top  Quarks ", "bob": "Top Quark"}
    students = [{"student_id": name, "team": team} for name, team in teams.items()]
    rows = csv.DictReader(io.StringIO(gradebook.grades(contest, students)))
    assert [float(row["score"]) > 0 for row in rows] == [True, False]
    unknown, without = gradebook.unmatched(contest, students)
    assert "'bob'" in unknown
    assert "'Top Quark'" in unknown
    assert "'Jets'" in without
    assert len(history(contest, " top  quarks ")) == 1


def test_an_extension_for_a_padded_name_is_for_that_team(contest):
    send(contest, content(), team="Top Quarks")
    lifecycle.extend(contest, " Top  Quarks", per_day=9)
    assert quota_left(contest, "top  quarks ").limit == 9


def test_no_baseline_comes_in_after_the_reveal(contest):
    """It would change ranks and marks that everybody knows."""
    known = accept(contest, content(), team=BASELINE_TEAM, network="weak", is_ours=True)
    send(contest, ladder(3))
    lifecycle.close(contest)
    accept(contest, content(1), team=BASELINE_TEAM, network="late", is_ours=True)
    lifecycle.reveal(contest)
    before = current_standings(contest).lines
    with pytest.raises(SubmissionError, match="too late"):
        accept(contest, content(2), team=BASELINE_TEAM, network="too late", is_ours=True)
    again = accept(contest, content(), team=BASELINE_TEAM, network="weak", is_ours=True)
    assert again.submission == known.submission
    assert current_standings(contest).lines == before


def test_that_there_are_no_baselines_is_said(contest):
    send(contest, content())
    assert "no baselines" in gradebook.no_baselines(contest)
    accept(contest, content(), team=BASELINE_TEAM, network="weak", is_ours=True)
    assert gradebook.no_baselines(contest) is None


def test_marks_are_not_told_before_the_reveal(contest):
    lifecycle.close(contest)
    with pytest.raises(ChallengeError, match="reveal the challenge first"):
        gradebook.grades(contest)


@pytest.mark.parametrize("text", ["", "student_id\nann\n", "name;team\nann;a\n"])
def test_a_list_of_students_without_its_columns_is_refused(tmp_path, text):
    path = tmp_path / "students.csv"
    path.write_text(text)
    with pytest.raises(ChallengeError, match="student_id and team"):
        gradebook.read_students(path)


def test_a_list_of_students_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "students.csv"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ChallengeError, match="no CSV file"):
        gradebook.read_students(path)


def test_a_file_that_the_ladder_did_not_take_gets_no_hint_from_its_auc(contest):
    """Of so few jets nothing is said without labels; its AUC, near 0, would tell of the signs."""
    send(contest, ladder(3))
    flipped = send(contest, file_of(-np.load(io.BytesIO(ladder(3)))))
    assert not flipped.is_best
    assert flipped.hints == ()
    first = send(contest, file_of(-np.load(io.BytesIO(ladder(3)))), network="other")
    assert "signs flipped" in " ".join(first.hints)


def test_a_receipt_is_the_same_after_the_reveal(contest):
    before = send(contest, content())
    ended(contest)
    assert send(contest, content()).card == before.card


def test_a_day_of_a_challenge_is_in_its_log(contest):
    send(contest, content())
    lifecycle.pause(contest)
    lifecycle.resume(contest)
    lifecycle.extend(contest, "us", per_day=9, until=NOON + timedelta(days=9))
    lifecycle.pick(contest, "us", [send(contest, content()).sha256])
    ended(contest)
    with contest.store.reading() as session:
        log = session.connection().exec_driver_sql("SELECT kind FROM event ORDER BY number")
        kinds = " ".join(log.scalars())
    assert kinds == "received scored paused resumed extended picked closed revealed"
