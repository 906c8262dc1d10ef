"""What an instructor can do on the pages: when it makes sense, what it does, and how it is done.

Each calls the function that the command of the same name calls. Doing it twice does it once.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from challenge.errors import ChallengeError
from challenge.hub.pages.situation import Situation
from challenge.hub.pages.wishes import Wish
from challenge.intake import finish_interrupted, revoke_invitation, withdraw
from challenge.store import Challenge, Phase, lifecycle
from challenge.store.rows import team_called
from challenge.words import team_key, time_text

__all__ = ["ACTIONS", "Action", "act"]

_ONE_AT_A_TIME: Final = threading.Lock()


@dataclass(frozen=True)
class Action:
    """One thing that an instructor can do.

    Attributes
    ----------
    title : str
        On the button.
    missing : callable
        Why it makes no sense as the challenge stands; None if it does.
    effects : callable
        Sentences that say what it will do.
    do : callable
        Does it.
    is_grave : bool
        Whether it cannot be undone.
    of_team : bool
        Whether it is for one team, and not for the challenge.
    """

    title: str
    missing: Callable[[Situation], str | None]
    effects: Callable[[Situation, Wish], list[str]]
    do: Callable[[Challenge, Wish], object]
    is_grave: bool = False
    of_team: bool = False


def act(challenge: Challenge, action: Action, wish: Wish) -> None:
    """Do it, one action at a time.

    Raises
    ------
    ChallengeError
        If it cannot be done now.
    """
    with _ONE_AT_A_TIME:
        action.do(challenge, wish)


# --- when it makes sense ---------------------------------------------------------------------


def _unless_revealed(stands: Situation) -> str | None:
    if stands.progress.revealed is None:
        return None
    return f"The private ranks were revealed at {time_text(stands.progress.revealed)}."


def _no_pause(stands: Situation) -> str | None:
    if stands.progress.paused is not None:
        return f"It has been paused since {time_text(stands.progress.paused)}."
    if stands.phase is Phase.CLOSED:
        return "It is closed: nobody can hand in."
    return _unless_revealed(stands)


def _no_resume(stands: Situation) -> str | None:
    if stands.progress.paused is None and stands.progress.closed is None:
        return _unless_revealed(stands) or "It is neither paused nor closed by hand."
    return _unless_revealed(stands)


def _no_close(stands: Situation) -> str | None:
    if stands.phase is Phase.CLOSED:
        return "It is closed already, and no team has more time."
    return _unless_revealed(stands)


def _no_reveal(stands: Situation) -> str | None:
    if stands.phase is Phase.LIVE:
        return "Teams may still submit files: close the challenge first."
    if stands.n_waiting:
        return (
            f"{stands.n_waiting} submissions are not scored yet: python -m challenge rescore DIR "
            "finishes them, or names the file that is gone."
        )
    return _unless_revealed(stands)


# --- what it does ----------------------------------------------------------------------------


def _pausing(_stands: Situation, _wish: Wish) -> list[str]:
    return [
        "No file is accepted, from no team, until you resume. Board and receipts stay.",
        "A pause moves no deadline.",
    ]


def _resuming(stands: Situation, _wish: Wish) -> list[str]:
    closes = stands.rules.closes
    if closes is not None and stands.now >= closes:
        first = (
            f"Its time was up at {time_text(closes)}, so only teams that you gave more time can "
            "hand in."
        )
    else:
        first = "Files are accepted again" + (
            "." if closes is None else f", until {time_text(closes)}."
        )
    if stands.progress.closed is None:
        return [first]
    return [first, "Extensions that the close ended come back, as far as they still run."]


def _closing(stands: Situation, _wish: Wish) -> list[str]:
    lines = ["No more files are accepted, from any team."]
    if stands.extended:
        names = ", ".join(name for name, _ in stands.extended)
        lines.append(f"This ends the extensions of {names}.")
    return [*lines, "You can resume until you reveal the private ranks."]


def _revealing(stands: Situation, _wish: Wish) -> list[str]:
    lines = [
        "Everybody sees the ranks on the private jets, with curves and all details.",
        "Afterwards nothing is accepted, chosen, withdrawn or extended any more. "
        "It cannot be undone.",
    ]
    if stands.lacks_baselines:
        lines.append(
            "There are no baselines yet, so there is nothing to beat for a mark. Run first: "
            "python -m challenge baselines DIR"
        )
    return lines


def _extending(_stands: Situation, wish: Wish) -> list[str]:
    lines = []
    if wish.until is not None:
        lines.append(f"{wish.team} may hand in until {time_text(wish.until)}.")
    if wish.per_day is not None:
        lines.append(f"{wish.team} may hand in {wish.per_day} submissions in any 24 hours.")
    if not lines:
        raise ChallengeError("Fill in a time, a number of submissions, or both.")
    return lines


def _withdrawing(_stands: Situation, wish: Wish) -> list[str]:
    return [
        f"{_files(wish)} of {wish.team} no longer stands on the board and counts for no mark.",
        "It was tried, so it still counts for the team's quota. You can put it back until the "
        "reveal.",
    ]


def _restoring(_stands: Situation, wish: Wish) -> list[str]:
    what = "Everything that the last withdrawal of all files took" if not wish.receipt else ""
    return [f"{what or _files(wish)} of {wish.team} stands again, with all that follows from it."]


def _revoking(_stands: Situation, wish: Wish) -> list[str]:
    if wish.invitation is None:
        raise ChallengeError("Which invitation? Start from the list of invitations.")
    return [
        f"Invitation {wish.invitation} no longer lets anybody in, and whoever came by it is "
        "logged out; you as well, if it is yours.",
        "Files that were handed in stay.",
    ]


def _files(wish: Wish) -> str:
    return f"The file {wish.receipt[:12]}" if wish.receipt else "Every file"


# --- doing it --------------------------------------------------------------------------------


def _close(challenge: Challenge, _wish: Wish) -> None:
    lifecycle.close(challenge)
    finish_interrupted(challenge)


def _extend(challenge: Challenge, wish: Wish) -> None:
    """Twice the same extension is one: a second event would only clutter the log."""
    with challenge.store.reading() as session:
        team = team_called(session, team_key(wish.team))
        same_time = wish.until is None or (team is not None and team.closes == wish.until)
        same_quota = wish.per_day is None or (team is not None and team.per_day == wish.per_day)
    if not (same_time and same_quota):
        lifecycle.extend(challenge, wish.team, until=wish.until, per_day=wish.per_day)


def _withdraw(challenge: Challenge, wish: Wish) -> None:
    withdraw(challenge, wish.team, [wish.receipt] if wish.receipt else None)


def _restore(challenge: Challenge, wish: Wish) -> None:
    withdraw(challenge, wish.team, [wish.receipt] if wish.receipt else None, undo=True)


def _revoke(challenge: Challenge, wish: Wish) -> None:
    revoke_invitation(challenge, wish.invitation or 0)


ACTIONS: Final = MappingProxyType[str, Action](
    {
        "pause": Action(
            "Pause", _no_pause, _pausing, lambda challenge, _: lifecycle.pause(challenge)
        ),
        "resume": Action(
            "Resume", _no_resume, _resuming, lambda challenge, _: lifecycle.resume(challenge)
        ),
        "close": Action("Close", _no_close, _closing, _close),
        "reveal": Action(
            "Reveal the private ranks",
            _no_reveal,
            _revealing,
            lambda challenge, _: lifecycle.reveal(challenge),
            is_grave=True,
        ),
        "extend": Action(
            "Give more time or tries", _unless_revealed, _extending, _extend, of_team=True
        ),
        "withdraw": Action("Withdraw", _unless_revealed, _withdrawing, _withdraw, of_team=True),
        "restore": Action("Put back", _unless_revealed, _restoring, _restore, of_team=True),
        "revoke": Action("Revoke the invitation", lambda _: None, _revoking, _revoke),
    }
)
