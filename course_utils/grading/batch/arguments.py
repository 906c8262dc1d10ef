"""The command line: ``python -m course_utils.grading COMMAND --help``.

Exit status: 0 done; 1 done, but some students have no mark; 2 the command could not be carried out
as given, and one sentence says why; 130 interrupted.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from course_utils.grading.batch.errors import BatchError, printable

__all__ = ["main", "parser"]

_DONE: Final = 0
_SOME_MISSING: Final = 1
_UNUSABLE: Final = 2
_INTERRUPTED: Final = 130

_EPILOG: Final = """\
examples, in the course folder:
  {prog} grade 01_dnn_on_constituents               everyone who is not graded yet
  {prog} grade 01_dnn_on_constituents anna --limit 20
  {prog} solution 01_dnn_on_constituents --to solution.html
  {prog} enter challenge-marks.csv
  {prog} export --for moodle --to moodle.csv

Settings of nbgrader can follow any command, as after nbgrader itself: --Class.name=value
exit status: 0 done, 1 done but some students have no mark, 2 wrong usage, 130 interrupted
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out one command and return its exit status."""
    args, rest = parser().parse_known_args(argv)
    args.options = tuple(each for each in rest if _is_setting(each))
    if unknown := [each for each in rest if not _is_setting(each)]:
        parser().error(f"unknown: {' '.join(map(printable, unknown))}")
    try:
        with _ended_by_signals():
            return args.run(args)
    except BatchError as error:
        print(f"error: {error}", file=sys.stderr)
        return _UNUSABLE
    except KeyboardInterrupt:
        print(f"\nInterrupted. {args.interrupted}", file=sys.stderr)
        return _INTERRUPTED


def _is_setting(text: str) -> bool:
    """Whether a word is a setting of nbgrader, ``--Class.name=value``."""
    name, equals, _ = text.partition("=")
    return bool(equals) and name.startswith("--") and name[2:3].isupper() and "." in name


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """End as after Ctrl-C when the system stops this process or the terminal closes."""

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    signals = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    before = {each: signal.signal(each, interrupt) for each in signals}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; parsed arguments hold the function to call as ``run``."""
    prog = "python -m course_utils.grading"
    root = argparse.ArgumentParser(
        prog=prog,
        description="Grade a class, hand out solutions, export marks.",
        epilog=_EPILOG.format(prog=prog),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = root.add_subparsers(metavar="COMMAND", required=True)
    _add_grade(commands)
    _add_solution(commands)
    _add_enter(commands)
    _add_export(commands)
    return root


def _add(commands: Any, name: str, run: Callable[..., int], what: str) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=what, description=what, allow_abbrev=False)
    command.set_defaults(run=run, interrupted="Nothing was written.")
    return command


def _add_grade(commands: Any) -> None:
    grade = _add(commands, "grade", _grade, "Grade all submissions of a lesson that need it.")
    grade.set_defaults(interrupted="The same command goes on where it stopped.")
    grade.add_argument("lesson", metavar="LESSON")
    grade.add_argument(
        "students", metavar="STUDENT", nargs="*", help="only these, also if they are graded"
    )
    grade.add_argument(
        "--workers", type=_at_least_one, metavar="N", help="processes (default: one for two cores)"
    )
    grade.add_argument(
        "--limit",
        type=_positive,
        default=10.0,
        metavar="MINUTES",
        help="for one student; default 10",
    )
    grade.add_argument("--again", action="store_true", help="also who is graded already")
    grade.add_argument(
        "--memory",
        type=_positive,
        default=8.0,
        metavar="GB",
        help="that one process may allocate, and a kernel without a sandbox; default 8",
    )


def _add_solution(commands: Any) -> None:
    solution = _add(
        commands, "solution", _solution, "Write a page with the worked solution of a lesson."
    )
    solution.add_argument("lesson", metavar="LESSON")
    solution.add_argument("--to", type=Path, metavar="FILE", help="default LESSON-solution.html")
    solution.add_argument(
        "--executed", type=Path, metavar="NOTEBOOK", help="take the outputs of a copy that was run"
    )
    solution.add_argument(
        "--mark-schemes", action="store_true", help="also show how questions are marked"
    )
    solution.add_argument("--now", action="store_true", help="although the lesson is not due yet")


def _add_enter(commands: Any) -> None:
    enter = _add(
        commands, "enter", _enter, "Enter marks from elsewhere, as of the challenge, for export."
    )
    enter.set_defaults(interrupted="Enter the same table again: each mark counts once.")
    enter.add_argument("table", type=Path, metavar="FILE", help="CSV, as challenge export prints")


def _add_export(commands: Any) -> None:
    export = _add(
        commands, "export", _export, "Write the marks as a table; a missing mark is blank."
    )
    export.add_argument(
        "--for",
        dest="platform",
        choices=("moodle", "canvas"),
        help="one row a student, as this platform imports it (default: as nbgrader export)",
    )
    export.add_argument("--lesson", action="append", default=[], help="only this one; repeatable")
    export.add_argument("--to", type=Path, default=Path("grades.csv"), metavar="FILE")


def _at_least_one(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1; got {value}")
    return value


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number above 0; got {text}")
    return value


# The commands load nbgrader only when they run, so that --help is quick.


def _grade(args: argparse.Namespace) -> int:
    from course_utils.grading.batch.classroom import Plan, grade_class, usual_workers
    from course_utils.grading.batch.course import open_course
    from course_utils.grading.batch.journal import GRADED
    from course_utils.grading.batch.table import show_class

    course = open_course(args.options)
    plan = Plan(
        args.lesson,
        tuple(args.students),
        again=args.again,
        n_workers=args.workers or usual_workers(),
        limit=args.limit,
        gigabytes=args.memory,
        options=args.options,
    )
    entries = grade_class(course, plan)
    show_class(course, args.lesson, entries)
    all_graded = all(entry.state == GRADED for entry in entries.values())
    return _DONE if all_graded else _SOME_MISSING


def _solution(args: argparse.Namespace) -> int:
    from course_utils.grading.batch.course import open_course
    from course_utils.grading.batch.worked import is_due, write_solution

    course = open_course(args.options)
    course.require_source(args.lesson)
    if not args.now and (due := is_due(course, args.lesson)):
        raise BatchError(
            f"{args.lesson} is due only at {due:%Y-%m-%d %H:%M} UTC. To write its solution before,"
            " add --now."
        )
    path = args.to or Path(f"{args.lesson}-solution.html")
    write_solution(
        course, args.lesson, path, executed=args.executed, mark_schemes=args.mark_schemes
    )
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, without hidden tests.")
    return _DONE


def _enter(args: argparse.Namespace) -> int:
    from course_utils.grading.batch.course import open_course
    from course_utils.grading.batch.entering import enter_marks

    for assignment, number in enter_marks(open_course(args.options), args.table).items():
        print(f"{number} marks of {printable(assignment)} are in the gradebook.")
    return _DONE


def _export(args: argparse.Namespace) -> int:
    from course_utils.grading.batch.course import open_course
    from course_utils.grading.returned.export import ExportMarks
    from course_utils.grading.returned.uploads import CanvasMarks, MoodleMarks

    course = open_course(args.options)
    kinds = {None: ExportMarks, "moodle": MoodleMarks, "canvas": CanvasMarks}
    export = kinds[args.platform](parent=course.app)
    export.to = str(args.to)
    try:
        with course.gradebook() as gradebook:
            for name in args.lesson:
                course.lesson(gradebook, name)
            export.assignment = args.lesson
            export.export(gradebook)
    except OSError as error:
        raise BatchError(f"{args.to} cannot be written: {error}.") from error
    return _DONE
