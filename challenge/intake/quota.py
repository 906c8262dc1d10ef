"""How many submissions a team has left: the limit is for any 24 hours, not for a calendar day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

__all__ = ["DAY", "Quota", "quota_of"]

DAY: Final = timedelta(hours=24)


@dataclass(frozen=True)
class Quota:
    """How many submissions a team has had in the last 24 hours.

    Attributes
    ----------
    limit, used : int
    returns_at : datetime or None
        UTC, when the next used one is given back; None if nothing is used.
    """

    limit: int
    used: int
    returns_at: datetime | None

    @property
    def left(self) -> int:
        return max(self.limit - self.used, 0)


def quota_of(received: Sequence[datetime], *, limit: int, now: datetime) -> Quota:
    """The quota after submissions at some instants.

    Parameters
    ----------
    received : sequence of datetime
        When earlier submissions came, in UTC; only those of the last 24 hours count. One from
        exactly 24 hours ago does not: its turn has come back.
    limit : int
    now : datetime
        UTC.

    Examples
    --------
    >>> from datetime import UTC
    >>> noon = datetime(2026, 4, 1, 12, tzinfo=UTC)
    >>> quota_of([noon - DAY, noon], limit=5, now=noon).left
    4
    """
    used = [at for at in received if now - DAY < at <= now]
    if not used:
        return Quota(limit, 0, None)
    # With a limit that was lowered meanwhile, several have to come back before one is free.
    turn = max(len(used) - limit, 0)
    return Quota(limit, len(used), sorted(used)[turn] + DAY)
