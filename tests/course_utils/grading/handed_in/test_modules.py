"""A student's own module travels with the notebook; what replaces an installed one does not."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from toy_course import (
    AUTOMATIC,
    LESSON,
    ToyCourse,
    cell,
    lesson,
    new_course,
    quiet_machine,
)

from course_utils.grading.handed_in import modules

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # other people's warnings

MODULE = "def twice(x):\n    return 2 * x\n"
# What lies beside the notebook, and how the notebook uses it.
BESIDE = {
    "module": ({"my_layers.py": MODULE}, "from my_layers import twice"),
    "package": (
        {
            "my_layers/__init__.py": "from my_layers.maths import twice",
            "my_layers/maths.py": MODULE,
        },
        "from my_layers import twice",
    ),
    "run": ({"helpers.py": MODULE}, "%run helpers.py"),
    "settings": (
        {"my.toml": "factor = 2"},
        "import tomllib\nfactor = tomllib.load(open('my.toml', 'rb'))['factor']\n"
        "def twice(x):\n    return factor * x",
    ),
    "cheat": (
        {
            "course_utils.py": "",
            "ipykernel_launcher.py": "raise SystemExit",
            "numpy/__init__.py": "",
        },
        MODULE,
    ),
    "elsewhere": ({"../my_own.py": MODULE}, "import sys\nsys.path.append('..')\nimport my_own"),
}


@dataclass
class Class:
    course: ToyCourse
    warned: dict[str, str]  # what submit said to each student


@pytest.fixture(scope="module")
def graded(tmp_path_factory) -> Iterator[Class]:
    patch = quiet_machine()
    course = new_course(tmp_path_factory.mktemp("course"))
    course.release(lesson())
    warned = {}
    for student, (files, source) in BESIDE.items():
        notebook = course.solved()
        cell(notebook, "twice").source = source
        home = course.home(student)
        nbformat.write(notebook, home / f"{LESSON}.ipynb")
        for name, content in files.items():
            (home / name).parent.mkdir(exist_ok=True)
            (home / name).write_text(content)
        with Warnings() as said:
            course.submit(student)
        warned[student] = "\n".join(said)
    course.grade()
    yield Class(course, warned)
    patch.undo()


class Warnings(logging.Handler):
    """The warnings that nbgrader logs meanwhile."""

    def __enter__(self) -> list[str]:
        self.said: list[str] = []
        logging.getLogger("traitlets").addHandler(self)
        return self.said

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.WARNING:
            self.said.append(record.getMessage())

    def __exit__(self, *error: object) -> None:
        logging.getLogger("traitlets").removeHandler(self)


@pytest.mark.parametrize("student", ["module", "package", "run", "settings", "cheat"])
def test_what_lies_beside_the_notebook_is_there_at_grading(student, graded):
    scores = graded.course.scores(student)
    assert {name: scores[name] for name in AUTOMATIC} == AUTOMATIC


@pytest.mark.parametrize("student", ["module", "package", "run", "settings"])
def test_nothing_is_said_about_a_submission_that_is_whole(student, graded):
    assert graded.warned[student] == ""
    assert graded.course.table()[student]["note"].endswith("points are not marked yet")
    assert "mended" not in graded.course.executed(student).metadata


def test_what_has_an_installed_modules_name_is_left_out_and_named(graded):
    folder = graded.course.folder / "autograded" / "cheat" / LESSON
    for name in ("course_utils.py", "ipykernel_launcher.py", "numpy"):
        assert not (folder / name).exists()
        assert (
            f"`{name}` has the name of an installed module"
            in (graded.course.table()["cheat"]["note"])
        )
        assert f"{name} has the name of an installed module" in graded.warned["cheat"]


def test_what_stays_at_home_is_told_at_submission_and_to_the_instructor(graded):
    assert "imports my_own, which is not part of the submission" in graded.warned["elsewhere"]
    note = graded.course.table()["elsewhere"]["note"]
    assert "imports `my_own`, which is neither installed nor handed in" in note
    assert graded.course.scores("elsewhere")["thrice-check"] == AUTOMATIC["thrice-check"]


def test_a_python_file_beside_a_lesson_is_not_handed_out(tmp_path):
    patch = quiet_machine()
    course = new_course(tmp_path)
    folder = tmp_path / "notebooks" / LESSON
    folder.mkdir(parents=True)
    (folder / "toy.py").write_text("# the solutions")
    with pytest.raises(AssertionError, match=r"toy\.py in .*Move what students need"):
        course.release(lesson())
    assert not list((tmp_path / "release").rglob("*.py"))
    patch.undo()


def test_imports_are_found_in_whatever_a_cell_holds(tmp_path):
    sources = [
        "import a.b, os\n%matplotlib inline",
        "from c import d\n!ls",
        "from . import e",
        "f(",
    ]
    notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
    (tmp_path / "a").mkdir()
    assert modules.modules_left_behind(notebook, tmp_path) == ["c"]
