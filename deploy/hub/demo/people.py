"""Who takes part in the demo: two students by name, as many more as are wanted, and the staff."""

from __future__ import annotations

from collections.abc import Mapping

STAFF = ("prof", "course", "challenge")  # the last two never log in
_FEWEST = 2
_MOST = 500  # more accounts than that are a slip
_IN_A_TEAM = 3

Teams = Mapping[str, tuple[str, ...]]


def teams_of(n_students: int) -> dict[str, tuple[str, ...]]:
    """Return the students of each team: anna and ben alone, the others in threes.

    Raises
    ------
    ValueError
        If the number is not between 2 and 500.

    Examples
    --------
    >>> teams_of(6)["team03"]
    ('student03', 'student04', 'student05')
    """
    if not _FEWEST <= n_students <= _MOST:
        raise ValueError(f"expected {_FEWEST} to {_MOST} students; got {n_students}")
    teams = {"red": ("anna",), "blue": ("ben",)}
    others = [f"student{number:02d}" for number in range(_FEWEST + 1, n_students + 1)]
    for start in range(0, len(others), _IN_A_TEAM):
        teams[f"team{len(teams) + 1:02d}"] = tuple(others[start : start + _IN_A_TEAM])
    return teams


def everyone(teams: Teams) -> list[str]:
    """Name all who need an account: the students by team, then the staff."""
    return [student for members in teams.values() for student in members] + list(STAFF)
