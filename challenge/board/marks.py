"""Marks, in the columns that nbgrader's own export of its gradebook has.

A mark comes from thresholds, never from the rank: one point for an entry on the board, and one for
each baseline that the team's best final entry beats significantly on the private split. That is
DeLong's paired comparison at the confidence of the board's tied groups (95 %), not at the Ladder's
(99 %): a win that the board shows is worth its point.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from challenge.board.order import final_order, one_of_each_network
from challenge.errors import ChallengeError
from challenge.scoring import CONFIDENCE
from challenge.store import Challenge, Record, Split
from challenge.words import decoded, team_key
from course_utils.files import no_formula
from course_utils.metrics import compare_auc

__all__ = ["COLUMNS", "grades", "no_baselines", "read_students", "unmatched"]

COLUMNS: Final = (
    "assignment",
    "duedate",
    "timestamp",
    "student_id",
    "last_name",
    "first_name",
    "email",
    "raw_score",
    "late_submission_penalty",
    "score",
    "max_score",
)


def grades(challenge: Challenge, students: Iterable[Mapping[str, str]] | None = None) -> str:
    """A CSV file with one line for each student.

    Parameters
    ----------
    challenge : Challenge
        After the reveal.
    students : iterable of mapping, optional
        Each with ``student_id`` and ``team``, and any other of `COLUMNS`. Without it every team
        is a student.

    Raises
    ------
    ChallengeError
        If the private ranks are not revealed yet: marks would disclose them.
    """
    if challenge.store.progress().revealed is None:
        raise ChallengeError("Marks come from the private split: reveal the challenge first.")
    finals = _final_of_each_team(challenge)
    baselines = finals.pop("", [])
    best = {key: final_order(mine)[0] for key, mine in finals.items()}
    if students is None:
        students = [{"student_id": entry.team, "team": entry.team} for entry in best.values()]
    marks = {key: 1 + _beaten(challenge, entry, baselines) for key, entry in best.items()}
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n", restval="")
    writer.writeheader()
    names = challenge.store.team_names()
    for student in students:
        key = _team_of(student, names)
        mark = float(marks.get(key, 0))
        row = {name: student[name] for name in COLUMNS if name in student}
        row |= {
            "assignment": challenge.name,
            "timestamp": str(best[key].received_at.replace(tzinfo=None)) if key in best else "",
            "raw_score": mark,
            "late_submission_penalty": 0.0,
            "score": mark,
            "max_score": float(1 + len(baselines)),
        }
        writer.writerow({name: no_formula(value) for name, value in row.items()})
    return text.getvalue()


def unmatched(challenge: Challenge, students: Sequence[Mapping[str, str]]) -> list[str]:
    """A sentence for each student whose team is unknown, and each team without a student."""
    standing = [each for each in challenge.store.scored() if each.may_stand]
    known = {team_key(each.team): each.team for each in standing if not each.is_baseline}
    names = challenge.store.team_names()
    named = {_team_of(student, names) for student in students}
    return [
        f"student {student['student_id']!r}: no team {student['team']!r} has an entry, so no point."
        for student in students
        if _team_of(student, names) not in known
    ] + [f"team {name!r}: no student is in it." for key, name in known.items() if key not in named]


def no_baselines(challenge: Challenge) -> str | None:
    """A sentence if there is no baseline that could be beaten."""
    if any(entry.is_baseline and entry.may_stand for entry in challenge.store.scored()):
        return None
    return (
        "There are no baselines to beat: every team with an entry gets one mark, no team gets more."
    )


def read_students(path: Path) -> list[dict[str, str]]:
    """Read who is in which team: a CSV file with the columns ``student_id`` and ``team``.

    Raises
    ------
    ChallengeError
        If the file cannot be read or is no text, or a column is missing.
    """
    try:
        students = list(csv.DictReader(io.StringIO(decoded(path.read_bytes()), newline="")))
    except OSError as error:
        raise ChallengeError(f"{path} cannot be read ({error.strerror}).") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ChallengeError(f"{path} is no CSV file in UTF-8 or UTF-16 ({error}).") from error
    if not students or not {"student_id", "team"} <= students[0].keys():
        came = ", ".join(filter(None, students[0])) if students else "no line of data"
        raise ChallengeError(
            f"Expected {path} to have the columns student_id and team, with commas; got {came}."
        )
    return [{name: value or "" for name, value in each.items() if name} for each in students]


def _team_of(student: Mapping[str, str], names: Mapping[str, str]) -> str:
    """The key of a student's team, whichever of its names the list has."""
    key = team_key(student["team"])
    return team_key(names.get(key, key))


def _final_of_each_team(challenge: Challenge) -> dict[str, list[Record]]:
    """Final submissions by the key of their team; the baselines have the empty key."""
    finals: dict[str, list[Record]] = {}
    for each in one_of_each_network(challenge.store.scored(), final=True):
        finals.setdefault("" if each.is_baseline else team_key(each.team), []).append(each)
    return finals


def _beaten(challenge: Challenge, ours: Record, baselines: list[Record]) -> int:
    labels = challenge.truth.labels_of(Split.PRIVATE)
    scores = challenge.scores_of(ours.sha256, Split.PRIVATE)
    compared = (
        compare_auc(labels, scores, challenge.scores_of(each.sha256, Split.PRIVATE))
        for each in baselines
    )
    return sum(each.difference > 0 and each.p_value < 1 - CONFIDENCE for each in compared)
