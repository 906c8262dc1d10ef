"""A term in ten minutes: a class on the hub's demo, from the first login to the marks.

    python benchmarks/term [--students 30] [--labs-at-once 3] [--keep-logs FOLDER]

As root with real accounts, as anybody else with those of the demo. Students do over HTTP what
their browsers do, the instructor what docs/instructors.md and docs/challenge.md say. Printed are
what each step cost and what went wrong; the exit status is 1 if anything did.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import coursework
import scores
from books import check_books
from browser import Browser, TermError
from hub_demo import running_demo
from meters import Meters, show
from people import Term, class_of

STEPS: Final[tuple[tuple[str, Callable[[Term], None]], ...]] = (
    ("log in", coursework.log_in),
    ("start the labs", coursework.start_labs),
    ("fetch the lesson", coursework.fetch),
    ("hand the lesson in", coursework.hand_in_on_time),
    ("hand scores in", scores.hand_in),
    ("the deadline passes", scores.pass_the_deadline),
    ("too late", scores.come_too_late),
    ("an extension", scores.extend),
    ("collect", coursework.collect),
    ("grade", coursework.grade),
    ("mark by hand", coursework.mark),
    ("correct and regrade", coursework.regrade),
    ("feedback", coursework.give_back),
    ("close and reveal", scores.close_and_reveal),
    ("marks to the gradebook", scores.enter_marks),
    ("check the books", check_books),
)


def main() -> int:
    """Play the term, print its table, and return 1 if anything was wrong."""
    options = _options()
    begun = time.monotonic()
    print("Preparing the hub, its accounts, a lesson and a challenge ...", file=sys.stderr)
    term: Term | None = None
    try:
        with running_demo(options.students, options.keep_logs) as demo:
            meters = Meters(demo.folder)
            prof = Browser(demo.address, *demo.prof, meters.traffic)
            students = class_of(demo, meters.traffic)
            labels = scores.labels_of(demo)
            term = Term(demo, meters, students, prof, labels, options.labs_at_once)
            print(f"The hub is ready after {time.monotonic() - begun:.0f} s.", file=sys.stderr)
            with meters.running():
                play(term)
    except TermError as fault:
        if term is None:
            print(fault, file=sys.stderr)
            return 1
        term.faults.append(str(fault))
    minutes = (time.monotonic() - begun) / 60
    show(term.meters.steps, title=f"{options.students} students, {minutes:.1f} minutes")
    print(*term.notes, sep="\n")
    statuses = sorted(term.traffic.statuses.items())
    print("answers:", ", ".join(f"{number} x {status}" for status, number in statuses))
    print(f"faults: {len(term.faults)}")
    print(*(f"  {fault}" for fault in term.faults), sep="\n")
    return 1 if term.faults else 0


def play(term: Term) -> None:
    """Take every step; a step that cannot be taken ends the term."""
    try:
        for number, (title, step) in enumerate(STEPS, start=1):
            term.title = f"{number}/{len(STEPS)} {title}"
            before = len(term.faults)
            with term.meters.step(title) as cost:
                step(term)
            cost.errors += len(term.faults) - before
            print(f"{term.title}: {cost.seconds:.0f} s", file=sys.stderr)
    finally:
        for browser in (term.prof, *(student.browser for student in term.students)):
            browser.close()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--students", type=int, default=30, help="from 3 on (default: %(default)s)")
    add("--labs-at-once", type=int, default=3, help="that start together (default: %(default)s)")
    add("--keep-logs", type=Path, metavar="FOLDER", help="copy the hub's logs there in the end")
    options = parser.parse_args()
    if options.students < 3 or options.labs_at_once < 1:
        parser.error("expected at least 3 students, and at least 1 lab at once")
    return options


if __name__ == "__main__":
    sys.exit(main())
