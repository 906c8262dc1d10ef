"""What the challenge remembers: submitted files in a folder, everything else in a database.

A submission goes through three steps, each complete on disk before the next begins: its file, its
row (`State.RECEIVED`), its result (`State.SCORED` or `State.REJECTED`). Each step may be done
again without harm, so whatever a kill interrupts is finished by repeating it.
"""

import hashlib
import os
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

from sqlalchemy import URL, Connection, NullPool, create_engine, event, select, update
from sqlalchemy.orm import Session, joinedload

from challenge.folder import ChallengeError, write_durably
from challenge.names import name_key
from challenge.ranking import Entry
from challenge.scoring import Scorecard
from challenge.submission import SubmissionError
from challenge.tables import Base, Network, Score, State, Submission, Team

__all__ = ["DATABASE", "SUBMISSIONS", "Store"]

DATABASE: Final = "challenge.sqlite"
SUBMISSIONS: Final = "submissions"
_SECONDS_TO_WAIT: Final = 60  # for another process that writes


class Store:
    """The files and the database of one challenge folder.

    Parameters
    ----------
    folder : Path
        A challenge folder; `Store.create` makes the store of a new one.

    Raises
    ------
    ChallengeError
        If there is no database: an empty one in its place would hide the loss.
    """

    def __init__(self, folder: Path) -> None:
        self._files = folder / SUBMISSIONS
        database = folder / DATABASE
        if not database.is_file():
            raise ChallengeError(
                f"{database} is not there: put back a copy, or make a new challenge with: "
                "python -m challenge create"
            )
        # Without a pool every session closes its connection, also in a process that forks.
        self._engine = create_engine(
            URL.create("sqlite", database=str(database)),
            poolclass=NullPool,
            connect_args={"timeout": _SECONDS_TO_WAIT},
        )
        event.listen(self._engine, "connect", _leave_transactions_to_us)
        event.listen(self._engine, "begin", _begin)

    @classmethod
    def create(cls, folder: Path) -> Self:
        """An empty store in a folder that has none.

        Raises
        ------
        FileExistsError
            If there is one.
        """
        os.close(os.open(folder / DATABASE, os.O_CREAT | os.O_EXCL, 0o600))
        (folder / SUBMISSIONS).mkdir(mode=0o700)
        store = cls(folder)
        Base.metadata.create_all(store._engine)
        return store

    def keep(self, data: bytes) -> str:
        """Step 1: put the file on disk; returns the SHA-256 that names it."""
        sha256 = hashlib.sha256(data).hexdigest()
        write_durably(self._file(sha256), data)
        return sha256

    def receive(self, team: str, network: str, sha256: str) -> int:
        """Step 2: the number of this file's submission, a new one or the one it already has.

        Names are clean (see `challenge.names`). Those that differ from known ones only in case
        mean the known ones.
        """
        with self._writing() as session, session.begin():
            of_network = _network(session, team, network)
            known = session.scalar(select(Submission).filter_by(network=of_network, sha256=sha256))
            if known is None:
                known = Submission(network=of_network, sha256=sha256, received_at=datetime.now(UTC))
                session.add(known)
                session.flush()
            return known.id

    def settle(self, submission: int, outcome: Scorecard | SubmissionError) -> None:
        """Step 3: note the result; nothing happens if there is one already."""
        if isinstance(outcome, SubmissionError):
            result = {
                "state": State.REJECTED,
                "reason": outcome.reason,
                "sentence": outcome.sentence,
            }
        else:
            result = {"state": State.SCORED}
        with self._writing() as session, session.begin():
            # The condition lets exactly one of two processes through that scored the same row.
            settled = session.execute(
                update(Submission)
                .where(Submission.id == submission, Submission.state == State.RECEIVED)
                .values(result)
            )
            if settled.rowcount and isinstance(outcome, Scorecard):
                session.add(
                    Score(
                        submission_id=submission,
                        auc=outcome.auc,
                        r50=outcome.r50,
                        r30=outcome.r30,
                    )
                )

    def result(self, submission: int) -> Entry | None:
        """The entry of a scored submission, None while it waits for its score.

        Raises
        ------
        SubmissionError
            If it was rejected, with the reason given then.
        """
        with Session(self._engine) as session:
            row = session.get_one(Submission, submission)
            if row.state is State.REJECTED:
                raise SubmissionError(str(row.reason), str(row.sentence))
            return None if row.state is State.RECEIVED else _entry(row)

    def unsettled(self) -> list[tuple[int, str]]:
        """Number and SHA-256 of every submission that was received but not yet scored."""
        with Session(self._engine) as session:
            waiting = select(Submission.id, Submission.sha256).where(
                Submission.state == State.RECEIVED
            )
            return [(row.id, row.sha256) for row in session.execute(waiting)]

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

    def entries(self) -> list[Entry]:
        """Every scored submission, in the order of receipt."""
        with Session(self._engine) as session:
            scored = (
                select(Submission)
                .where(Submission.state == State.SCORED)
                .order_by(Submission.id)
                .options(
                    joinedload(Submission.score),
                    joinedload(Submission.network).joinedload(Network.team),
                )
            )
            return [_entry(row) for row in session.scalars(scored)]

    def _file(self, sha256: str) -> Path:
        return self._files / f"{sha256}.npy"

    def _writing(self) -> AbstractContextManager[Session]:
        return Session(self._engine.execution_options(writes=True))


def _network(session: Session, team: str, network: str) -> Network:
    of_team = session.scalar(select(Team).filter_by(key=name_key(team)))
    if of_team is None:
        of_team = Team(name=team, key=name_key(team))
        session.add(of_team)
        session.flush()
    found = session.scalar(select(Network).filter_by(team=of_team, key=name_key(network)))
    if found is None:
        found = Network(team=of_team, name=network, key=name_key(network))
        session.add(found)
        session.flush()
    return found


def _entry(row: Submission) -> Entry:
    score = row.score
    if score is None:
        raise ChallengeError(f"Submission {row.id} is marked as scored but has no score.")
    return Entry(
        id=row.id,
        team=row.network.team.name,
        network=row.network.name,
        sha256=row.sha256,
        received_at=row.received_at,
        card=Scorecard(auc=score.auc, r50=score.r50, r30=score.r30),
    )


def _leave_transactions_to_us(connection: object, _record: object) -> None:
    # The sqlite3 module would begin transactions late and fail when two of them meet.
    connection.isolation_level = None


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
