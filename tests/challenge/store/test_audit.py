"""Nobody changes a score, a file or the log unseen."""

import re

import pytest
from challenges import content, ladder, new_challenge, send
from sqlalchemy import text

from challenge.cli import main
from challenge.errors import SubmissionError
from challenge.intake.quota import DAY
from challenge.intake.rescoring import mend_scores, wrong_scores
from challenge.store import ledger, lifecycle
from challenge.store.audit import audit_log
from challenge.store.store import SUBMISSIONS
from challenge.store.tables import Event


@pytest.fixture
def challenge(tmp_path):
    challenge = new_challenge(tmp_path / "c")
    for step in range(3):
        send(challenge, ladder(step))
    with pytest.raises(SubmissionError):
        send(challenge, content()[:-1])
    return challenge


def change(challenge, statement, *, log=False):
    """What someone could do who has the database."""
    with challenge.store._engine.begin() as connection:
        if log and connection.dialect.name == "sqlite":
            connection.execute(text("DROP TRIGGER event_no_update"))
            connection.execute(text("DROP TRIGGER event_no_delete"))
        elif log:
            connection.execute(text("DROP TRIGGER event_no_change ON event"))
        connection.execute(text(statement))


def test_what_was_not_touched_has_no_faults(challenge):
    found = audit_log(challenge.store)
    assert found.faults == ()
    assert found.n_events == 7
    assert list(wrong_scores(challenge)) == []
    assert audit_log(challenge.store, noted=found.head).faults == ()


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE event SET kind = 'x' WHERE number = 3", r"Event 3 \(x\)"),
        ("UPDATE event SET detail = '{}' WHERE number = 7", "Event 7"),
        ("UPDATE event SET at = '2020-01-01 00:00:00' WHERE number = 1", "Event 1"),
        ("DELETE FROM event WHERE number = 2", "Expected event 2; the next one is 3"),
        ("DELETE FROM event WHERE number = 7", "the log ends with number 6"),
    ],
)
def test_a_change_of_the_log_is_found(challenge, statement, words):
    change(challenge, statement, log=True)
    assert re.search(words, "\n".join(audit_log(challenge.store).faults))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE score SET auc_value = 0.99 WHERE submission_id = 1 AND split = 'PRIVATE'",
        "UPDATE submission SET is_best = (1 = 0) WHERE id = 2",
        "UPDATE submission SET network_id = 1, sha256 = 'x' WHERE id = 2",
        "UPDATE team SET name = 'them'",
    ],
)
def test_a_change_of_a_result_that_is_not_in_the_log_is_found(challenge, statement):
    change(challenge, statement)
    assert audit_log(challenge.store).faults


def test_what_the_instructor_did_is_replayed_from_the_log(challenge):
    receipt = challenge.store.records()[1].sha256
    lifecycle.pause(challenge)
    lifecycle.resume(challenge)
    until = challenge.store.now() + 2 * DAY
    lifecycle.extend(challenge, "us", until=until, per_day=7)
    lifecycle.pick(challenge, "us", [receipt])
    assert audit_log(challenge.store).faults == ()
    lifecycle.close(challenge)
    lifecycle.reveal(challenge)
    assert audit_log(challenge.store).faults == ()


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE submission SET received_at = '2020-01-01 00:00:00' WHERE id = 2", "came at"),
        ("DELETE FROM pick", "final choices"),
        ("UPDATE pick SET submission_id = 3", "final choices"),
        ("UPDATE course SET revealed = NULL", "was revealed"),
        ("UPDATE course SET closed = NULL", "was closed"),
        ("UPDATE course SET paused = '2020-01-01 00:00:00'", "never paused"),
        ("UPDATE team SET per_day = 99", "The extension of team us is not"),
    ],
)
def test_a_change_of_what_else_the_log_tells_is_found(challenge, statement, words):
    lifecycle.pick(challenge, "us", [challenge.store.records()[1].sha256])
    lifecycle.close(challenge)
    lifecycle.reveal(challenge)
    change(challenge, statement)
    (fault,) = audit_log(challenge.store).faults
    assert words in fault


def test_a_submission_that_was_taken_away_is_found(challenge):
    change(challenge, "DELETE FROM submission WHERE id = 4")
    assert audit_log(challenge.store).faults == ("Submission 4 is only in the log.",)


def test_an_event_that_was_changed_with_its_own_hash_breaks_the_one_after_it(challenge):
    with challenge.store.reading() as session:
        before, changed = (session.get_one(Event, number) for number in (2, 3))
        digest = ledger._hash(before.hash, 3, changed.at, "forged", changed.detail)
    change(
        challenge, f"UPDATE event SET kind = 'forged', hash = '{digest}' WHERE number = 3", log=True
    )
    (fault,) = audit_log(challenge.store).faults
    assert fault.startswith("Event 4 (")


def test_a_log_that_was_written_anew_is_found_by_whoever_noted_its_hash(challenge):
    noted = audit_log(challenge.store).head
    change(challenge, "DELETE FROM event WHERE number = 7", log=True)
    with challenge.store.writing() as (session, course, _now):
        rows = session.connection().exec_driver_sql("SELECT hash FROM event WHERE number = 6")
        course.n_events, course.head = 6, rows.scalar_one()
    faults = audit_log(challenge.store, noted=noted).faults
    assert f"No event has the hash {noted}: the log was rewritten or cut off." in faults


def test_rescore_finds_a_changed_score_and_mends_it(challenge, capsys):
    folder = str(challenge.folder)
    before = challenge.store.records()
    change(challenge, "UPDATE score SET r30_low = r30_low + 1 WHERE submission_id = 2")
    assert main(["rescore", folder, "--verify"]) == 1
    printed = capsys.readouterr()
    assert "Submission 2 (us / cnn) has different scores." in printed.err
    assert "verified: 4 submissions, 1 differ." in printed.out
    assert main(["rescore", folder]) == 0
    assert "rescored: 1 of 4 submissions changed." in capsys.readouterr().out
    assert main(["rescore", folder, "--verify"]) == 0
    assert challenge.store.records() == before
    assert main(["audit", folder]) == 0


def test_rescore_finds_a_decision_of_the_ladder_that_was_not_its_own(challenge):
    change(challenge, "UPDATE submission SET is_best = (1 = 0) WHERE id = 3")
    (complaint,) = wrong_scores(challenge)
    assert complaint.startswith("Submission 3")


def test_rescore_finds_a_file_that_is_gone_or_changed(challenge):
    first, second, *_ = challenge.store.records()
    folder = challenge.folder / SUBMISSIONS
    (folder / f"{first.sha256}.npy").unlink()
    (folder / f"{second.sha256}.npy").write_bytes(b"")
    complaints = list(wrong_scores(challenge))
    assert any("cannot be read" in each for each in complaints)
    assert any("has changed" in each for each in complaints)
    n_changed, told = mend_scores(challenge)
    assert (n_changed, len(told)) == (0, len(complaints))


def test_rescore_finds_a_good_file_that_stands_as_refused(challenge):
    change(challenge, "UPDATE submission SET state = 'REJECTED', reason = 'dtype' WHERE id = 3")
    change(challenge, "DELETE FROM score WHERE submission_id = 3")
    complaints = list(wrong_scores(challenge))
    assert "Submission 3 (us / cnn): its file can be scored, but it is REJECTED." in complaints


def test_the_chain_depends_on_every_field_of_an_event(challenge):
    with challenge.store.reading() as session:
        assert ledger.chain_faults(session) == []
        log = session.connection().exec_driver_sql("SELECT hash FROM event")
        assert len(set(log.scalars())) == 7


def test_audit_prints_the_hash_to_note_and_fails_on_a_fault(challenge, capsys):
    folder = str(challenge.folder)
    assert main(["audit", folder]) == 0
    head = capsys.readouterr().out.split()[-1]
    assert len(head) == 64
    assert main(["audit", folder, "--noted", head]) == 0
    assert main(["audit", folder, "--noted", "0" * 64]) == 1
    assert "rewritten" in capsys.readouterr().err


def test_a_file_of_no_scores_that_was_refused_verifies_as_refused(challenge):
    with pytest.raises(SubmissionError):
        send(challenge, b"")
    assert list(wrong_scores(challenge)) == []
