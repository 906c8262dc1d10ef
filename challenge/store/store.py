"""What a challenge remembers: submitted files in a folder, everything else in a database.

A submission goes through three steps, each complete on disk before the next begins: its file, its
row (`State.RECEIVED`), its result (`State.SCORED`); a file that cannot be read gets a row that is
`State.REJECTED` at once. Each step can be repeated without harm, so repeating a submission finishes
what a kill interrupted.

Every writer first locks the team, by counting its ``v`` up, then the one row of the course, and
only then counts or decides: of many submissions at once, exactly as many pass as are allowed.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Self

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session, joinedload, selectinload

from challenge.errors import ChallengeError, SubmissionError
from challenge.store import ledger
from challenge.store.database import create_database, open_database
from challenge.store.records import Progress, Record, State, Verdict
from challenge.store.rows import best_id, note_refusal, note_verdict, record_of, scored_detail
from challenge.store.tables import Course, Network, Pick, Submission, Team
from challenge.words import team_key
from course_utils.files import write_file

__all__ = ["SUBMISSIONS", "Store", "system_clock"]

SUBMISSIONS: Final = "submissions"
# Set back by less than this, the clock waits until it passes the log; by more, the log was wrong.
_LARGEST_STEP_BACK: Final = timedelta(hours=25)
_KNOWN_TEAM: Final = text(
    "INSERT INTO team (name, key, v) VALUES (:name, :key, 0) ON CONFLICT (key) DO NOTHING"
)


def system_clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


class Store:
    """The files and the database of one challenge folder.

    Parameters
    ----------
    folder : Path
        A challenge folder; `Store.create` makes the store of a new one.
    clock : callable, optional
        Says what time it is, in UTC.

    Raises
    ------
    ChallengeError
        If there is no database, or one that this version cannot use.
    """

    def __init__(self, folder: Path, *, clock: Callable[[], datetime] = system_clock) -> None:
        self._files = folder / SUBMISSIONS
        self._clock = clock
        self._engine = open_database(folder)

    @classmethod
    def create(cls, folder: Path) -> Self:
        """An empty store in a folder that has none.

        Raises
        ------
        FileExistsError
            If there is one.
        """
        create_database(folder)
        (folder / SUBMISSIONS).mkdir(mode=0o700)
        return cls(folder)

    def now(self) -> datetime:
        """The time of this challenge: never earlier than its last event."""
        with self.reading() as session:
            return _no_earlier(self._clock(), session.get_one(Course, 1))

    def progress(self) -> Progress:
        """What the instructor has done so far."""
        with self.reading() as session:
            course = session.get_one(Course, 1)
            return Progress(course.paused, course.closed, course.revealed)

    # --- files -------------------------------------------------------------------------------

    def keep(self, data: bytes) -> str:
        """Step 1: put the file on disk; returns the SHA-256 that names it."""
        sha256 = hashlib.sha256(data).hexdigest()
        write_file(self._file(sha256), data, private=True)
        return sha256

    def content(self, sha256: str) -> bytes:
        """The file that was kept under this SHA-256.

        Raises
        ------
        ChallengeError
            If it is gone or its content has changed.
        """
        path = self._file(sha256)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ChallengeError(f"{path} cannot be read ({error.strerror}).") from error
        if hashlib.sha256(data).hexdigest() != sha256:
            raise ChallengeError(f"{path} has changed since it was handed in.")
        return data

    def _file(self, sha256: str) -> Path:
        return self._files / f"{sha256}.npy"

    # --- submissions -------------------------------------------------------------------------

    def settle(self, submission: int, outcome: Verdict | SubmissionError) -> bool:
        """Step 3: note the result, unless there is one already.

        Returns
        -------
        bool
            False if the network's best has changed since the verdict was made: judge again and
            repeat.
        """
        with self.writing(of_submission=submission) as (session, course, now):
            row = session.get_one(Submission, submission)
            if row.state is not State.RECEIVED:
                return True
            if isinstance(outcome, SubmissionError):
                note_refusal(row, outcome)
                ledger.append(
                    session, course, now, "rejected", submission=row.id, reason=outcome.reason
                )
                return True
            if best_id(session, row.network_id) != outcome.compared_with:
                return False
            note_verdict(session, row, outcome)
            ledger.append(session, course, now, "scored", **scored_detail(row.id, outcome))
            return True

    def rewrite(self, submission: int, outcome: Verdict) -> None:
        """Replace the scorecards by new ones, and log it."""
        with self.writing(of_submission=submission) as (session, course, now):
            row = session.get_one(Submission, submission)
            for score in row.scores:
                session.delete(score)
            session.flush()
            note_verdict(session, row, outcome)
            ledger.append(session, course, now, "rescored", **scored_detail(row.id, outcome))

    def record(self, submission: int) -> Record:
        """One submission."""
        (found,) = self.records(Submission.id == submission)
        return found

    def best(self, submission: int) -> Record | None:
        """The best so far of the network that a submission belongs to."""
        with self.reading() as session:
            network = session.get_one(Submission, submission).network_id
            best = best_id(session, network)
        return None if best is None else self.record(best)

    def scored(self) -> list[Record]:
        """Every scored submission, in the order of receipt."""
        return self.records(Submission.state == State.SCORED)

    def of_team(self, team: str) -> list[Record]:
        """Everything that a team handed in, in the order of receipt."""
        return self.records(
            Submission.network_id == Network.id,
            Network.team_id == Team.id,
            Team.key == team_key(team),
        )

    def unsettled(self) -> list[tuple[int, str]]:
        """Number and SHA-256 of every submission that was received but not yet scored."""
        waiting = self.records(Submission.state == State.RECEIVED)
        return [(record.id, record.sha256) for record in waiting]

    def records(self, *conditions: object) -> list[Record]:
        """Submissions in the order of their numbers, all or those that meet some conditions."""
        with self.reading() as session:
            rows = session.scalars(
                select(Submission)
                .where(*conditions)
                .order_by(Submission.id)
                .options(
                    selectinload(Submission.scores),
                    joinedload(Submission.network).joinedload(Network.team),
                )
            ).all()
            picks = set(session.scalars(select(Pick.submission_id)))
            return [record_of(row, is_pick=row.id in picks) for row in rows]

    # --- transactions ------------------------------------------------------------------------

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A transaction that sees one moment of the database and changes nothing."""
        with Session(self._engine) as session, session.begin():
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
        """
        key = team_key(team)
        with Session(self._engine.execution_options(writes=True)) as session, session.begin():
            if new:
                # Two processes may bring the same new name: the second finds the first's row.
                session.execute(_KNOWN_TEAM, {"name": team, "key": key})
            session.execute(update(Team).where(Team.key == key).values(v=Team.v + 1))
            row = session.scalar(select(Team).filter_by(key=key))
            if row is None:
                names = session.scalars(select(Team.name).order_by(Team.key))
                known = ", ".join(names) or "none yet"
                raise ChallengeError(f"There is no team {team!r}. Teams are: {known}.")
            yield (session, row, *self.lock_course(session))

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


def _no_earlier(clock: datetime, course: Course) -> datetime:
    last = course.last_at
    if last is None or clock >= last or last - clock > _LARGEST_STEP_BACK:
        return clock
    return last
