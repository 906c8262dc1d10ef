"""How writers wait for one another, and which team a name means.

Every writer first locks the team, by counting its ``v`` up, then the one row of the course, and
only then counts or decides: of many submissions at once, exactly as many pass as are allowed.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from challenge.errors import ChallengeError
from challenge.store import ledger
from challenge.store.rows import id_of_team, team_called
from challenge.store.tables import Course, FormerName, Network, Submission, Team
from challenge.words import name_key, nearest, printable, require_typable, team_key

__all__ = ["Transactions"]

# Set back by less than this, the clock waits until it passes the log; by more, the log was wrong.
_LARGEST_STEP_BACK: Final = timedelta(hours=25)


class Transactions:
    """The database of one challenge, read and written in whole steps.

    Parameters
    ----------
    engine : Engine
    clock : callable
        Says what time it is, in UTC.
    """

    def __init__(self, engine: Engine, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._clock = clock

    def now(self) -> datetime:
        """The time of this challenge: never earlier than its last event."""
        with self.reading() as session:
            return _no_earlier(self._clock(), session.get_one(Course, 1))

    def team_names(self) -> dict[str, str]:
        """The name of the team that each key leads to, also the keys of former names."""
        with self.reading() as session:
            return _all_names(session)

    def require_team(self, team: str) -> str:
        """The name of a team that somebody typed, as it is stored.

        Raises
        ------
        ChallengeError
            If there is no such team.
        """
        names = self.team_names()
        if (key := team_key(team)) not in names:
            raise ChallengeError(_no_team(team, names))
        return names[key]

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A transaction that sees one moment of the database and changes nothing."""
        engine = self._engine
        if engine.dialect.name == "postgresql":  # it would see another moment in each statement
            engine = engine.execution_options(isolation_level="REPEATABLE READ")
        with Session(engine) as session, session.begin():
            yield session

    @contextmanager
    def writing(
        self, *, of_submission: int | None = None
    ) -> Iterator[tuple[Session, Course, datetime]]:
        """A transaction that has locked a submission's team (if one is named) and the course.

        Yields
        ------
        session, course, now
            ``now`` is no earlier than the last event of the log.
        """
        writes = self._engine.execution_options(writes=True)
        with Session(writes) as session, session.begin():
            if of_submission is not None:
                network = session.get_one(Submission, of_submission).network_id
                team = session.get_one(Network, network).team_id
                session.execute(update(Team).where(Team.id == team).values(v=Team.v + 1))
                session.expire_all()  # what was read before the lock may be old
            yield (session, *self.lock_course(session))

    @contextmanager
    def writing_for(
        self, team: str, *, new: bool
    ) -> Iterator[tuple[Session, Team, Course, datetime]]:
        """`writing` for a team by its name, which may be new; it stays unknown if this fails.

        Raises
        ------
        ChallengeError
            If there is no such team and it may not be new.
        SubmissionError
            If no new team may have this name.
        """
        with Session(self._engine.execution_options(writes=True)) as session, session.begin():
            row = self._locked_team(session, team_key(team))
            course, now = self.lock_course(session)
            if row is None:  # who brought the same new name, or gave it to a team, has done so now
                row = team_called(session, team_key(team))
            if row is None and not new:
                raise ChallengeError(_no_team(team, _all_names(session)))
            if row is None:
                row = Team(name=require_typable(team), key=name_key(team), v=0)
                session.add(row)
                session.flush()
            yield session, row, course, now

    @contextmanager
    def writing_for_all(
        self, *teams: str
    ) -> Iterator[tuple[Session, list[Team], Course, datetime]]:
        """`writing` for several teams that are there, by their names.

        Raises
        ------
        ChallengeError
            If one is not there.
        """
        with Session(self._engine.execution_options(writes=True)) as session, session.begin():
            # Always in one order: two that lock the same teams must not wait for each other.
            for key in sorted(map(team_key, teams)):
                self._locked_team(session, key)
            course, now = self.lock_course(session)
            rows = [team_called(session, team_key(team)) for team in teams]
            if None in rows:
                raise ChallengeError(_no_team(teams[rows.index(None)], _all_names(session)))
            yield session, rows, course, now

    def _locked_team(self, session: Session, key: str) -> Team | None:
        """The team that a key leads to, once no other process writes for it."""
        while (number := session.scalar(id_of_team(key))) is not None:
            locked = update(Team).where(Team.id == number).values(v=Team.v + 1)
            if session.execute(locked).rowcount:
                return session.get_one(Team, number, populate_existing=True)
        return None  # a merge may also have taken the team away between the look and the lock

    def lock_course(self, session: Session) -> tuple[Course, datetime]:
        """The one row that every writer locks, after its team; and the time."""
        session.execute(update(Course).values(v=Course.v + 1))
        course = session.get_one(Course, 1, populate_existing=True)
        clock = self._clock()
        now = _no_earlier(clock, course)
        if course.last_at is not None and now < course.last_at:
            behind = (course.last_at - clock).total_seconds()
            ledger.append(session, course, now, "clock-set-back", seconds=behind)
        return course, now


def _all_names(session: Session) -> dict[str, str]:
    teams = {team.id: team for team in session.scalars(select(Team).order_by(Team.key))}
    former = session.scalars(select(FormerName).order_by(FormerName.key))
    names = {team.key: team.name for team in teams.values()}
    return names | {each.key: teams[each.team_id].name for each in former}


def _no_team(team: str, names: dict[str, str]) -> str:
    every = ", ".join(sorted(set(names.values()), key=name_key)) or "none yet"
    alike = ", ".join(nearest(team, names.values()))
    known = f"Nearest: {alike}." if alike else f"Teams are: {every}."
    return f"There is no team {printable(team)!r}. {known}"


def _no_earlier(clock: datetime, course: Course) -> datetime:
    last = course.last_at
    if last is None or clock >= last or last - clock > _LARGEST_STEP_BACK:
        return clock
    return last
