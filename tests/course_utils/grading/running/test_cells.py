"""A cell that ends or blocks the kernel costs itself; what was and what will be earned is kept."""

import subprocess
import sys
from collections.abc import Iterator

import nbformat
import pytest
from nbformat.v4 import new_code_cell
from toy_course import AUTOMATIC, ToyCourse, cell, graded, graded_class, place, quiet_machine

from course_utils.grading.running import cells

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # other people's warnings

CASES = {}
A_MOMENT = "import time\ntime.sleep(1)"  # in which the kernel would go


def case(*, lost=(), note=""):
    """Register what a student wrote: the checks that lose their points, and words of the note."""

    def register(change):
        CASES[change.__name__.replace("_", "-")] = (change, set(lost), note)
        return change

    return register


def between(nb, source):
    """Put a cell of the student's between the second and the third exercise."""
    nb.cells.insert(place(nb, "given"), new_code_cell(source))


@case(note="(`exit()`) calls exit(), which had no effect")
def exit_in_a_cell_of_its_own(nb):
    between(nb, "exit()")
    nb.cells.insert(place(nb, "given"), new_code_cell(A_MOMENT))


@case(note="calls exit(), which had no effect")
def quit_at_the_end_of_an_answer(nb):
    cell(nb, "twice").source += "\nquit()"
    nb.cells.insert(place(nb, "twice") + 1, new_code_cell(A_MOMENT))


@case()
def sys_exit(nb):
    between(nb, "import sys\nsys.exit(1)")


@case(note="ended the kernel; it counts as failed")
def restart_as_on_colab(nb):
    between(nb, "import os\nos.kill(os.getpid(), 9)")


@case(note="ended the kernel; it counts as failed")
def kernel_ended_at_the_end(nb):
    nb.cells.append(new_code_cell("import os\nos._exit(0)"))


@case(lost=["thrice-check"], note="(`thrice-check`) ended the kernel")
def answer_that_ends_the_kernel_when_called(nb):
    cell(nb, "thrice").source = "def thrice(x):\n    import os\n    os._exit(1)"


@case(lost=["thrice-check"], note="(`thrice-check`) ended the kernel")
def answer_that_crashes_the_interpreter(nb):
    cell(nb, "thrice").source = "import ctypes\ndef thrice(x):\n    ctypes.string_at(0)"


@case(lost=AUTOMATIC, note="the kernel ended too often")
def every_call_ends_the_kernel(nb):
    for name in ("twice", "thrice", "last"):
        cell(nb, name).source = f"import os\ndef {name}(x):\n    os._exit(1)"
        nb.cells.insert(place(nb, name) + 1, new_code_cell(f"{name}(1)"))


@case()
def answer_that_warns(nb):
    """nbgrader gives no points to a check that writes to standard error; this course does."""
    answer = "import warnings\ndef twice(x):\n    warnings.warn('odd')\n    return 2 * x"
    cell(nb, "twice").source = answer


@case(note="(`while True:`) was stopped after 3 seconds")
def endless_loop(nb):
    between(nb, "while True:\n    pass")


@case(lost=["thrice-check"])
def endless_answer(nb):
    cell(nb, "thrice").source = "def thrice(x):\n    while True:\n        pass"


@case(note="could not be stopped; it counts as failed")
def endless_loop_that_ignores_interrupts(nb):
    between(
        nb,
        "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True:\n    pass",
    )


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Iterator[ToyCourse]:
    changes = {name: change for name, (change, _, _) in CASES.items()}
    patch = quiet_machine()
    patch.setattr(cells, "_PATIENCE", 2.0)
    yield graded_class(tmp_path_factory.mktemp("course"), changes, cell_limit=3)
    patch.undo()


@pytest.fixture(scope="module")
def table(course) -> dict[str, dict[str, str]]:
    return course.table()


@pytest.mark.parametrize("student", CASES)
def test_the_other_points_are_kept_and_the_note_names_the_cell(student, course, table):
    _, lost, note = CASES[student]
    scores = course.scores(student)
    expected = {name: 0 if name in lost else points for name, points in AUTOMATIC.items()}
    assert {name: scores[name] for name in AUTOMATIC} == expected
    assert float(table[student]["score"]) == sum(expected.values())
    assert note in table[student]["note"]
    assert "SECRET" not in course.feedback(student)


def test_that_there_was_no_sandbox_is_in_the_table_and_not_in_the_feedback(course, table):
    for student in CASES:
        assert "unsandboxed" in table[student]["note"]
        assert "unsandboxed" not in course.feedback(student)


def test_what_was_shown_before_the_kernel_ended_is_kept(course):
    first = next(c for c in course.executed("restart-as-on-colab").cells if c.cell_type == "code")
    assert first.execution_count == 1
    assert not course.failed


def test_a_check_that_is_all_hidden_is_judged(monkeypatch):
    """Without its hidden tests it is empty, and an empty check that is not judged passes."""
    judged = []
    monkeypatch.setattr(cells.Execute, "preprocess_cell", lambda self, cell, *more: (cell, {}))
    monkeypatch.setattr(cells.RunCells, "_judge", lambda self, index: judged.append(index))
    step = cells.RunCells()
    step._restarts = 0
    step.preprocess_cell(graded("check", "", grade=True, locked=True, points=1), {}, 4)
    step.preprocess_cell(graded("answer", "", solution=True), {}, 5)
    assert judged == [4]


def test_a_right_answer_that_warns_passes_validate_and_a_wrong_one_does_not(course):
    right, wrong = course.solved(), course.solved()
    answer_that_warns(right)
    cell(wrong, "twice").source = "def twice(x):\n    return 3 * x"
    said = []
    for name, notebook in (("right", right), ("wrong", wrong)):
        nbformat.write(notebook, course.folder / f"{name}.ipynb")
        command = [sys.executable, "-m", "nbgrader", "validate", f"{name}.ipynb"]
        done = subprocess.run(command, cwd=course.folder, capture_output=True, text=True)
        said.append(done.stdout + done.stderr)
    assert "Success! Your notebook passes all the tests." in said[0]
    assert "VALIDATION FAILED ON 1 CELL(S)" in said[1]
    assert "not recognized" not in "".join(said)
