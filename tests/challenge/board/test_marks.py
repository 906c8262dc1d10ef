"""Marks: thresholds against baselines, in the columns of nbgrader's gradebook."""

import csv
import io
from datetime import timedelta

import numpy as np
import pytest
from challenges import LABELS, NOON, Clock, content, ended, file_of, ladder, new_challenge, send

from challenge.board import marks as gradebook
from challenge.board.current import current_standings
from challenge.errors import ChallengeError, SubmissionError
from challenge.intake.quota import DAY
from challenge.intake.receipts import history
from challenge.intake.reception import quota_left
from challenge.intake.submission import accept
from challenge.store import lifecycle
from challenge.words import BASELINE_TEAM
from course_utils.metrics import compare_auc

LEVELS = np.linspace(0.02, 0.1, 41)  # how much stronger a file is made


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def challenge(tmp_path, clock):
    return new_challenge(tmp_path / "c", clock=clock, closes=NOON + 7 * DAY)


def test_marks_count_the_baselines_that_were_beaten_significantly(challenge):
    for network, data in (("weak", ladder(0)), ("strong", ladder(3))):
        accept(challenge, data, team=BASELINE_TEAM, network=network, is_ours=True)
    for team, data in (("a", content(1, 0.0)), ("b", ladder(1)), ("c", ladder(5))):
        send(challenge, data, team=team)
    ended(challenge)
    rows = list(csv.DictReader(io.StringIO(gradebook.grades(challenge))))
    assert list(rows[0]) == list(gradebook.COLUMNS)
    marks = {row["student_id"]: (row["score"], row["max_score"]) for row in rows}
    assert marks == {"a": ("1.0", "3.0"), "b": ("2.0", "3.0"), "c": ("3.0", "3.0")}


def test_marks_go_to_the_students_of_a_team_and_nobody_else(challenge, tmp_path):
    send(challenge, content(), team="Top Quarks")
    ended(challenge)
    students = tmp_path / "students.csv"
    students.write_text(
        "student_id,team,email\nann,top quarks,ann@x.org\nbob,TOP QUARKS,\n=1+1,none,\n"
    )
    text = gradebook.grades(challenge, gradebook.read_students(students))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["student_id"], row["score"]) for row in rows] == [
        ("ann", "1.0"),
        ("bob", "1.0"),
        ("'=1+1", "0.0"),
    ]
    assert rows[0]["email"] == "ann@x.org"
    assert rows[0]["timestamp"] == "2026-04-01 12:00:00"


def test_a_win_at_95_percent_is_worth_its_point_as_on_the_board(challenge):
    """The Ladder asks for 99 %, so this win would not have been a step."""
    rng = np.random.default_rng(0)
    weak = rng.normal(size=len(LABELS)) + LABELS
    private = challenge.truth.is_private
    p_value, strong = min(
        (
            (compare_auc(LABELS[private], weak[private], each[private]).p_value, each)
            for each in (weak + rng.normal(size=len(LABELS)) * 0.1 + x * LABELS for x in LEVELS)
        ),
        key=lambda each: abs(each[0] - 0.03),
    )
    assert 0.01 < p_value < 0.05
    accept(challenge, file_of(weak), team=BASELINE_TEAM, network="weak", is_ours=True)
    send(challenge, file_of(strong))
    ended(challenge)
    assert [line.group for line in current_standings(challenge).lines] == [1, 2]
    (row,) = csv.DictReader(io.StringIO(gradebook.grades(challenge)))
    assert (row["score"], row["max_score"]) == ("2.0", "2.0")


def test_a_padded_team_name_is_the_team_and_a_mistyped_one_is_told(challenge):
    for team in ("Top Quarks", "Jets"):
        send(challenge, content(), team=team)
    accept(challenge, content(1), team=BASELINE_TEAM, network="weak", is_ours=True)
    ended(challenge)
    teams = {"ann": " Top  Quarks ", "bob": "Top Quark"}
    students = [{"student_id": name, "team": team} for name, team in teams.items()]
    rows = csv.DictReader(io.StringIO(gradebook.grades(challenge, students)))
    assert [float(row["score"]) > 0 for row in rows] == [True, False]
    unknown, without = gradebook.unmatched(challenge, students)
    assert "'bob'" in unknown
    assert "'Top Quark'" in unknown
    assert "'Jets'" in without
    assert len(history(challenge, " top  quarks ")) == 1


def test_an_extension_for_a_padded_name_is_for_that_team(challenge):
    send(challenge, content(), team="Top Quarks")
    lifecycle.extend(challenge, " Top  Quarks", per_day=9)
    assert quota_left(challenge, "top  quarks ").limit == 9


def test_no_baseline_comes_in_after_the_reveal(challenge):
    """It would change ranks and marks that everybody knows."""
    known = accept(challenge, content(), team=BASELINE_TEAM, network="weak", is_ours=True)
    send(challenge, ladder(3))
    lifecycle.close(challenge)
    accept(challenge, content(1), team=BASELINE_TEAM, network="late", is_ours=True)
    lifecycle.reveal(challenge)
    before = current_standings(challenge).lines
    with pytest.raises(SubmissionError, match="too late"):
        accept(challenge, content(2), team=BASELINE_TEAM, network="too late", is_ours=True)
    again = accept(challenge, content(), team=BASELINE_TEAM, network="weak", is_ours=True)
    assert again.submission == known.submission
    assert current_standings(challenge).lines == before


def test_that_there_are_no_baselines_is_said(challenge):
    send(challenge, content())
    assert "no baselines" in gradebook.no_baselines(challenge)
    accept(challenge, content(), team=BASELINE_TEAM, network="weak", is_ours=True)
    assert gradebook.no_baselines(challenge) is None


def test_marks_are_not_told_before_the_reveal(challenge):
    lifecycle.close(challenge)
    with pytest.raises(ChallengeError, match="reveal the challenge first"):
        gradebook.grades(challenge)


@pytest.mark.parametrize(
    ("text", "came"),
    [
        ("", "no line"),
        ("student_id\nann\n", "got student_id."),
        ("name;team\nann;a\n", "got name;team"),
    ],
)
def test_a_list_of_students_without_its_columns_is_refused(tmp_path, text, came):
    path = tmp_path / "students.csv"
    path.write_text(text)
    with pytest.raises(ChallengeError, match=f"student_id and team, with commas; .*{came}"):
        gradebook.read_students(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_list_of_students_is_read_as_excel_and_powershell_save_it(tmp_path, encoding):
    path = tmp_path / "students.csv"
    path.write_bytes("student_id,team\r\nann,Jörg\r\n".encode(encoding))
    assert gradebook.read_students(path) == [{"student_id": "ann", "team": "Jörg"}]


def test_a_list_of_students_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "students.csv"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ChallengeError, match="no CSV file"):
        gradebook.read_students(path)


def test_a_file_that_the_ladder_did_not_take_gets_no_hint_from_its_auc(challenge):
    """Of so few jets nothing is said without labels; its AUC, near 0, would tell of the signs."""
    send(challenge, ladder(3))
    flipped = send(challenge, file_of(-np.load(io.BytesIO(ladder(3)))))
    assert not flipped.is_best
    assert flipped.hints == ()
    first = send(challenge, file_of(-np.load(io.BytesIO(ladder(3)))), network="other")
    assert "signs flipped" in " ".join(first.hints)


def test_a_receipt_is_the_same_after_the_reveal(challenge):
    before = send(challenge, content())
    ended(challenge)
    assert send(challenge, content()).card == before.card


def test_a_day_of_a_challenge_is_in_its_log(challenge):
    send(challenge, content())
    lifecycle.pause(challenge)
    lifecycle.resume(challenge)
    lifecycle.extend(challenge, "us", per_day=9, until=NOON + timedelta(days=9))
    lifecycle.pick(challenge, "us", [send(challenge, content()).sha256])
    ended(challenge)
    with challenge.store.reading() as session:
        log = session.connection().exec_driver_sql("SELECT kind FROM event ORDER BY number")
        kinds = " ".join(log.scalars())
    assert kinds == "received scored paused resumed extended picked closed revealed"
