"""A drop box on a shared file system: files appear, answers appear, nothing else is touched."""

import contextlib
import os
import signal
import stat
import subprocess
import sys
import time

import numpy as np
import pytest
from challenges import NOON, Clock, N, content, ended, file_of, new_challenge

from challenge.cli import main
from challenge.errors import ChallengeError
from challenge.intake import rename, withdraw
from challenge.intake.dropbox import DropBox
from challenge.intake.quota import DAY
from challenge.intake.rescoring import wrong_scores
from challenge.intake.watching import answered as handed_in
from challenge.intake.watching import answered_or_put_off, watch
from challenge.store import lifecycle


@pytest.fixture
def box(tmp_path):
    folder = tmp_path / "dropbox"
    (folder / "us").mkdir(parents=True)
    folder.chmod(0o755)  # whatever the umask
    return DropBox(folder)


@pytest.fixture
def challenge(tmp_path):
    return new_challenge(tmp_path / "c")


def put(box, name, data=None):
    path = box.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content() if data is None else data)
    return path


def ready(box):
    """What two looks find."""
    box.look()
    return [f"{each.team}/{each.network}" for each in box.look()]


def answered(challenge, box):
    box.look()
    for found in box.look():
        handed_in(challenge, box, found)


def answer(box, name, ending=".receipt.txt"):
    return (box.folder / f"{name}{ending}").read_text()


# --- what is found -----------------------------------------------------------------------------


def test_a_file_is_found_with_its_team_and_network_once_it_rests(box):
    path = put(box, "us/cnn.npy", b"half")
    assert box.look() == []
    path.write_bytes(content())  # still being copied
    assert box.look() == []
    (found,) = box.look()
    assert (found.team, found.network) == ("us", "cnn")


def test_a_file_is_answered_once_and_again_when_it_changes(challenge, box):
    path = put(box, "us/cnn.npy")
    answered(challenge, box)
    assert ready(box) == []
    path.write_bytes(content(1))
    assert ready(box) == ["us/cnn"]


UNFINISHED = ("us/cnn.npy.part", "us/cnn.npy.crdownload", "us/cnn.npy.filepart", "us/cnn.tmp")


def test_what_is_still_being_copied_is_not_found(box):
    for name in UNFINISHED:
        put(box, name)
    assert ready(box) == []


LEFT_BEHIND = ("us/._cnn.npy", "us/.hidden.npy", "us/~$cnn.npy", "us/.cnn.npy.k3b.npy")
NO_TEAMS = (".Trashes/cnn.npy", ".snapshot/cnn.npy", "$RECYCLE.BIN/cnn.npy", "@eaDir/cnn.npy")


def test_what_systems_and_editors_leave_behind_is_neither_scored_nor_answered(challenge, box):
    for name in (*LEFT_BEHIND, *NO_TEAMS, "us/.DS_Store", "us/cnn.npy~", "us/cnn.npy.swp", ".x"):
        put(box, name)
    put(box, "us/cnn.npy")
    answered(challenge, box)
    assert [each.network for each in challenge.store.records()] == ["cnn"]
    assert [each.name for each in box.folder.rglob("*receipt*")] == ["cnn.receipt.txt"]


def test_links_are_not_followed(challenge, box, tmp_path):
    secret = put(box, "them/cnn.npy")
    (box.folder / "us" / "link.npy").symlink_to(secret)
    (box.folder / "linked").symlink_to(secret.parent)
    assert ready(box) == ["them/cnn", "us/link"]
    answered(challenge, box)
    assert {each.team for each in challenge.store.records()} == {"them"}
    assert answer(box, "us/link").startswith("refused [unreadable] Expected a file; this is a link")


def test_a_team_whose_folder_cannot_be_read_is_told_to_the_instructor(box, monkeypatch):
    def forbidden(*_args, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", forbidden)  # root may read every folder
    assert box.look() == []
    assert box.strays["us"].startswith("cannot be read (Permission denied)")


def test_what_lies_outside_the_folder_of_a_team_is_told_to_the_instructor_once(
    challenge, box, tmp_path
):
    for name in ("loose.npy", ".hidden.npy", "Thumbs.db"):
        put(box, name)
    (box.folder / "linked").symlink_to(box.folder / "us")
    said, looks = [], iter(range(5))

    def look(_seconds):
        if next(looks, None) is None:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("challenge.intake.watching.time.sleep", look)
        watch(challenge, box, every=0, say=said.append)
    why = "is no folder of a team: only files in such a folder, TEAM/NETWORK.npy, are scored."
    assert sorted(said[1:-1]) == [f"linked {why}", f"loose.npy {why}"]


def test_a_drop_box_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ChallengeError, match="No such file"):
        DropBox(tmp_path / "nowhere").look()


@pytest.mark.parametrize("mode", [0o775, 0o757, 0o1777])
def test_a_drop_box_in_which_others_make_folders_is_refused(box, mode):
    put(box, "us/cnn.npy")
    box.folder.chmod(mode)
    with pytest.raises(ChallengeError, match="chmod go-w"):
        box.look()
    (box.folder / "us").chmod(0o777)  # a team's own folder is for the team
    box.folder.chmod(0o755)
    assert ready(box) == ["us/cnn"]


# --- what is answered --------------------------------------------------------------------------


def test_an_accepted_file_gets_a_receipt_beside_it(challenge, box):
    put(box, "us/cnn.npy")
    answered(challenge, box)
    first, second = answer(box, "us/cnn").splitlines()
    assert first.startswith("accepted us / cnn: AUC 0.")
    assert second.split() == ["sha256", challenge.store.records()[0].sha256]
    assert stat.S_IMODE((box.folder / "us" / "cnn.receipt.txt").stat().st_mode) & 0o044 == 0o044


def test_the_instructor_is_told_that_a_folder_made_a_new_team(challenge, box):
    told = []
    for number, name in enumerate(("us/cnn.npy", "us/dnn.npy", "uss/cnn.npy")):
        put(box, name, content(number))
        box.look()
        told += [handed_in(challenge, box, found) for found in box.look()]
        assert "new team" not in answer(box, name.removesuffix(".npy"))
    assert ["A new team: if" in line for line in told] == [True, False, True]


def test_a_folder_that_keeps_its_name_is_its_renamed_team(challenge, box):
    put(box, "us/cnn.npy")
    answered(challenge, box)
    rename(challenge, "us", "we")
    put(box, "us/dnn.npy", content(1))
    answered(challenge, box)
    assert answer(box, "us/dnn").startswith("accepted we / dnn")
    assert set(challenge.store.team_names().values()) == {"we"}


def test_a_withdrawn_file_that_still_lies_there_is_not_brought_back(challenge, box):
    put(box, "us/cnn.npy")
    answered(challenge, box)
    withdraw(challenge, "us", None)
    answered(challenge, DropBox(box.folder))  # as another watcher
    assert answer(box, "us/cnn").startswith("refused [withdrawn] Withdrawn by the instructor")
    assert not any(each.may_stand for each in challenge.store.records())


def test_a_refused_file_gets_its_reason_and_does_not_stop_the_others(challenge, box):
    put(box, "us/bad.npy", file_of(np.full(N, np.nan)))
    put(box, "us/cnn.npy")
    answered(challenge, box)
    assert answer(box, "us/bad").startswith("refused [not-finite] ")
    assert answer(box, "us/cnn").startswith("accepted ")


@pytest.mark.parametrize("ending", [".NPY", ".Npy"])
def test_the_case_of_the_ending_does_not_matter(challenge, box, ending):
    put(box, f"us/CNN{ending}")
    answered(challenge, box)
    assert answer(box, "us/CNN").startswith("accepted us / CNN")


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("cnn.npz", b"PK\3\4" + bytes(60), "[npz] Expected a .npy file; this is an archive"),
        ("cnn.csv", b"jet,score\n1,0.5\n", "[not-npy] Expected a .npy file; this is text"),
        ("cnn.h5", b"\x89HDF\r\n\x1a\n" * 9999, "[not-npy] Expected a .npy file; this is an HDF5"),
        ("notes", b"", "[empty]"),
        ("cnn.npy.txt", None, "[ending] Expected a name like NETWORK.npy; got cnn.npy.txt"),
        ("cnn", None, "[ending]"),
    ],
)
def test_a_file_of_another_ending_is_answered_once_and_costs_nothing(
    challenge, box, name, data, words
):
    put(box, f"us/{name}", data)
    answered(challenge, box)
    assert answer(box, f"us/{name}", ".reason.txt").startswith(f"refused {words}")
    assert ready(box) == []
    assert challenge.store.records() == []


def test_what_has_the_name_of_a_network_does_not_take_its_receipt(challenge, box):
    for name in ("us/cnn.npy", "us/cnn.csv", "us/dnn.npy", "us/dnn/deep.npy"):
        put(box, name, content() if name.endswith("npy") else b"1,2\n")
    (box.folder / "us" / "cnn").mkdir()
    for _ in range(4):
        answered(challenge, box)
    assert answer(box, "us/cnn").startswith("accepted ")
    assert answer(box, "us/dnn").startswith("accepted ")
    assert len(list((box.folder / "us").glob("*.reason.txt"))) == 3


def test_a_folder_in_the_folder_of_a_team_is_answered(challenge, box):
    put(box, "us/cnn/cnn.npy")
    (box.folder / "us" / "folder.npy").mkdir()
    answered(challenge, box)
    assert "this is a link or a folder" in answer(box, "us/cnn", ".reason.txt")
    assert "this is a link or a folder" in answer(box, "us/folder")
    assert challenge.store.records() == []


def test_a_file_with_a_second_name_is_refused(challenge, box):
    os.link(put(box, "them/cnn.npy"), box.folder / "us" / "mine.npy")
    answered(challenge, box)
    assert "link" in answer(box, "us/mine")
    assert challenge.store.records() == []


def test_a_file_that_becomes_a_link_or_a_pipe_after_it_was_seen_is_refused(challenge, box):
    path = put(box, "us/cnn.npy")
    pipe = put(box, "us/dnn.npy")
    box.look()
    found = box.look()
    path.unlink()
    path.symlink_to(put(box, "them/cnn.npy"))
    pipe.unlink()
    os.mkfifo(pipe)
    for each in found:
        assert "refused [unreadable]" in handed_in(challenge, box, each)
    assert challenge.store.records() == []


def test_an_answer_replaces_a_name_and_not_what_the_name_points_to(challenge, box, tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("keep me")
    put(box, "us/cnn.npy")
    (box.folder / "us" / "cnn.receipt.txt").symlink_to(precious)
    answered(challenge, box)
    assert precious.read_text() == "keep me"
    assert answer(box, "us/cnn").startswith("accepted ")


def test_a_hostile_name_is_refused_and_cannot_paint_the_terminal(challenge, box, capsys):
    put(box, "us/\x1b[31mred.npy")
    put(box, "<script>/cnn.npy")
    box.look()
    for found in box.look():
        assert handed_in(challenge, box, found).startswith("refused [")
    assert challenge.store.records() == []


def test_an_answer_that_cannot_be_written_leaves_the_file_for_a_later_look(
    challenge, box, monkeypatch
):
    def disk_full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    put(box, "us/cnn.npy")
    with monkeypatch.context() as patch:
        patch.setattr("challenge.intake.dropbox._put", disk_full)
        box.look()
        (found,) = box.look()
        assert "No space left" in answered_or_put_off(challenge, box, found)
    assert [len(box.look()) for _ in range(3)] == [0, 1, 1]
    answered(challenge, box)
    assert answer(box, "us/cnn").startswith("accepted ")
    assert len(challenge.store.records()) == 1


def reopen(challenge, clock):
    lifecycle.resume(challenge)


def give_time(challenge, clock):
    lifecycle.extend(challenge, "us", until=NOON + 9 * DAY)


@pytest.mark.parametrize("mend", [reopen, give_time])
def test_a_file_that_came_after_the_close_is_scored_when_there_is_time_again(tmp_path, box, mend):
    clock = Clock()
    challenge = new_challenge(tmp_path / "closed", clock=clock)
    put(box, "us/cnn.npy")
    answered(challenge, box)
    lifecycle.close(challenge)
    put(box, "us/dnn.npy", content(1))
    answered(challenge, box)
    assert answer(box, "us/dnn").startswith("refused [closed] ")
    assert "looked at again" in answer(box, "us/dnn")
    mend(challenge, clock)
    for _ in range(3):
        answered(challenge, box)
    assert answer(box, "us/dnn").startswith("accepted ")


def test_after_the_reveal_no_file_is_looked_at_again(challenge, box):
    ended(challenge)
    put(box, "us/cnn.npy")
    answered(challenge, box)
    assert answer(box, "us/cnn").startswith("refused [revealed] The challenge is over")
    for _ in range(5):
        assert ready(box) == []


def test_a_file_that_is_put_back_gets_its_receipt_again(challenge, box):
    put(box, "us/cnn.npy")
    answered(challenge, box)
    withdraw(challenge, "us", None)
    box = DropBox(box.folder)
    answered(challenge, box)
    withdraw(challenge, "us", None, undo=True)
    for _ in range(3):
        answered(challenge, box)
    assert answer(box, "us/cnn").startswith("accepted ")


def test_a_file_that_is_no_link_any_more_is_scored(challenge, box):
    other = box.folder.parent / "other.npy"
    os.link(put(box, "us/cnn.npy"), other)
    answered(challenge, box)
    assert answer(box, "us/cnn").startswith("refused [unreadable]")
    other.unlink()
    for _ in range(3):
        answered(challenge, box)
    assert answer(box, "us/cnn").startswith("accepted ")


def test_rules_that_change_while_it_watches_hold_and_the_same_refusal_is_said_once(challenge, box):
    settings, said = challenge.folder / "challenge.toml", []
    rules = settings.read_text()
    settings.write_text(f"{rules}closes = 2026-01-01\n")
    looks = iter(range(20))

    def look(_seconds):
        if next(looks) == 10:
            settings.write_text(rules)

    def say(line):
        said.append(line)
        if "accepted" in line:
            raise KeyboardInterrupt

    put(box, "us/cnn.npy")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("challenge.intake.watching.time.sleep", look)
        watch(challenge, box, every=0, say=say)
    assert [line.split("]")[0] for line in said[1:2]] == ["us / cnn: refused [closed"]
    assert said[2].startswith("us / cnn: accepted us / cnn")
    assert said[3:] == ["stopped."]


@pytest.mark.parametrize("again", [False, True], ids=["same watcher", "another watcher"])
def test_a_file_beyond_the_quota_is_scored_when_a_turn_returns(tmp_path, box, again):
    clock = Clock()
    challenge = new_challenge(tmp_path / "quota", clock=clock, per_day=1)
    put(box, "us/cnn.npy")
    answered(challenge, box)
    put(box, "us/dnn.npy", content(1))
    answered(challenge, box)
    assert answer(box, "us/dnn").startswith("refused [quota] ")
    assert "looked at again" in answer(box, "us/dnn")
    clock.passes(hours=25)
    box = DropBox(box.folder) if again else box
    for _ in range(3):
        answered(challenge, box)
    assert answer(box, "us/dnn").startswith("accepted ")


def test_a_file_whose_receipt_would_have_too_long_a_name_is_refused_once(challenge, box):
    for name in ("x" * 250, "\U00010400" * 62):
        put(box, f"us/{name}.npy")
        answered(challenge, box)
        assert "too long for a receipt" in answer(box, "us/name-too-long")
        assert ready(box) == []
    assert challenge.store.records() == []


def test_a_look_that_fails_does_not_end_the_watch(challenge, box, monkeypatch):
    scandir, calls, said = os.scandir, iter(range(100)), []

    def away_for_a_while(place):
        if place == box.folder and next(calls) in (1, 2):
            raise OSError(116, "Stale file handle")
        return scandir(place)

    def say(line):
        said.append(line)
        if "accepted" in line:
            raise KeyboardInterrupt

    put(box, "us/cnn.npy")
    monkeypatch.setattr(os, "scandir", away_for_a_while)
    watch(challenge, box, every=0, say=say)
    assert [line.split(":")[0] for line in said[:2]] == [
        f"watching {box.folder}",
        "looking again later",
    ]
    assert said[2].startswith("us / cnn: accepted")
    assert said[3] == "stopped."


def test_a_file_that_fails_again_and_again_is_looked_at_ever_more_seldom(box):
    put(box, "us/cnn.npy")
    tried = []
    for look in range(40):
        for found in box.look():
            tried.append(look)
            box.put_off(found)
    assert tried == [1, 3, 7, 15, 31]


# --- the command ---------------------------------------------------------------------------------


@contextlib.contextmanager
def watcher(challenge, box):
    """A watching process that ignores Ctrl-C at first, as a shell starts one in the background."""
    command = ["-m", "challenge", "score", challenge.folder, "--watch", box.folder]
    process = subprocess.Popen(
        [sys.executable, *map(str, command), "--every", "0.05"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "nothing happened for a minute"
        time.sleep(0.05)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_watched_drop_box_is_answered_until_stopped_and_a_kill_loses_nothing(
    challenge, box, stop
):
    with watcher(challenge, box) as process:
        put(box, "us/cnn.npy")
        wait_for((box.folder / "us" / "cnn.receipt.txt").exists)
        process.kill()
    put(box, "us/dnn.npy", content(1))  # while nobody watches
    with watcher(challenge, box) as process:
        wait_for((box.folder / "us" / "dnn.receipt.txt").exists)
        process.send_signal(stop)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert out.splitlines()[0].startswith("watching ")
    assert out.splitlines()[-1] == "stopped."
    assert "us / cnn: accepted us / cnn" in out  # the same file again: its stored result
    assert [each.network for each in challenge.store.records()] == ["cnn", "dnn"]
    assert list(wrong_scores(challenge)) == []


def test_watching_takes_no_files(challenge, box, capsys):
    argv = ["score", str(challenge.folder), "a.npy", "--watch", str(box.folder)]
    assert main(argv) == 2
    assert "from the drop box" in capsys.readouterr().err
