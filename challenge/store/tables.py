"""The tables of the store: a team has networks, a network submissions, a submission two scores."""

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import (
    Boolean,
    DateTime,
    Dialect,
    Enum,
    Float,
    ForeignKey,
    String,
    Text,
    UniqueConstraint,
    false,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, composite, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

from challenge.store.records import Split, State
from course_utils.metrics import Measurement, Rejection

__all__ = [
    "COPIES",
    "Base",
    "Course",
    "Event",
    "FormerName",
    "Invited",
    "Network",
    "Pick",
    "Score",
    "Submission",
    "Team",
]

COPIES: Final = "#"  # in the key of a network of copies; no name has it


class Instant(TypeDecorator[datetime]):
    """A moment in UTC; SQLite has no time zones, so none is stored."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    """All tables of a challenge."""


class Course(Base):
    """The one row that every writer locks: the progress of the challenge and its last event."""

    __tablename__ = "course"

    id: Mapped[int] = mapped_column(primary_key=True)
    v: Mapped[int] = mapped_column(default=0)
    paused: Mapped[datetime | None] = mapped_column(Instant)
    closed: Mapped[datetime | None] = mapped_column(Instant)
    revealed: Mapped[datetime | None] = mapped_column(Instant)
    n_events: Mapped[int] = mapped_column(default=0)
    last_at: Mapped[datetime | None] = mapped_column(Instant)
    head: Mapped[str] = mapped_column(String(64), default="")


class Event(Base):
    """A line of the log; each carries the hash of the one before it (see `ledger`)."""

    __tablename__ = "event"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(Instant)
    kind: Mapped[str] = mapped_column(String(32))
    detail: Mapped[str] = mapped_column(Text)
    hash: Mapped[str] = mapped_column(String(64))


class Team(Base):
    """A team; ``key`` is its name without case. A name that it had before leads to it as well.

    ``v`` is counted up to lock the team before its submissions are counted. ``closes`` and
    ``per_day``, where they are set, stand in place of the challenge's.
    """

    __tablename__ = "team"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(200), unique=True)
    v: Mapped[int] = mapped_column(default=0, server_default="0")
    closes: Mapped[datetime | None] = mapped_column(Instant)
    per_day: Mapped[int | None]


class FormerName(Base):
    """A name that a team had, or one merged into it: whoever uses it means this team."""

    __tablename__ = "former_name"

    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey(Team.id))


class Network(Base):
    """One of a team's networks.

    ``key`` is its name without case. Of a file that two merged teams both handed in for networks
    of one name, one stands; its copy lies in a network of its own, whose key is no name.
    """

    __tablename__ = "network"
    __table_args__ = (UniqueConstraint("team_id", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey(Team.id))
    name: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(200))
    team: Mapped[Team] = relationship()

    @property
    def has_copies(self) -> bool:
        """Whether its submissions are copies of those of the network with the same name."""
        return COPIES in self.key


class Score(Base):
    """The scorecard of a submission on one split of the test set."""

    __tablename__ = "score"

    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id"), primary_key=True)
    split: Mapped[Split] = mapped_column(Enum(Split, native_enum=False), primary_key=True)
    auc: Mapped[Measurement] = composite(
        mapped_column("auc_value", Float(53)), mapped_column("auc_error", Float(53))
    )
    r50: Mapped[Rejection] = composite(
        mapped_column("r50_value", Float(53)),
        mapped_column("r50_low", Float(53)),
        mapped_column("r50_high", Float(53)),
        mapped_column("r50_is_limit", Boolean),
    )
    r30: Mapped[Rejection] = composite(
        mapped_column("r30_value", Float(53)),
        mapped_column("r30_low", Float(53)),
        mapped_column("r30_high", Float(53)),
        mapped_column("r30_is_limit", Boolean),
    )


class Submission(Base):
    """One file, handed in for one network; a network takes the same file only once."""

    __tablename__ = "submission"
    __table_args__ = (UniqueConstraint("network_id", "sha256"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    network_id: Mapped[int] = mapped_column(ForeignKey(Network.id))
    sha256: Mapped[str] = mapped_column(String(64))
    received_at: Mapped[datetime] = mapped_column(Instant, index=True)
    state: Mapped[State] = mapped_column(Enum(State, native_enum=False), default=State.RECEIVED)
    reason: Mapped[str | None] = mapped_column(String(32))
    sentence: Mapped[str | None] = mapped_column(String(500))
    is_best: Mapped[bool] = mapped_column(default=False, server_default=false())
    compared_with: Mapped[int | None] = mapped_column(ForeignKey("submission.id"))
    withdrawn: Mapped[datetime | None] = mapped_column(Instant)
    network: Mapped[Network] = relationship()
    scores: Mapped[list[Score]] = relationship()


class Pick(Base):
    """The submission a team chose as the final one of a network."""

    __tablename__ = "pick"

    network_id: Mapped[int] = mapped_column(ForeignKey(Network.id), primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey(Submission.id))


class Invited(Base):
    """An invitation, known by the hash of its token alone.

    ``team`` is the name under which the team was invited; a former name leads to it. It is empty
    for an instructor. ``may`` is a list of rights with commas between them.
    """

    __tablename__ = "invitation"

    id: Mapped[int] = mapped_column(primary_key=True)
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    team: Mapped[str | None] = mapped_column(String(64))
    may: Mapped[str] = mapped_column(String(32))
    made: Mapped[datetime] = mapped_column(Instant)
    revoked: Mapped[datetime | None] = mapped_column(Instant)
