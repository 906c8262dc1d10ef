"""What an instructor wishes: the fields of a form, checked before anything is asked or done."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from challenge.errors import ChallengeError
from challenge.store import Challenge
from challenge.words import time_of

__all__ = ["Wish", "wish_of"]

_MOST: Final = 10_000  # submissions in 24 hours; more is a slip


@dataclass(frozen=True)
class Wish:
    """What a form says beside the name of the action.

    Attributes
    ----------
    team : str
        As it is stored; empty where no team is meant.
    until : datetime or None
        UTC.
    per_day : int or None
    receipt : str
        Empty for all files of the team.
    invitation : int or None
        Its number.
    """

    team: str = ""
    until: datetime | None = None
    per_day: int | None = None
    receipt: str = ""
    invitation: int | None = None

    @property
    def fields(self) -> dict[str, str]:
        """The same as hidden fields of the form that confirms it."""
        return {
            "team": self.team,
            "until": "" if self.until is None else self.until.isoformat(),
            "per_day": "" if self.per_day is None else str(self.per_day),
            "receipt": self.receipt,
            "invitation": "" if self.invitation is None else str(self.invitation),
        }


def wish_of(challenge: Challenge, form: Mapping[str, str]) -> Wish:
    """What a form says, checked.

    Raises
    ------
    ChallengeError
        If there is no such team, or a time or a number cannot be read.
    """
    until, per_day = (form.get(each, "").strip() for each in ("until", "per_day"))
    try:
        moment = time_of(until, ends=True) if until else None
    except ValueError:
        raise ChallengeError(
            f"Expected a time in UTC like 2026-04-01T12:00; got {until[:40]!r}."
        ) from None
    if per_day and not (per_day.isdecimal() and 1 <= int(per_day) <= _MOST):
        raise ChallengeError(
            f"Expected a whole number of submissions from 1 to {_MOST}; got {per_day[:40]!r}."
        )
    team, invitation = (form.get(each, "") for each in ("team", "invitation"))
    return Wish(
        team=challenge.store.require_team(team) if team else "",
        until=moment,
        per_day=int(per_day) if per_day else None,
        receipt=form.get("receipt", ""),
        invitation=int(invitation) if re.fullmatch("[0-9]{1,9}", invitation) else None,
    )
