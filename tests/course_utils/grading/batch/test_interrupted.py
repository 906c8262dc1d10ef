"""Grading goes on where a kill or Ctrl-C has stopped it, and nothing runs on meanwhile."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from grading_class import (
    DETACH,
    course_with,
    grading_processes,
    hand_in,
    is_graded,
    journal,
    left_behind,
    run,
    times_graded,
)
from toy_course import LESSON, ROOT, ToyCourse, quiet_machine
from waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # other people's warnings

SECONDS = 240  # a busy machine may need
SLOW = DETACH.format(name="slow") + "\nimport time\ntime.sleep(1000)"


@pytest.fixture
def course(tmp_path) -> Iterator[ToyCourse]:
    patch = quiet_machine()
    yield course_with(tmp_path / "course", {"anna": "x = 1", "slow": SLOW, "zoe": "x = 2"})
    patch.undo()


def started(course: ToyCourse, *options: str) -> subprocess.Popen[str]:
    """Grade in a process of its own, whose handlers of signals no other test has touched."""
    return subprocess.Popen(
        [sys.executable, "-m", "course_utils.grading", "grade", LESSON, *options],
        cwd=course.folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )


def test_grading_goes_on_after_a_kill_and_after_ctrl_c(course):
    killed = started(course, "--workers", "2")
    wait_until(
        lambda: {"anna", "zoe"} <= times_graded(course).keys() and left_behind("slow"),
        seconds=SECONDS,
    )
    assert is_graded(course, "slow")  # half written
    killed.kill()
    killed.communicate()
    wait_until(lambda: not grading_processes(course) and not left_behind(), seconds=SECONDS)
    assert not is_graded(course, "slow")
    with (course.folder / "grading" / f"{LESSON}.jsonl").open("a") as file:
        file.write('{"student": "slow", "sta')  # as if the machine had lost its power

    stopped = started(course)
    wait_until(lambda: left_behind("slow"), seconds=SECONDS)
    stopped.send_signal(signal.SIGINT)
    _, said = stopped.communicate(timeout=SECONDS)
    assert stopped.returncode == 130, said
    assert "Interrupted. The same command goes on where it stopped." in said
    assert grading_processes(course) == left_behind() == []
    assert not is_graded(course, "slow")

    hand_in(course, "slow", course.solved())
    finished = run(course, "grade", LESSON)
    assert finished.status == 0, finished
    path = course.folder / "grading" / f"{LESSON}.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(line for line in lines if line.endswith("}")))
    assert times_graded(course) == {"anna": 1, "zoe": 1, "slow": 1}
    assert {entry["state"] for entry in journal(course)} == {"graded"}
