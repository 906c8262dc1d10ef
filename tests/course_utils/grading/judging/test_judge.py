"""A check is run to its end, and nothing in the folder that a kernel sees can harm."""

import os
import stat
import tempfile
import threading
import time
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from other_side import caller_of, notebook
from toy_course import graded

from course_utils.grading.judging import judge
from course_utils.grading.judging.checks import Checks
from course_utils.grading.judging.ending import ended_at
from course_utils.grading.judging.judge import Judge, Verdict, kernel_called
from course_utils.grading.judging.reference import Solved


def lesson(check):
    return new_notebook(
        cells=[
            new_code_cell("import os"),
            graded("answer", "def f(*x): return 1", solution=True),
            graded("check", check, grade=True, locked=True, points=1),
        ]
    )


def verdict(check, answer, folder, seconds=20):
    with caller_of(notebook(answer), seconds) as caller:
        return Judge(Solved(lesson(check))).verdict("check", check, caller, folder)


def kernel(names):
    """A kernel that serves in a thread; returns what `kernel_called` takes."""

    def start(code):
        thread = threading.Thread(target=exec, args=(code, names), daemon=True)
        thread.start()
        return lambda: not thread.is_alive()

    return start


def test_a_check_that_reads_a_file_without_end_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(judge, "_GRACE", 0.2)
    os.mkfifo(tmp_path / "fifo")
    found = verdict("open(f()).read()", f"def f(): return {str(tmp_path / 'fifo')!r}", tmp_path, 1)
    assert isinstance(found.error, TimeoutError)
    assert found.line == 1


def test_a_check_that_catches_the_end_ends(monkeypatch):
    monkeypatch.setattr("course_utils.grading.judging.ending._AGAIN", 0.5)
    caught = []

    def waits():
        try:
            threading.Event().wait()
        except TimeoutError as error:
            caught.append(error)
        threading.Event().wait()

    with ended_at(time.monotonic()), pytest.raises(TimeoutError, match="time for this check"):
        waits()
    assert caught
    with ended_at(float("inf")):
        pass


def test_the_socket_is_private_and_no_path_is_changed(tmp_path, monkeypatch):
    """A kernel may put a link where the path of the socket was."""
    monkeypatch.setattr(os, "chmod", lambda *path, **how: pytest.fail("a path was changed"))
    seen = []

    def start(code):
        (path,) = tmp_path.iterdir()
        seen.append(path.lstat().st_mode)
        return kernel({"f": 3})(code)

    with kernel_called(tmp_path, start, 20) as caller:
        assert caller.name("f") == 3
    assert [stat.S_IMODE(mode) for mode in seen] == [0o600]


def test_the_temporary_folder_of_a_check_is_removed_without_following_links(tmp_path, monkeypatch):
    target = tmp_path / "target"
    target.write_text("not the student's")
    target.chmod(0o604)
    unlink = os.unlink

    def unlink_no_link(path, **how):
        if Path(path).name == "link":
            raise PermissionError(13, "as in a folder that cannot be written to", path)
        unlink(path, **how)

    monkeypatch.setattr(os, "unlink", unlink_no_link)
    check = """
from tempfile import TemporaryDirectory
with TemporaryDirectory() as folder:
    assert folder == f(folder)
"""
    answer = f"import os\ndef f(x):\n    os.symlink({str(target)!r}, x + '/link')\n    return x"
    (shared := tmp_path / "shared").mkdir()
    assert verdict(check, answer, shared).passed
    assert stat.S_IMODE(target.stat().st_mode) == 0o604
    assert tempfile.TemporaryDirectory.__module__ == "tempfile"


def checks_of(tmp_path, source, handed_in):
    nbformat.write(lesson(source), path := tmp_path / "lesson.ipynb")
    return Checks(lesson(handed_in), path)


def test_the_text_of_a_check_is_the_lessons_whatever_was_handed_in(tmp_path):
    """A check runs in the process that grades, so a submission must have no part in its text."""
    mark = tmp_path / "mark"
    checks = checks_of(tmp_path, "assert f() == 1", f"open({str(mark)!r}, 'w').close()")
    found = checks.judged(2, None, kernel(notebook("def f(): return 2")), 20)
    assert isinstance(found.error, AssertionError)
    assert not mark.exists()


def test_the_lessons_own_time_is_not_the_students(tmp_path):
    checks = checks_of(tmp_path, "assert f() == 1", "assert f() == 1")
    started = []

    def start(code):
        started.append(bool(checks._judge.solved._before))
        return kernel(notebook("def f(): return 1"))(code)

    assert checks.judged(2, None, start, 20).passed
    assert started == [True]


def test_an_error_can_be_written_into_a_notebook_whatever_it_says(tmp_path):
    checks = checks_of(tmp_path, "f()", "f()")
    checks.outcome(2, Verdict(error=ValueError("\ud800" + "x" * 10**6), line=1))
    (output,) = checks.notebook.cells[2].outputs
    assert len(nbformat.writes(checks.notebook).encode()) < 100_000
    assert output.evalue.startswith("\\ud800")


@pytest.mark.parametrize(("result", "shown"), [(1.5, ["1.5"]), ("4", []), (True, []), ([4], [])])
def test_only_a_number_of_the_check_itself_is_points(tmp_path, result, shown):
    checks = checks_of(tmp_path, "f()", "f()")
    checks.outcome(2, Verdict(result))
    outputs = checks.notebook.cells[2].outputs
    assert [output.data["text/plain"] for output in outputs] == shown
