"""What students can put into the exchange, and what of it reaches the instructor's folder."""

import logging
import os
import pwd
import stat

import pytest
from toy_course import LESSON, lesson, new_course, quiet_machine

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # other people's warnings

NOW = "2026-11-02 10:00:00.000000 UTC"


@pytest.fixture
def course(tmp_path):
    patch = quiet_machine()
    course = new_course(tmp_path / "course")
    course.api.config.ExchangeCollect.check_owner = True
    yield course
    patch.undo()


def hand_in(course, student, *, time=NOW, owner=None):
    """A folder in the exchange, as anyone can make one; by default it belongs to this account."""
    folder = course.folder / "exchange/jet-tagging/inbound" / f"{student}+{LESSON}+{time}+random"
    folder.mkdir(parents=True)
    (folder / f"{LESSON}.ipynb").write_text(student)
    (folder / "timestamp.txt").write_text(time)
    (folder / "submission_secret.txt").write_text("secret")
    if owner:
        for path in (folder, *folder.iterdir()):
            os.chown(path, pwd.getpwnam(owner).pw_uid, -1)
    return folder


def collect(course, caplog):
    """Collect, and return what arrived by student and what was said."""
    with caplog.at_level(logging.WARNING):
        course.api.log.propagate = True
        course.collect(update=False)
    arrived = {
        path.parent.name: sorted(str(p.relative_to(path)) for p in path.rglob("*") if p.is_file())
        for path in (course.folder / "submitted").glob(f"*/{LESSON}")
    }
    return arrived, caplog.text


ME = pwd.getpwuid(os.getuid()).pw_name
OTHER = "daemon" if ME != "daemon" else "nobody"
FILES = ["arrived.txt", "submission_secret.txt", "timestamp.txt", f"{LESSON}.ipynb"]


def test_a_folder_under_another_name_is_not_collected_and_hides_no_older_one(course, caplog):
    hand_in(course, ME)
    hand_in(course, OTHER)
    arrived, said = collect(course, caplog)
    assert arrived == {ME: FILES}
    assert f"claims to be from `{OTHER}` and belongs to `{ME}`" in said
    assert "check_owner = False" in said


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder to another account")
def test_a_forged_newer_folder_does_not_hide_the_students_own(course, caplog):
    own = hand_in(course, OTHER, owner=OTHER)
    (own / "own.txt").write_text("")
    os.chown(own / "own.txt", own.stat().st_uid, -1)
    (own / "other.txt").write_text("of another account")
    hand_in(course, OTHER, time="2026-11-03 10:00:00.000000 UTC")
    assert collect(course, caplog)[0][OTHER] == sorted([*FILES, "own.txt"])


def test_a_class_that_shares_one_account_is_collected_if_that_is_said(course, caplog):
    course.api.config.ExchangeCollect.check_owner = False
    hand_in(course, OTHER)
    assert collect(course, caplog)[0] == {OTHER: FILES}


def test_a_link_in_place_of_a_submission_is_not_collected(course, caplog):
    secret = course.folder / "secret"
    secret.mkdir()
    (secret / f"{LESSON}.ipynb").write_text("answers")
    folder = course.folder / "exchange/jet-tagging/inbound"
    folder.mkdir(parents=True)
    (folder / f"{ME}+{LESSON}+{NOW}+x").symlink_to(secret)
    arrived, said = collect(course, caplog)
    assert arrived == {}
    assert "is a link or a file, not a folder" in said


def test_only_regular_files_of_a_submission_are_collected(course, caplog):
    secret = course.folder / "labels.npz"
    secret.write_text("labels")
    folder = hand_in(course, ME)
    (folder / "link.npz").symlink_to(secret)
    (folder / "folder").symlink_to(course.folder, target_is_directory=True)
    os.mkfifo(folder / "pipe")
    (folder / "mine").mkdir()
    (folder / "mine" / "helper.py").write_text("1")
    (folder / ("n" * 250)).write_text("")
    arrived, said = collect(course, caplog)
    assert arrived == {ME: sorted([*FILES, "mine/helper.py"])}
    for name in ("link.npz", "folder", "pipe", "n" * 250):
        assert f"{folder.name}/{name}" in said


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file to another account")
def test_a_second_name_of_someone_elses_file_is_left_out(course, caplog):
    secret = course.folder / "labels.npz"
    secret.write_text("labels")
    folder = hand_in(course, OTHER, owner=OTHER)
    os.link(secret, folder / "hard.npz")
    assert collect(course, caplog)[0] == {OTHER: FILES}


def test_too_many_and_too_large_files_are_left_out_after_the_notebook(course, caplog):
    course.api.config.Collect.most_files, course.api.config.Collect.most_megabytes = 5, 1
    folder = hand_in(course, ME)
    for number in range(4):
        (folder / f"{number}.txt").write_text("x")
    (folder / "0.bin").write_bytes(bytes(2**20 + 1))
    arrived, said = collect(course, caplog)
    assert f"{LESSON}.ipynb" in arrived[ME]
    assert "0.bin" not in arrived[ME]
    assert len(arrived[ME]) == 1 + 4  # of five files one is too large; the time is noted beside
    assert "0.bin" in said


@pytest.mark.parametrize(("time", "late"), [(NOW, True), ("2099-01-01 00:00:00 UTC", False)])
def test_a_submission_that_claims_an_earlier_time_is_reported_to_the_instructor(
    course, caplog, time, late
):
    hand_in(course, ME, time=time)
    _, said = collect(course, caplog)
    assert ("claims the time 2026-11-02 10:00 UTC and arrived at" in said) == late


def test_nobody_can_replace_what_another_put_into_the_exchange(course):
    (course.folder / "exchange").chmod(0o777)
    course.release(lesson())
    for folder in ("exchange", "exchange/jet-tagging/inbound"):
        mode = (course.folder / folder).stat().st_mode
        assert mode & stat.S_IWOTH
        assert mode & stat.S_ISVTX
