"""The last minute before a deadline, and disks and folders that fail: nothing lost or doubled."""

import errno
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from challenges import N, content, file_of, ladder, new_challenge, send
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from challenge.cli import main
from challenge.errors import SubmissionError
from challenge.intake.rescoring import wrong_scores
from challenge.store import lifecycle
from challenge.store.audit import audit_log
from challenge.store.challenge import Challenge
from challenge.store.database import DATABASE

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def challenge(tmp_path):
    return new_challenge(tmp_path / "c")


def assert_finished(challenge, data):
    """The submission that failed is there once, after it was sent again."""
    receipt = send(challenge, data)
    assert [each.sha256 for each in challenge.store.scored()][-1] == receipt.sha256
    assert len(challenge.store.records()) == len(challenge.store.scored()) == receipt.quota.used
    assert list(wrong_scores(challenge)) == []
    assert audit_log(challenge.store).faults == ()


def test_a_rush_to_two_services_loses_and_doubles_nothing_and_keeps_every_quota():
    # In a process of its own: this one may hold a gigabyte of other tests' libraries.
    script = [sys.executable, str(ROOT / "benchmarks" / "challenge_load.py")]
    sizes = ["--jets", "1000", "--students", "4", "--each", "8", "--seconds", "0"]
    sizes += ["--replicas", "2"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [*script, *sizes], capture_output=True, text=True, check=True, env=environment
    )
    assert "'201': 20," in done.stdout
    assert "'429 quota': 12" in done.stdout
    assert not re.search(r"answers: .*'5\d\d", done.stdout)
    assert "accepted of each team: {5}" in done.stdout
    assert done.stdout.splitlines()[-1] == "lost, doubled or wrong: 0"
    mebibytes = int(re.search(r"all services together: (\d+) MiB", done.stdout)[1])
    assert 0 < mebibytes < 1e9 / 2**20


def hand_in(task):
    folder, number = task
    try:
        return send(Challenge.open(folder), content(number), team=f"team {number}").sha256
    except SubmissionError as refusal:
        return refusal.reason


def test_processes_that_close_and_score_at_once_agree_on_what_came_in_time(challenge):
    folder = challenge.folder
    with get_context("spawn").Pool(4) as pool:
        answers = pool.map_async(hand_in, [(folder, number) for number in range(40)], chunksize=1)
        while not challenge.store.records():
            time.sleep(0.01)
        lifecycle.close(challenge)
        answers = answers.get(timeout=120)
    records = challenge.store.records()
    assert 0 < len(records) < 40
    assert answers.count("closed") == 40 - len(records)
    assert {each.sha256 for each in records} == set(answers) - {"closed"}
    closed = challenge.store.progress().closed
    assert all(each.received_at <= closed and each.state == "SCORED" for each in records)
    assert audit_log(challenge.store).faults == ()
    assert list(wrong_scores(challenge)) == []


# --- a full disk -----------------------------------------------------------------------------


def test_a_disk_that_is_full_for_the_file_is_told_and_loses_nothing(challenge, monkeypatch):
    send(challenge, ladder(0))

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            send(challenge, ladder(2))
    assert_finished(challenge, ladder(2))
    assert not list((challenge.folder / "submissions").glob(".*"))


@pytest.mark.parametrize("pages", range(3))
def test_a_disk_that_is_full_for_the_database_is_told_and_loses_nothing(challenge, pages):
    if not (challenge.folder / DATABASE).exists():
        pytest.skip("the database is not in the folder")
    send(challenge, ladder(0))
    engine = challenge.store._engine
    with engine.connect() as connection:
        used = connection.exec_driver_sql("PRAGMA page_count").scalar_one()

    def limit(connection, _record):
        connection.execute(f"PRAGMA max_page_count = {used + pages}")

    event.listen(engine, "connect", limit)
    with pytest.raises(OperationalError, match="full"):
        send_many_refused(challenge)
    event.remove(engine, "connect", limit)
    records = challenge.store.records()
    assert_whole_after(challenge, records)


def send_many_refused(challenge):
    """Refused files have the longest rows, and use no quota."""
    for number in range(200):
        with pytest.raises(SubmissionError):
            send(challenge, file_of(np.full(N, number)), team=f"team {number}")


def assert_whole_after(challenge, records):
    again = Challenge.open(challenge.folder)
    assert again.store.records() == records
    assert audit_log(again.store).faults == ()
    send(again, ladder(2))
    assert len(again.store.records()) == len(records) + 1
    assert list(wrong_scores(again)) == []


# --- a folder that cannot be written ---------------------------------------------------------

# Everything is imported first: what nobody may read includes, in some places, Python itself.
AS_NOBODY = """
import os, sys
from challenge.cli import main
main(["show", sys.argv[2], "us"])
os.setgroups([]); os.setgid(65534); os.setuid(65534)
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become someone else"
)
def test_a_folder_that_cannot_be_written_is_told_and_its_board_can_be_read():
    folder = Path(tempfile.mkdtemp())
    try:
        challenge = new_challenge(folder / "c")
        send(challenge, ladder(0))
        if not (folder / "c" / DATABASE).exists():
            pytest.skip("the database is not in the folder")
        (folder / "cnn.npy").write_bytes(content())
        make_readonly_for_nobody(folder)

        def command(*argv):
            return subprocess.run(
                [sys.executable, "-c", AS_NOBODY, *map(str, argv)],
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                capture_output=True,
                text=True,
                timeout=120,
                cwd="/",
            )

        before = challenge.store.records()
        scored = command("score", folder / "c", folder / "cnn.npy", "--team", "us", "--new-team")
        assert scored.returncode == 2, scored.stderr
        assert "could not be read or written" in scored.stderr
        shown = command("show", folder / "c", "us")
        assert (shown.returncode, shown.stderr) == (0, "")
        assert challenge.store.records() == before
    finally:
        shutil.rmtree(folder)


def make_readonly_for_nobody(folder):
    folder.chmod(0o755)
    for path in (folder / "c").rglob("*"):
        path.chmod(0o500 if path.is_dir() else 0o400)
        os.chown(path, 65534, 65534)
    (folder / "c").chmod(0o500)
    os.chown(folder / "c", 65534, 65534)


def test_a_database_that_another_process_holds_for_too_long_is_told(
    challenge, tmp_path, monkeypatch
):
    if not (challenge.folder / DATABASE).exists():
        pytest.skip("the database is not in the folder")
    (tmp_path / "cnn.npy").write_bytes(content())
    monkeypatch.setattr("challenge.store.database._SECONDS_TO_WAIT", 0.1)
    other = sqlite3.connect(challenge.folder / DATABASE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    folder, file = str(challenge.folder), str(tmp_path / "cnn.npy")
    assert main(["score", folder, file, "--team", "us", "--new-team"]) == 2
    other.execute("ROLLBACK")
    other.close()
    assert main(["score", folder, file, "--team", "us", "--new-team"]) == 0
    assert len(challenge.store.records()) == 1
