"""A file is written completely or not at all."""

import errno
import os
import stat

import pytest

from course_utils import files
from course_utils.files import disk_room, is_full, locked, part_of, replacing, write_file


def names(folder):
    return sorted(each.name for each in folder.iterdir())


def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "scores.npy"
    write_file(path, b"old")

    def interrupted():
        with replacing(path) as part:
            part.write_bytes(b"half of the n")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["scores.npy"]


def test_the_old_file_stays_until_the_new_one_is_complete(tmp_path):
    path = tmp_path / "scores.npy"
    write_file(path, b"old")
    with replacing(path) as part:
        part.write_bytes(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"


def test_a_disk_that_refuses_leaves_nothing(tmp_path, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_file(tmp_path / "labels.npz", b"secret", private=True)
    assert names(tmp_path) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_a_private_file_is_never_readable_by_others(tmp_path):
    before = os.umask(0)
    try:
        with replacing(tmp_path / "labels.npz", private=True) as part:
            assert stat.S_IMODE(part.stat().st_mode) == 0o600
            part.write_bytes(b"secret")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "labels.npz").stat().st_mode) == 0o600


def test_one_at_a_time_makes_a_file_and_nothing_of_the_lock_stays(tmp_path):
    path = tmp_path / "train.h5"

    def busy():
        raise RuntimeError("busy")

    def second():
        with locked(path, busy=busy):
            pass

    with locked(path, busy=busy), pytest.raises(RuntimeError, match="busy"):
        second()
    second()
    assert names(tmp_path) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_every_user_of_a_shared_folder_may_take_the_lock(tmp_path):
    before = os.umask(0o022)
    try:
        with locked(tmp_path / "train.h5", busy=lambda: pytest.fail("nobody else is here")):
            (lock,) = tmp_path.iterdir()
            assert stat.S_IMODE(lock.stat().st_mode) == 0o666
    finally:
        os.umask(before)


def test_where_there_are_no_locks_the_work_is_done_without(tmp_path, monkeypatch):
    def refuse(self, *of, **options):
        raise NotImplementedError

    monkeypatch.setattr(files.FileLock, "acquire", refuse)
    with locked(tmp_path / "train.h5", busy=lambda: pytest.fail("nobody else is here")):
        write_file(tmp_path / "train.h5", b"jets")
    assert names(tmp_path) == ["train.h5"]


def test_a_full_disk_is_found_behind_what_was_raised_of_it():
    def told(cause):
        try:
            raise ValueError("told") from cause
        except ValueError as error:
            return error

    assert is_full(told(OSError(errno.EDQUOT, "Disk quota exceeded")))
    assert is_full(told(RuntimeError("file write failed, errno = 28, error message = 'No space'")))
    assert not is_full(told(PermissionError(errno.EACCES, "Permission denied")))
    assert not is_full(None)


def test_the_disk_of_a_folder_that_is_not_there_yet_is_that_of_the_one_above(tmp_path):
    told = disk_room(tmp_path / "later" / "still", needed=2_500_000)
    assert f"which holds {tmp_path}, has " in told
    assert told.endswith(" MB free, 2.5 MB are needed.")


def test_two_writers_of_one_file_never_share_a_temporary_name(tmp_path):
    path = tmp_path / "train.h5"
    parts = {part_of(path) for _ in range(100)}
    assert len(parts) == 100
    assert all(part.name.startswith(".") and part.suffix == ".part" for part in parts)
