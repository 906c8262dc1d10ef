"""Copied, split, deleted and retyped cells, and other releases: every other point is kept.

One small class hands in through the exchange; each student has done one thing to the notebook.
"""

import copy
from collections.abc import Iterator

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader.api import Gradebook
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.utils import compute_checksum
from toy_course import (
    AUTOMATIC,
    LESSON,
    ToyCourse,
    cell,
    graded,
    graded_class,
    place,
    quiet_machine,
)

from course_utils.grading.handed_in.expected import expected_cells
from course_utils.grading.handed_in.mending import mend_cells
from course_utils.grading.handed_in.reading import read_notebook

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # other people's warnings

CASES = {}


def case(*, lost=(), note=""):
    """Register what a student did: the checks that lose their points, and words of the note."""

    def register(change):
        CASES[change.__name__.replace("_", "-")] = (change, set(lost), note)
        return change

    return register


def copied(nb, name, to, **changes):
    """Put a copy of a cell, its metadata included, at another place."""
    again = copy.deepcopy(cell(nb, name))
    again.update(changes)
    nb.cells.insert(to, again)


@case()
def nothing(nb):
    """The solved notebook, as Jupyter saves it."""


@case(note="`twice-check` stood 2 times")
def check_copied_before_its_answer(nb):
    copied(nb, "twice-check", 1)


@case(note="`twice-check` stood 2 times")
def check_copied_behind_a_changed_name(nb):
    nb.cells.append(new_code_cell("twice = None", id="spoilt"))
    copied(nb, "twice-check", len(nb.cells))


@case(note="`thrice` stood 2 times")
def answer_copied_with_its_stub(nb):
    copied(nb, "thrice", place(nb, "thrice"), source="def thrice(x):\n    raise ValueError")


@case(note="`twice` stood 2 times")
def answer_split_in_two(nb):
    cell(nb, "twice").source = "def twice(x):\n    return 2 * x"
    copied(nb, "twice", place(nb, "twice"), source="factor = 2")


@case(note="`twice-check` stood 2 times")
def check_split_in_two(nb):
    first, _, second = cell(nb, "twice-check").source.partition("\n")
    cell(nb, "twice-check").source = second
    copied(nb, "twice-check", place(nb, "twice-check"), source=first)


@case(note="`twice` stood 2 times")
def exercise_copied_as_a_whole(nb):
    copied(nb, "twice", len(nb.cells))
    copied(nb, "twice-check", len(nb.cells))


@case(note="`why-answer` stood 2 times")
def written_answer_copied_and_the_copy_filled_in(nb):
    copied(nb, "why-answer", place(nb, "why-answer"))
    cell(nb, "why-answer").source = "The student's words: why."
    nb.cells[place(nb, "why-answer") + 1].source = "YOUR ANSWER HERE"


@case(note="`why-answer` stood 2 times")
def written_answer_split_in_two(nb):
    copied(nb, "why-answer", place(nb, "why-answer") + 1, source="And more of them.")


@case(note="the text below it was taken as the answer")
def written_answer_in_a_new_cell_below(nb):
    cell(nb, "why-answer").source = "YOUR ANSWER HERE"
    nb.cells.insert(place(nb, "why-answer") + 1, new_markdown_cell("The student's words: why."))


@case(lost=["twice-check"], note="put back: `twice-check`; toy: answers missing: `twice`")
def answer_and_check_deleted(nb):
    del nb.cells[place(nb, "twice") : place(nb, "twice") + 2]


@case(note="put back: `twice-check`")
def check_deleted(nb):
    del nb.cells[place(nb, "twice-check")]


@case(note="put back: `twice-check`, `thrice-check`, `given`, `run`, `last-check`, `frame`")
def all_locked_cells_deleted(nb):
    nb.cells = [
        c for c in nb.cells if c.id not in ("given", "run", "frame") and "-check" not in c.id
    ]


@case(note="put back: `end-answer`, `task`")
def last_markdown_cells_deleted(nb):
    del nb.cells[-2:]


@case(note="put back: `end-answer`")
def written_answer_behind_a_locked_cell_deleted(nb):
    del nb.cells[place(nb, "end-answer")]


@case(note="put back: `why-answer`")
def written_answer_at_the_end_of_a_section_deleted(nb):
    del nb.cells[place(nb, "why-answer")]


@case(note="put back: `twice-check`")
def answer_retyped_in_a_new_cell(nb):
    source = cell(nb, "twice").source
    del nb.cells[place(nb, "twice") : place(nb, "twice") + 2]
    nb.cells.insert(place(nb, "about-twice") + 1, new_code_cell(source))


@case(lost=AUTOMATIC, note="put back")
def everything_deleted(nb):
    nb.cells = []


@case()
def cells_moved(nb):
    exercise = nb.cells[place(nb, "about-twice") : place(nb, "twice-check") + 1]
    nb.cells = [c for c in nb.cells if c not in exercise] + exercise


@case(note="put back: `given`")
def cells_moved_and_one_deleted(nb):
    cells_moved(nb)
    del nb.cells[place(nb, "given")]


@case(lost=["thrice-check"], note="put back: `thrice-check`; toy: answers missing: `thrice`")
def older_release_without_an_exercise(nb):
    nb.cells = [c for c in nb.cells if "thrice" not in c.id]


@case(note="not in this release, so without points: `old`, `old-check`")
def older_release_with_an_exercise_more(nb):
    nb.cells += [
        graded("old", "def old(x):\n    return x", solution=True),
        graded("old-check", "assert old(1) == 1", grade=True, locked=True, points=8),
    ]


@case(note="put back: `twice-check`")
def older_release_with_another_name(nb):
    cell(nb, "twice").metadata.nbgrader.grade_id = "double"
    check = cell(nb, "twice-check")
    check.metadata.nbgrader.grade_id, check.source = "double-check", "assert twice(2) == 4"
    for each in (cell(nb, "twice"), check):
        each.id = each.metadata.nbgrader.grade_id


@case(note="restored: `twice-check`")
def check_changed(nb):
    cell(nb, "twice-check").source = "assert True  # easier"


@case()
def metadata_of_another_version(nb):
    """nbgrader would stop the whole class here."""
    for each in nb.cells:
        each.metadata.get("nbgrader", {}).pop("schema_version", None)


@case()
def roles_and_points_changed(nb):
    cell(nb, "twice-check").metadata.nbgrader.update(points=100, solution=True, schema_version=99)
    cell(nb, "why-answer").metadata.nbgrader.update(grade=False, points=-1)


@case()
def cell_types_changed(nb):
    why, twice = place(nb, "why-answer"), place(nb, "twice")
    words = new_code_cell(nb.cells[why].source, metadata=nb.cells[why].metadata)
    function = new_markdown_cell(nb.cells[twice].source, metadata=nb.cells[twice].metadata)
    nb.cells[why], nb.cells[twice] = words, function


@case(lost=["twice-check"])
def check_that_asks_not_to_be_run(nb):
    """nbgrader gives full marks to a check without outputs."""
    cell(nb, "twice").source = "def twice(x):\n    return x"
    cell(nb, "twice-check").metadata["tags"] = ["skip-execution"]


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Iterator[ToyCourse]:
    changes = {name: change for name, (change, _, _) in CASES.items()}
    patch = quiet_machine()
    yield graded_class(tmp_path_factory.mktemp("course"), changes)
    patch.undo()


@pytest.fixture(scope="module")
def table(course) -> dict[str, dict[str, str]]:
    return course.table()


def test_the_batch_ended_without_a_failure(course, table):
    assert not course.failed
    assert table.keys() == CASES.keys()


@pytest.mark.parametrize("student", CASES)
def test_the_other_points_are_kept_and_the_note_says_what_was_mended(student, course, table):
    _, lost, note = CASES[student]
    scores = course.scores(student)
    automatic = {name: score for name, score in scores.items() if name in AUTOMATIC}
    assert automatic == {n: 0 if n in lost else points for n, points in AUTOMATIC.items()}
    row = table[student]
    assert float(row["score"]) == sum(automatic.values())
    assert note in row["note"]
    first = course.executed(student).cells[0].source
    assert ("mended" in first) == bool(note)
    assert ("mended while grading" in course.feedback(student)) == bool(note)
    assert "SECRET" not in course.feedback(student)


@pytest.mark.parametrize("student", CASES)
def test_what_was_written_reaches_the_person_who_marks_it(student, course):
    scores = course.scores(student)
    assert scores["why-answer"] is scores["end-answer"] is scores["task"] is None
    if student not in ("everything-deleted", "written-answer-at-the-end-of-a-section-deleted"):
        graded_cells = [c for c in course.executed(student).cells if "nbgrader" in c.metadata]
        (why,) = (c for c in graded_cells if c.metadata.nbgrader.grade_id == "why-answer")
        assert "The student's words: why." in why.source


def test_both_halves_of_a_split_answer_are_one_answer(course):
    cells = course.executed("written-answer-split-in-two").cells
    (why,) = (c for c in cells if c.source.startswith("The student's words: why."))
    assert why.source == "The student's words: why.\n\nAnd more of them."


@pytest.mark.parametrize("student", CASES)
def test_feedback_comes_back_through_the_exchange(student, course):
    (page,) = course.fetch_feedback(student)
    assert page.name == f"{LESSON}.html"


# Whatever is done to the cells ---------------------------------------------------------------


def _delete(nb, here, there):
    del nb.cells[here]


def _copy(nb, here, there):
    nb.cells.insert(there, copy.deepcopy(nb.cells[here]))


def _move(nb, here, there):
    nb.cells.insert(there, nb.cells.pop(here))


def _forget(nb, here, there):
    nb.cells[here].metadata.clear()
    nb.cells[here].id = f"forgotten-{here}"


def _rewrite(nb, here, there):
    nb.cells[here].source += f"\n# {there}"


def _retype(nb, here, there):
    new = new_markdown_cell if nb.cells[here].cell_type == "code" else new_code_cell
    nb.cells[here] = new(nb.cells[here].source, metadata=nb.cells[here].metadata)


def _rename(nb, here, there):
    nb.cells[here].metadata.get("nbgrader", {})["grade_id"] = f"new-{there}"


CHANGES = [_delete, _copy, _move, _forget, _rewrite, _retype, _rename]
STEPS = st.lists(
    st.tuples(st.sampled_from(CHANGES), st.integers(0, 99), st.integers(0, 99)), max_size=12
)


@pytest.fixture(scope="module")
def lesson_cells(course):
    """What the gradebook knows of the lesson."""
    with Gradebook(course.api.coursedir.db_url) as gradebook:
        return expected_cells(gradebook.find_notebook(LESSON, LESSON), course.solved())


@settings(max_examples=40)
@given(steps=STEPS)
def test_whatever_is_done_every_graded_cell_stands_there_once(course, lesson_cells, steps):
    """And mending it again changes nothing."""
    solved = course.solved()
    nb = copy.deepcopy(solved)
    for change, here, there in steps:
        if nb.cells:
            change(nb, here % len(nb.cells), there % len(nb.cells))
    nb, _ = read_notebook(nbformat.writes(nb).encode())
    mend_cells(nb, lesson_cells, solved)
    nbformat.validate(nb)
    MetadataValidator().validate_nb(nb)
    names = [c.metadata.nbgrader.grade_id for c in nb.cells if "nbgrader" in c.metadata]
    assert len(names) == len(set(names))
    assert {n for n, c in lesson_cells.items() if not c.is_plain_answer} <= set(names)
    for each in nb.cells:
        if "nbgrader" in each.metadata:
            wanted = lesson_cells[each.metadata.nbgrader.grade_id]
            assert compute_checksum(each) == wanted.metadata["checksum"] or not wanted.locked
    again = copy.deepcopy(nb)
    notes = mend_cells(again, lesson_cells, solved)
    assert again == nb
    assert not [note for note in notes if "missing" not in note]
