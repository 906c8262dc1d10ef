"""A copy of a challenge is a challenge: whole, of one moment, and it can be gone on with."""

import stat
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest
from challenges import N, content, ladder, new_challenge, send

from challenge.board.current import current_standings
from challenge.cli import main
from challenge.errors import ChallengeError, SubmissionError
from challenge.intake import merge, rename, withdraw
from challenge.intake.rescoring import wrong_scores
from challenge.store import Challenge, audit_log, copy_to, lifecycle
from challenge.store.database import DATABASE, MARKER
from challenge.store.folder import COLUMNS, LABELS, SETTINGS, TEST_JETS


@pytest.fixture
def challenge(tmp_path):
    """With all that can be in one: scored, refused, withdrawn, merged, picked, extended."""
    challenge = new_challenge(tmp_path / "c")
    for step in range(3):
        receipt = send(challenge, ladder(step))
    send(challenge, ladder(2), team="them")
    with pytest.raises(SubmissionError):
        send(challenge, b"")
    lifecycle.pick(challenge, "us", [receipt.sha256])
    lifecycle.extend(challenge, "us", per_day=9)
    rename(challenge, "us", "we")
    merge(challenge, "them", "we")
    withdraw(challenge, "we", [challenge.store.records()[0].sha256])
    return challenge


def assert_sound(challenge):
    assert audit_log(challenge.store).faults == ()
    assert list(wrong_scores(challenge)) == []


def test_a_copy_holds_the_same_and_can_be_gone_on_with(challenge, tmp_path):
    assert copy_to(challenge, tmp_path / "b" / "copy") == []
    copy = Challenge.open(tmp_path / "b" / "copy")
    assert_sound(copy)
    assert copy.store.records() == challenge.store.records()
    assert audit_log(copy.store, noted=audit_log(challenge.store).head).faults == ()
    assert current_standings(copy).lines == current_standings(challenge).lines
    assert send(copy, ladder(5), team="us").team == "we"
    assert_sound(copy)


def test_a_copy_is_as_private_as_what_it_was_made_of(challenge, tmp_path):
    copy_to(challenge, tmp_path / "copy")
    modes = {
        path.relative_to(tmp_path / "copy").parts[0]: stat.S_IMODE(path.stat().st_mode)
        for path in (tmp_path / "copy").rglob("*")
    }
    assert stat.S_IMODE((tmp_path / "copy").stat().st_mode) == 0o700
    assert modes.pop("challenge.toml") == 0o644
    assert set(modes.values()) == {0o600}
    assert set(modes) == {"labels.npz", DATABASE, "submissions"}


def wait_for_one_more(challenge, copy):
    n_copied, deadline = len(Challenge.open(copy).store.records()), time.monotonic() + 60
    while len(challenge.store.records()) <= n_copied:
        assert time.monotonic() < deadline, "nothing came for a minute"


def test_copies_made_while_teams_hand_in_are_whole(tmp_path):
    challenge = new_challenge(tmp_path / "c", per_day=1000)
    send(challenge, content(0))
    stop = threading.Event()

    def writing():
        own, number = Challenge.open(challenge.folder), 0
        while not stop.is_set():
            number += 1
            send(own, content(number))

    writer = threading.Thread(target=writing)
    writer.start()
    try:
        for number in range(5):
            assert copy_to(challenge, tmp_path / f"copy{number}") == []
            assert audit_log(challenge.store).faults == ()  # of one moment as well
            wait_for_one_more(challenge, tmp_path / f"copy{number}")
    finally:
        stop.set()
        writer.join()
    counts = []
    for number in range(5):
        copy = Challenge.open(tmp_path / f"copy{number}")
        # What had come but was not scored yet is finished, as after a kill.
        assert main(["rescore", str(copy.folder), "--verify"]) == 0
        assert_sound(copy)
        counts.append(len(copy.store.records()))
    assert counts == sorted(set(counts))
    assert_sound(challenge)


@pytest.mark.parametrize("look", ["audit", "copy"])
def test_a_file_that_comes_between_two_looks_is_in_all_of_a_copy_or_in_none(
    challenge, tmp_path, monkeypatch, look
):
    reading, sent = challenge.store.reading, []

    @contextmanager
    def reading_before_a_file_comes():
        with reading() as session:
            yield session
        if not sent:
            sent.append(send(Challenge.open(challenge.folder), content(99), team="late"))

    monkeypatch.setattr(challenge.store, "reading", reading_before_a_file_comes)
    if look == "audit":
        assert audit_log(challenge.store).faults == ()
    else:
        assert copy_to(challenge, tmp_path / "copy") == []
        assert_sound(Challenge.open(tmp_path / "copy"))
    assert len(sent) == 1


def test_a_challenge_moves_with_its_pause(challenge, tmp_path, capsys):
    old, new = str(tmp_path / "c"), str(tmp_path / "new place" / "c")
    assert main(["pause", old]) == 0
    assert main(["backup", old, new]) == 0
    head = capsys.readouterr().out.split()[-1]
    assert main(["audit", new, "--noted", head]) == 0
    assert main(["rescore", new, "--verify"]) == 0
    assert main(["resume", new]) == 0
    assert send(Challenge.open(tmp_path / "new place" / "c"), ladder(5), team="we").is_best
    with pytest.raises(SubmissionError, match="paused"):
        send(challenge, ladder(5), team="we")


def test_what_is_in_the_way_is_left_and_a_copy_that_fails_leaves_nothing(
    challenge, tmp_path, monkeypatch
):
    with pytest.raises(ChallengeError, match="Expected a new folder"):
        copy_to(challenge, tmp_path / "c")

    def disk_full(*_args, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("challenge.store.backup.write_file", disk_full)
    with pytest.raises(OSError, match="No space"):
        copy_to(challenge, tmp_path / "b" / "copy")
    assert list((tmp_path / "b").iterdir()) == []


def test_a_file_that_is_gone_is_told_and_the_rest_is_copied(challenge, tmp_path, capsys):
    first = challenge.store.records()[0].sha256
    (challenge.folder / "submissions" / f"{first}.npy").unlink()
    assert main(["backup", str(challenge.folder), str(tmp_path / "copy")]) == 1
    printed = capsys.readouterr()
    assert f"{first}.npy cannot be read" in printed.err
    assert "5 submissions" in printed.out
    assert len(list((tmp_path / "copy" / "submissions").iterdir())) == 3


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.unlink(), "labels.npz is not there, nor in the copy"),
        (lambda path: path.write_bytes(b"PK"), "labels.npz is damaged"),
        (lambda path: path.chmod(0o644), "Others can read"),
    ],
)
def test_labels_that_no_copy_can_score_with_are_told(challenge, tmp_path, capsys, spoil, words):
    spoil(challenge.folder / LABELS)
    assert main(["backup", str(challenge.folder), str(tmp_path / "copy")]) == 1
    printed = capsys.readouterr()
    assert words in printed.err
    assert "copied" in printed.out
    assert (tmp_path / "copy" / SETTINGS).is_file()


def test_a_damaged_challenge_is_put_back_from_its_backup(challenge, tmp_path, capsys):
    place, backup = str(challenge.folder), str(tmp_path / "backup")
    assert main(["backup", place, backup]) == 0
    (challenge.folder / DATABASE).write_bytes(b"no database" * 1000)
    assert main(["backup", place, str(tmp_path / "other")]) == 2
    assert "is damaged (file is not a database)" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()
    challenge.folder.rename(tmp_path / "damaged")
    assert main(["backup", backup, place]) == 0
    assert_sound(Challenge.open(tmp_path / "c"))


@pytest.mark.parametrize("name", [TEST_JETS, COLUMNS])
def test_what_belongs_to_jets_is_told_where_half_of_it_is_gone(challenge, tmp_path, name):
    other = COLUMNS if name == TEST_JETS else TEST_JETS
    np.savez(challenge.folder / "both", pt=np.zeros(N), mass=np.zeros(N))
    (challenge.folder / "both.npz").rename(challenge.folder / other)
    (complaint,) = copy_to(challenge, tmp_path / "copy")
    assert complaint.startswith(f"{challenge.folder / name} is not there")


def test_a_copy_has_its_database_in_its_folder(challenge, tmp_path):
    """Also one of a challenge on a server: a backup must not need it."""
    copy_to(challenge, tmp_path / "copy")
    assert (tmp_path / "copy" / DATABASE).is_file()
    assert not (tmp_path / "copy" / MARKER).exists()
