"""The checks of every lesson: what is right counts, and what is wrong does not.

One run of a lesson's cells in this process is made, in which every wrong and every unusual right
answer is tried.
"""

import pytest
from attacks import YES

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # other people's warnings


class TestChecks:
    def test_the_solution_earns_every_point(self, lesson, session):
        possible = {
            e.check: lesson.cells[e.check].metadata.nbgrader.points for e in lesson.exercises
        }
        assert session.marks == possible

    def test_partial_credit_goes_through_the_helper(self, lesson, session):
        for exercise in lesson.exercises:
            source = lesson.cells[exercise.check].source
            session.back_to(exercise.check)
            if session.run(source) is not None:
                assert source.splitlines()[-1].startswith("partial_credit(")

    def test_no_part_of_a_check_passes_on_the_stub(self, lesson, session):
        for exercise in lesson.exercises:
            stub = lesson.released[exercise.answer].source
            marks = session.marks_for(lesson, exercise, stub)
            assert marks == {"whole": 0, "visible": 0, "hidden": 0}, stub

    def test_an_object_that_passes_every_comparison_earns_nothing(self, lesson, session):
        for exercise in lesson.exercises:
            answer = session.answered_with(exercise, "Yes()", first=YES)
            marks = session.marks_for(lesson, exercise, answer, parts=("whole",))
            assert marks == {"whole": 0}, answer

    def test_every_figure_has_a_small_picture_to_compare_with(self, lesson, session):
        assert session.drew == list(lesson.pictures)

    def test_what_the_text_says_of_the_jets_is_true(self, lesson, session):
        text = "\n".join(lesson.markdown)
        assert not [words for words in lesson.prose if words not in text]
        assert not session.untrue(lesson.prose)

    def test_it_is_true_on_other_jets_and_the_solution_earns_every_point_there(
        self, lesson, session, other_session
    ):
        assert not other_session.untrue(lesson.prose)
        assert other_session.marks == session.marks

    def test_one_fault_costs_once(self, lesson, session):
        for exercise in lesson.exercises:
            first, *_ = lesson.wrong_answers[lesson.cells[exercise.answer].id].values()
            assert session.checks_lost_after(lesson, exercise, first) == {exercise.check}, first

    # Last, because an answer may change in place what later cells use.

    def test_every_planted_wrong_answer_loses_points(self, lesson, session, record_property):
        answers = {lesson.cells[e.answer].id: e for e in lesson.exercises}
        assert set(lesson.wrong_answers) == set(answers)
        assert all(len(wrong) >= 3 for wrong in lesson.wrong_answers.values())
        survivors, told = [], 0
        for name, exercise in answers.items():
            points = lesson.cells[exercise.check].metadata.nbgrader.points
            for fault, answer in lesson.wrong_answers[name].items():
                marks = session.marks_for(lesson, exercise, answer, parts=("whole", "visible"))
                if marks["whole"] == points:
                    survivors.append(f"{name}: {fault}")
                told += marks["visible"] < points
        planted = sum(map(len, lesson.wrong_answers.values()))
        minutes = lesson.minutes(core=True) + lesson.minutes(core=False)
        line = f"{lesson.name}: {len(lesson.cells)} cells, {lesson.points} points,"
        line += f" {minutes} minutes of exercises; of {planted} wrong answers"
        line += f" {planted - len(survivors)} lose points, {told} already by the visible check"
        record_property("summary", line)
        assert not survivors

    def test_every_unusual_right_answer_keeps_its_points(self, lesson, session, record_property):
        answers = {lesson.cells[e.answer].id: e for e in lesson.exercises}
        assert set(lesson.right_answers) == set(answers)
        assert all(len(right) >= 2 for right in lesson.right_answers.values())
        refused = []
        for name, exercise in answers.items():
            points = lesson.cells[exercise.check].metadata.nbgrader.points
            for kind, answer in lesson.right_answers[name].items():
                marks = session.marks_for(lesson, exercise, answer, parts=("whole", "visible"))
                if set(marks.values()) != {points}:
                    refused.append(f"{name}: {kind}: {marks}")
        given = sum(map(len, lesson.right_answers.values()))
        line = f"{lesson.name}: of {given} unusual right answers {given - len(refused)} keep"
        record_property("summary", f"{line} all their points")
        assert not refused
