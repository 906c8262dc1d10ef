"""What a student's program reaches while it is graded: nothing that it was not given."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from attacks import ATTACKS
from ordinary_account import ROOT, as_ordinary_account, own_folder, require_sandboxes
from toy_course import AUTOMATIC, LESSON, lesson, new_course, quiet_machine

from course_utils.grading import SandboxError
from course_utils.grading.running import bubblewrap
from course_utils.grading.running.limits import Limits

LEAVES_ONE = "leave a process behind"  # it can start one, which ends with the kernel


@pytest.fixture(scope="module")
def seen() -> Iterator[dict]:
    """What an ordinary account saw of a class that it graded."""
    with own_folder() as folder:
        require_sandboxes(folder)
        program = ROOT / "tests" / "support" / "sandboxed_class.py"
        secret = {"COURSE_SECRET": "a password"}
        done = as_ordinary_account(folder, "-W", "ignore", str(program), str(folder), **secret)
        assert done.returncode == 0, done.stderr[-5000:]
        yield json.loads(done.stdout.splitlines()[-1]) | {"log": done.stderr}


@pytest.mark.slow
@pytest.mark.parametrize("attack", [name for name in ATTACKS if name != LEAVES_ONE])
def test_an_attack_fails_in_the_sandbox(seen, attack):
    assert seen["attacks"][attack] is False, seen["errors"]["attacker"]


def possible_without_a_sandbox(attack: str) -> bool:
    """Whether this machine lets a program do it to one of the same account."""
    if attack == "see a network":
        return len(socket.if_nameindex()) > 1
    if attack == "trace the grader":
        scope = Path("/proc/sys/kernel/yama/ptrace_scope")
        return not scope.exists() or scope.read_text().strip() == "0"
    return True


@pytest.mark.slow
@pytest.mark.parametrize("attack", ATTACKS)
def test_the_attack_works_without_a_sandbox(seen, attack):
    """Otherwise the test above shows nothing."""
    assert seen["control"]["attacks"][attack] is possible_without_a_sandbox(attack)


@pytest.mark.slow
def test_nothing_of_an_attack_is_left(seen):
    assert (seen["processes"], seen["planted"]) == (0, [])
    assert "attack" not in seen["tables"]
    assert seen["folders"] == []
    control = seen["control"]
    assert (control["processes"], len(control["planted"])) == (1, 1)
    assert "attack" in control["tables"]


@pytest.mark.slow
def test_honest_work_runs_as_it_does_elsewhere(seen):
    """It draws, reads jets, imports TensorFlow, and writes to a file that was handed in."""
    assert seen["errors"]["honest"] == []
    assert "calls exit(), which had no effect" in seen["notes"]["honest"]
    assert "unsandboxed" not in seen["notes"]["honest"]


@pytest.mark.slow
@pytest.mark.parametrize("student", ["honest", "attacker", "hungry", "ends-kernel"])
def test_a_new_kernel_goes_on_in_a_new_sandbox(seen, student):
    assert not seen["failed"]
    scores = seen["scores"][student]
    assert {name: scores[name] for name in AUTOMATIC} == AUTOMATIC


@pytest.mark.slow
@pytest.mark.parametrize(
    ("student", "note"),
    [
        ("hungry", "used more than 1200 MB of memory; it counts as failed"),
        ("ends-kernel", "ended the kernel; it counts as failed"),
        ("attacker", "`link.txt` is a link to another file and was left out"),
        ("attacker", "started more than 128 processes and threads"),
        ("attacker", "wrote more than the 48 MB of its folder"),
        ("attacker", "asked for more than the 1200 MB of memory"),
    ],
)
def test_a_limit_is_named_in_the_table_of_marks(seen, student, note):
    assert note in seen["notes"][student]


@pytest.mark.slow
def test_an_endless_loop_that_ignores_interrupts_ends_with_its_processor_time(seen):
    result = seen["endless"]
    assert any("used more than 6 seconds of processor time" in note for note in result["notes"])
    assert result["printed"] == ["1\n"]
    assert len(result["errors"]) == 1


@pytest.mark.slow
def test_a_kernel_reaches_a_socket_beside_its_own_and_finds_a_hidden_folder_empty(seen):
    assert seen["kernel"] == {"answer": "(b'hello', [])", "hidden": seen["kernel"]["hidden"]}
    assert seen["kernel"]["hidden"] > 0


# Without a sandbox, nothing is graded.


@pytest.fixture
def fresh(monkeypatch):
    """An ordinary account on a machine with bubblewrap that nobody has tried yet."""
    bubblewrap.require_bubblewrap.cache_clear()
    monkeypatch.setattr(bubblewrap.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(bubblewrap.shutil, "which", lambda name: f"/usr/bin/{name}")
    yield monkeypatch
    bubblewrap.require_bubblewrap.cache_clear()


def bwrap_says(monkeypatch, words: str) -> None:
    class Done:
        returncode, stderr = 1, f"bwrap: something before\n{words}\n"

    monkeypatch.setattr(bubblewrap.subprocess, "run", lambda *_, **__: Done)


def test_root_is_refused_a_sandbox(fresh):
    fresh.setattr(bubblewrap.os, "geteuid", lambda: 0)
    with pytest.raises(SandboxError, match=r"^Grade with an ordinary account, not as root: "):
        bubblewrap.require_bubblewrap()


def test_a_missing_bubblewrap_is_named_with_the_command_that_installs_it(fresh):
    fresh.setattr(bubblewrap.shutil, "which", lambda name: None)
    with pytest.raises(SandboxError, match=r"^Install bubblewrap .*apt install bubblewrap"):
        bubblewrap.require_bubblewrap()


def test_a_machine_without_user_namespaces_is_named_with_what_bwrap_says(fresh):
    bwrap_says(fresh, "bwrap: setting up uid map: Permission denied")
    with pytest.raises(SandboxError, match=r"user namespaces: .*uid map: Permission denied\)"):
        bubblewrap.require_bubblewrap()


def test_an_old_bubblewrap_is_refused(fresh):
    bwrap_says(fresh, "bwrap: Unknown option --disable-userns")
    with pytest.raises(SandboxError, match=r"install bubblewrap 0\.8 or newer"):
        bubblewrap.require_bubblewrap()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_without_a_sandbox_autograde_stops_for_all_and_the_marks_stay_blank(fresh, tmp_path):
    fresh.setattr(bubblewrap.shutil, "which", lambda name: None)
    patch = quiet_machine()
    course = new_course(tmp_path, sandbox={"sandbox": "bubblewrap"})
    course.release(lesson())
    for student in ("anna", "ben"):
        path = course.home(student) / f"{LESSON}.ipynb"
        nbformat.write(course.solved(), path)
        course.submit(student)
    course.collect(update=False)
    course.autograde()
    table = course.table()
    patch.undo()
    assert course.failed
    assert {row["score"] for row in table.values()} == {""}
    assert not (tmp_path / "autograded").exists()


def test_a_folder_that_is_shown_and_hidden_at_once_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(bubblewrap.sys, "prefix", str(tmp_path))
    shown = bubblewrap.Shown(hidden=(tmp_path,))
    with pytest.raises(SandboxError, match="Move the course to a folder of its own"):
        bubblewrap.sandboxed(["true"], tmp_path, shown, Limits())


def test_a_package_below_a_temporary_folder_is_not_covered_by_the_sandbox_s_own(tmp_path):
    args = bubblewrap.sandboxed(["true"], tmp_path, bubblewrap.Shown(), Limits())
    package = str(ROOT / "course_utils")
    folders = [at + 1 for at, word in enumerate(args) if word == "--tmpfs"]
    assert {args[at] for at in folders} >= {"/tmp", "/home/student", "/dev/shm"}
    assert args.index(package) > max(at for at in folders if args[at] in ("/tmp", "/home/student"))
