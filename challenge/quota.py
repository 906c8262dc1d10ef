"""How many submissions a team may still make: any 24 hours hold so many, not any calendar day."""

from collections.abc import Sequence
from datetime import datetime

from challenge.records import DAY, Quota

__all__ = ["quota_of", "time_text"]


def quota_of(received: Sequence[datetime], *, limit: int, now: datetime) -> Quota:
    """The quota after submissions at some instants.

    Parameters
    ----------
    received : sequence of datetime
        When earlier submissions came, in UTC; those of other times than the last 24 hours do not
        count. One of exactly 24 hours ago does not either: its turn has come back.
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


def time_text(at: datetime) -> str:
    """An instant as people read it, rounded up to the second: a promise must hold.

    Examples
    --------
    >>> from datetime import UTC
    >>> time_text(datetime(2026, 4, 1, 12, 30, 59, tzinfo=UTC))
    '2026-04-01 12:30:59 UTC'
    """
    whole = at if at.microsecond == 0 else at.replace(microsecond=0) + DAY / 86400
    return f"{whole:%Y-%m-%d %H:%M:%S} UTC"
