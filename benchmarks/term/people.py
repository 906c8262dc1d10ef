"""The class: who is in which team, what each hands in, and what a step does with all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from browser import Browser, TermError
from hub_demo import Demo
from lesson import CORRECTED, ROLES, Role
from meters import Meters, Traffic
from numpy.typing import NDArray
from tqdm import tqdm

_IN_NEED: Final = 2  # the place in the class of the student with the slip


@dataclass(frozen=True)
class Student:
    """One of the class.

    Attributes
    ----------
    browser : Browser
    number : int
        Place in the class, from 0.
    team : str
    role : Role
        What happens with the lesson.
    is_first : bool
        Whether this is the first of the team.
    """

    browser: Browser
    number: int
    team: str
    role: Role
    is_first: bool

    @property
    def name(self) -> str:
        return self.browser.name


@dataclass
class Term:
    """What the steps share.

    Attributes
    ----------
    labels : array of shape (n_jets,)
        Of the challenge: students' networks are the truth with noise.
    receipts : list of (str, str)
        Team and SHA-256 of every file that the challenge accepted.
    faults : list of str
        What went otherwise than it must.
    notes : list of str
        Numbers of which the table has no column.
    """

    demo: Demo
    meters: Meters
    students: Sequence[Student]
    prof: Browser
    labels: NDArray[np.int8]
    labs_at_once: int
    title: str = ""
    receipts: list[tuple[str, str]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def traffic(self) -> Traffic:
        return self.meters.traffic

    @property
    def firsts(self) -> list[Student]:
        """The first student of each team."""
        return [student for student in self.students if student.is_first]

    def of_team(self, team: str) -> Student:
        return next(student for student in self.firsts if student.team == team)

    def require(self, holds: bool, sentence: str) -> None:
        """Note a fault unless something holds; the term goes on."""
        if not holds:
            self.faults.append(sentence)

    def each(
        self, people: Iterable[Student], do: Callable[[Student], object], *, at_once: int = 4
    ) -> None:
        """Let people do something, some at once; what fails for one of them is a fault."""
        everyone = list(people)
        bar = tqdm(total=len(everyone), desc=self.title, unit="student", leave=False, disable=None)
        with bar, ThreadPoolExecutor(at_once) as pool:
            for each in as_completed([pool.submit(do, student) for student in everyone]):
                try:
                    each.result()
                except TermError as fault:
                    self.faults.append(str(fault))
                bar.update()


def class_of(demo: Demo, traffic: Traffic) -> list[Student]:
    """Give everyone of the demo a browser and a role."""
    roles = list(ROLES.values())
    teams: set[str] = set()
    students = []
    for number, (name, password, team) in enumerate(demo.students):
        role = CORRECTED if number == _IN_NEED else roles[number % len(roles)]
        browser = Browser(demo.address, name, password, traffic)
        students.append(Student(browser, number, team, role, team not in teams))
        teams.add(team)
    return students
