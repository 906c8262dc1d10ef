"""What a student starts ends with the grading, however it has left its parent."""

import os
import subprocess
import sys
import time

import psutil
import pytest
from grading_class import DETACH, MARK, left_behind

from course_utils.grading.batch.errors import printable
from course_utils.grading.batch.processes import (
    adopt_orphans,
    children_of_this_process,
    kill_orphans,
    kill_tree,
    kill_visitors,
)

pytestmark = pytest.mark.filterwarnings("ignore")  # of nbgrader, when it is imported


def start(name: str, then: str) -> subprocess.Popen:
    """A process in a session of its own, from which another has detached itself."""
    code = f"{DETACH.format(name=name)}\n{then}"
    environment = os.environ | {MARK: name}
    process = subprocess.Popen(
        [sys.executable, "-c", code], env=environment, start_new_session=True
    )
    end = time.monotonic() + 60
    while not [pid for pid in left_behind(name) if os.getsid(pid) not in (process.pid, -1)]:
        assert time.monotonic() < end, "nothing has detached itself"
        time.sleep(0.05)
    return process


@pytest.fixture
def others() -> set[int]:
    adopt_orphans()
    return children_of_this_process()


def test_what_left_a_process_that_is_killed(others):
    process = start("kill-tree", "import time\ntime.sleep(1000)")
    kill_tree(process.pid)
    process.wait()
    kill_orphans(keep=others)
    assert left_behind("kill-tree") == []


def test_what_left_a_process_that_has_ended_by_itself(others):
    process = start("orphan", "")
    process.wait()
    assert left_behind("orphan")
    kill_orphans(keep=others)
    assert left_behind("orphan") == []


def test_kernels_go_and_helpers_of_the_grading_itself_stay(others):
    helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
    process = start("visitor", "import time\ntime.sleep(1000)")
    kill_visitors()
    process.wait()
    assert left_behind("visitor") == []
    assert psutil.pid_exists(helper.pid)
    assert helper.poll() is None
    helper.kill()
    helper.wait()


def test_a_name_cannot_move_the_cursor_of_a_terminal():
    assert printable("Zoë\x1b[2J\r\n\u202edoe") == "Zoë?[2J???doe"
