"""What a notebook can do to its interpreter gives no points; with nbgrader's own run it does."""

import pytest
from attacks import AST_TRANSFORMER, INPUT_TRANSFORMER, KERNEL, YES
from nbgrader.preprocessors import Execute
from toy_course import AUTOMATIC, cell, graded_class, quiet_machine

from course_utils.grading.judging.judge import Verdict

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # other people's warnings

STUBS = {"twice": "def twice(x):\n    return None", "thrice": "pass", "last": "pass"}
KERNEL_SIDE = """
from course_utils.grading.judging import kernel_side, crossing
def packed(self, value, *more):
    return ["list", ["value", True]]
crossing.Wire._pack = packed
"""
# Anything that the kernel holds, and the text that only a hidden test has.
LOOK_FOR_SECRETS = """
import gc
def looked():
    texts = [x for x in gc.get_objects() if isinstance(x, (str, bytes))]
    for owner in gc.get_objects():
        if isinstance(owner, dict):
            texts += [x for x in owner.values() if isinstance(x, str)]
    hidden = "".join(reversed("TERCES' ,"))  # how each hidden test of the toy lesson ends
    found = [t for t in texts if hidden in str(t)]
    return "seen" if found else "clean"
"""


def attack(first, **answers):
    """Hand in stubs, with an attack in the first cell."""

    def change(notebook):
        cell(notebook, "setup").source = f"import math\n{first}"
        for name, stub in (STUBS | answers).items():
            cell(notebook, name).source = stub

    return change


ATTACKS = {
    "ast-transformer": attack(AST_TRANSFORMER),
    "input-transformer": attack(INPUT_TRANSFORMER),
    "kernel-replaced": attack(KERNEL),
    "equals-everything": attack(YES, **{name: f"{name} = Yes()" for name in STUBS}),
    "kernel-side-patched": attack(KERNEL_SIDE),
    "builtins-patched": attack("import builtins\nbuiltins.AssertionError = KeyError"),
}  # fmt: skip
HONEST = {
    "solved": lambda notebook: None,
    "looks-for-secrets": lambda notebook: _looks(notebook),
    "float-and-numpy": lambda notebook: _unusual(notebook),
}


def _looks(notebook):
    cell(notebook, "setup").source += LOOK_FOR_SECRETS
    cell(notebook, "last").source += "\nprint(looked())"


def _unusual(notebook):
    cell(notebook, "twice").source = (
        "import numpy as np, warnings\ndef twice(x):\n    warnings.warn('look')\n    print('hi')\n"
        "    return np.float32(2 * x)"
    )
    cell(notebook, "thrice").source = "thrice = lambda x, factor=3: np.array(factor * x)"


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    patch = quiet_machine()
    yield graded_class(tmp_path_factory.mktemp("attacked"), ATTACKS | HONEST)
    patch.undo()


@pytest.mark.parametrize("student", ATTACKS)
def test_an_attack_on_the_interpreter_gives_nothing(course, student):
    scores = course.scores(student)
    assert {name: scores[name] for name in AUTOMATIC} == dict.fromkeys(AUTOMATIC, 0)


@pytest.mark.parametrize("student", HONEST)
def test_who_solves_the_exercises_has_every_point_and_no_disagreement(course, student):
    scores = course.scores(student)
    assert {name: scores[name] for name in AUTOMATIC} == AUTOMATIC
    assert "judged" not in course.table()[student]["note"]


def test_no_hidden_test_is_ever_in_the_kernel(course):
    printed = "".join(o.text for o in cell(course.executed("looks-for-secrets"), "last").outputs)
    assert printed.strip() == "clean"


def test_a_disagreement_stands_in_the_table_of_marks(course):
    for student in ("ast-transformer", "kernel-replaced"):
        note = course.table()[student]["note"]
        assert "passed in the notebook and failed when judged: `twice-check`, " in note


def test_the_student_reads_why_a_check_did_not_begin(course):
    assert "kernel did not answer the judge" in course.feedback("kernel-replaced")
    assert "SECRET" not in course.feedback("kernel-replaced")


def test_without_the_judge_the_same_attacks_succeed(tmp_path, monkeypatch):
    monkeypatch.setattr("course_utils.grading.RunCells", Execute, raising=False)
    patch = quiet_machine()
    names = ("ast-transformer", "input-transformer", "kernel-replaced")
    course = graded_class(tmp_path, {name: ATTACKS[name] for name in names})
    patch.undo()
    for name in names:
        scores = course.scores(name)
        assert {check: scores[check] for check in AUTOMATIC} == AUTOMATIC


def test_a_verdict_passes_without_an_error():
    assert Verdict().passed
    assert not Verdict(error=ValueError()).passed
