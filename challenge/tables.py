"""The tables of the store: a team has networks, a network submissions, a submission one score."""

from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import (
    Boolean,
    DateTime,
    Dialect,
    Enum,
    Float,
    ForeignKey,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, composite, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

from course_utils.metrics import Measurement, Rejection

__all__ = ["Base", "Network", "Score", "State", "Submission", "Team"]


class State(StrEnum):
    """How far a submission has come."""

    RECEIVED = "RECEIVED"
    SCORED = "SCORED"
    REJECTED = "REJECTED"


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


class Team(Base):
    """A team, under the name it first used; ``key`` is that name without case."""

    __tablename__ = "team"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(200), unique=True)


class Network(Base):
    """One of a team's networks."""

    __tablename__ = "network"
    __table_args__ = (UniqueConstraint("team_id", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey(Team.id))
    name: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(200))
    team: Mapped[Team] = relationship()


class Score(Base):
    """The scorecard of a submission."""

    __tablename__ = "score"

    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id"), primary_key=True)
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
    received_at: Mapped[datetime] = mapped_column(Instant)
    state: Mapped[State] = mapped_column(Enum(State, native_enum=False), default=State.RECEIVED)
    reason: Mapped[str | None] = mapped_column(String(32))
    sentence: Mapped[str | None] = mapped_column(String(500))
    network: Mapped[Network] = relationship()
    score: Mapped[Score | None] = relationship()
