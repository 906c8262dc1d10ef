"""What a challenge remembers: submitted files in a folder, everything else in a database.

A submission goes through three steps, each complete on disk before the next begins: its file, its
row (`State.RECEIVED`), its result (`State.SCORED`); a file that cannot be read gets a row that is
`State.REJECTED` at once. Each step can be repeated without harm, so repeating a submission finishes
what a kill interrupted. How writers wait for one another: `challenge.store.transactions`.
"""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

from challenge.errors import ChallengeError, SubmissionError
from challenge.store import ledger
from challenge.store.database import create_database, open_database
from challenge.store.records import Progress, Record, State, Verdict
from challenge.store.rows import (
    best_id,
    id_of_team,
    note_refusal,
    note_verdict,
    records_in,
    scored_detail,
)
from challenge.store.tables import Course, Network, Submission
from challenge.store.transactions import Transactions
from challenge.words import team_key
from course_utils.files import write_file

__all__ = ["SUBMISSIONS", "Store", "system_clock"]

SUBMISSIONS: Final = "submissions"


def system_clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


class Store(Transactions):
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
        super().__init__(open_database(folder), clock)
        self._files = folder / SUBMISSIONS

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

    def progress(self) -> Progress:
        """What the instructor has done so far."""
        with self.reading() as session:
            course = session.get_one(Course, 1)
            return Progress(course.paused, course.closed, course.revealed)

    def last_event(self) -> str:
        """Hash of the last event of the log: the same as long as nothing happens."""
        with self.reading() as session:
            return session.get_one(Course, 1).head

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
        """Every scored submission, in the order of receipt; also what was withdrawn."""
        return self.records(Submission.state == State.SCORED)

    def of_team(self, team: str) -> list[Record]:
        """Everything that a team handed in, in the order of receipt."""
        return self.records(
            Submission.network_id == Network.id, Network.team_id.in_(id_of_team(team_key(team)))
        )

    def unsettled(self) -> list[tuple[int, str]]:
        """Number and SHA-256 of every submission that was received but not yet scored."""
        waiting = self.records(Submission.state == State.RECEIVED)
        return [(record.id, record.sha256) for record in waiting]

    def records(self, *conditions: object) -> list[Record]:
        """Submissions in the order of their numbers, all or those that meet some conditions."""
        with self.reading() as session:
            return records_in(session, *conditions)
