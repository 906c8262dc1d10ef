"""What the journal remembers, and what counts as a changed submission."""

import json
import os

import pytest

from course_utils.grading.batch.fingerprints import submission_fingerprint
from course_utils.grading.batch.journal import Entry, append, journal_path, read_journal


def entry(student: str, state: str = "graded") -> Entry:
    return Entry(student=student, state=state, submission="a1", minutes=0.5, limit=10.0)


def test_the_last_entry_of_a_student_counts(tmp_path):
    path = tmp_path / "toy.jsonl"
    for each in (entry("anna", "failed"), entry("zoë"), entry("anna")):
        append(path, each)
    assert read_journal(path) == {"anna": entry("anna"), "zoë": entry("zoë")}


def test_no_journal_is_an_empty_one(tmp_path):
    assert read_journal(journal_path(tmp_path, "toy")) == {}


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_line_that_was_cut_short_costs_itself_only(tmp_path, cut):
    path = tmp_path / "toy.jsonl"
    append(path, entry("anna"))
    whole = path.read_bytes()
    path.write_bytes(whole + whole.replace(b"anna", b"bert")[:cut])
    append(path, entry("zoe"))
    assert read_journal(path).keys() == {"anna", "zoe"}
    assert path.read_bytes().startswith(whole)


def test_lines_of_another_version_of_the_course_are_passed_over(tmp_path):
    path = tmp_path / "toy.jsonl"
    path.write_text(json.dumps({"student": "anna", "verdict": 1}) + "\n[]\n")
    append(path, entry("zoe"))
    assert read_journal(path).keys() == {"zoe"}


@pytest.fixture
def submission(tmp_path):
    (tmp_path / "Copy of toy.ipynb").write_text("a notebook")
    (tmp_path / "own.py").write_text("x = 1")
    return tmp_path


def test_the_copy_under_the_lessons_name_changes_nothing(submission):
    """Grading makes it, and a graded student would be graded again."""
    before = submission_fingerprint(submission)
    (submission / "toy.ipynb").write_text("a notebook")
    assert submission_fingerprint(submission) == before


def test_a_checkpoint_or_a_link_changes_nothing(submission):
    before = submission_fingerprint(submission)
    (submission / ".ipynb_checkpoints").mkdir()
    (submission / ".ipynb_checkpoints" / "toy-checkpoint.ipynb").write_text("old")
    (submission / "link.py").symlink_to("/etc/hostname")
    os.mkfifo(submission / "pipe")
    assert submission_fingerprint(submission) == before


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("Copy of toy.ipynb", "another notebook"),
        ("toy.ipynb", "another notebook"),
        ("own.py", "x = 2"),
        ("more.py", ""),
        ("timestamp.txt", "2030-01-01 00:00:00 UTC"),
    ],
)
def test_every_other_change_shows(submission, name, content):
    before = submission_fingerprint(submission)
    (submission / name).write_text(content)
    assert submission_fingerprint(submission) != before
