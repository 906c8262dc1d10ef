"""What a team is told about what it handed in."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import numpy as np

from challenge.budget import live_card
from challenge.contest import Contest
from challenge.folder import ChallengeError
from challenge.hints import hints
from challenge.quota import time_text
from challenge.ranking import LADDER_CONFIDENCE
from challenge.reception import quota_left
from challenge.records import Quota, Record, State
from challenge.scoring import Scorecard
from challenge.store import team_key
from challenge.submission import SubmissionError, read_scores
from challenge.tables import Network, Submission, Team

__all__ = [
    "Receipt",
    "accepted_text",
    "history",
    "left_text",
    "receipt_of",
    "shown_text",
    "with_hints",
]

_LEVEL: Final = f"{LADDER_CONFIDENCE:.0%}".replace("%", " %")
_JETS_FOR_HINTS: Final = 20_000  # an accident shows in the first ones, at a tenth of the time


@dataclass(frozen=True)
class Receipt:
    """What a team is told about an accepted file, and nothing more.

    Attributes
    ----------
    submission : int
        Its number.
    team, network : str
    sha256 : str
        Of the file.
    received_at : datetime
        UTC.
    card : Scorecard
        On the public split, as coarse as the leak budget allows. A file that is not significantly
        better than the network's best is told that one's card: its own would let random probes
        climb on luck.
    is_best : bool
        Whether this file is the network's new best.
    is_first : bool
        Whether it is the first of its network.
    quota : Quota
        Of the team, after this file.
    hints : tuple of str
        What looks like an accident in the file.
    """

    submission: int
    team: str
    network: str
    sha256: str
    received_at: datetime
    card: Scorecard
    is_best: bool
    is_first: bool
    quota: Quota
    hints: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """The result in words."""
        if self.is_first:
            return str(self.card)
        if self.is_best:
            return f"significantly better than your best (at {_LEVEL}): {self.card}"
        return f"not significantly better than your best (at {_LEVEL}), which stays: {self.card}"


def receipt_of(contest: Contest, record: Record) -> Receipt:
    """The receipt of a scored submission; the same whenever it is asked for, but for the quota.

    Raises
    ------
    SubmissionError
        If it was refused, with what the team was told then.
    ChallengeError
        If it is not scored yet.
    """
    if record.state is State.REJECTED:
        raise SubmissionError(str(record.reason), str(record.sentence))
    told = verdict = record.verdict
    if verdict is not None and not verdict.is_best and verdict.compared_with is not None:
        told = contest.store.record(verdict.compared_with).verdict
    if verdict is None or told is None:
        raise ChallengeError(f"Submission {record.id} waits for its score.")
    n_background = int(np.count_nonzero(contest.truth.labels[contest.truth.is_public] == 0))
    return Receipt(
        submission=record.id,
        team=record.team,
        network=record.network,
        sha256=record.sha256,
        received_at=record.received_at,
        card=live_card(told.public, n_background),
        is_best=verdict.is_best,
        is_first=verdict.compared_with is None,
        quota=quota_left(contest.store, record.team, contest.rules),
    )


def with_hints(contest: Contest, receipt: Receipt, data: bytes) -> Receipt:
    """A receipt that also says what looks like an accident in the file it is for."""
    n_jets, public = contest.challenge.n_jets, contest.truth.labels[contest.truth.is_public]
    rival = contest.store.record(receipt.submission).verdict.compared_with
    best = None
    if rival is not None:
        best = read_scores(contest.store.content(contest.store.record(rival).sha256), n_jets)
        best = best[:_JETS_FOR_HINTS]
    found = hints(
        read_scores(data, n_jets)[:_JETS_FOR_HINTS],
        told_auc=receipt.card.auc.value if receipt.is_best else None,
        n_signal=int(np.count_nonzero(public)),
        n_background=int(np.count_nonzero(public == 0)),
        best_scores=best,
    )
    return replace(receipt, hints=tuple(found))


def history(contest: Contest, team: str) -> list[tuple[Record, Receipt | Exception]]:
    """Everything a team handed in, in order, each with its receipt or with why there is none.

    Raises
    ------
    ChallengeError
        If there is no such team.
    """
    records = contest.store.records(
        Submission.network_id == Network.id, Network.team_id == Team.id, Team.key == team_key(team)
    )
    if not records:
        raise ChallengeError(f"No team {team!r} has handed in anything.")
    return [(record, _told(contest, record)) for record in records]


def _told(contest: Contest, record: Record) -> Receipt | Exception:
    try:
        return receipt_of(contest, record)
    except (SubmissionError, ChallengeError) as reason:
        return reason


def accepted_text(receipt: Receipt) -> str:
    """One line for a team whose file was accepted."""
    return (
        f"accepted {receipt.team} / {receipt.network}: {receipt.sentence} "
        f"(receipt {receipt.sha256[:12]}, {receipt.received_at:%Y-%m-%d %H:%M:%S} UTC); "
        f"{' '.join((f'{left_text(receipt.quota)}.', *receipt.hints))}"
    )


def shown_text(record: Record, told: Receipt | Exception) -> str:
    """One line of a team's `history`."""
    if isinstance(told, Receipt):
        result = told.sentence
    elif isinstance(told, SubmissionError):
        result = f"refused [{told.reason}] {told.sentence}"
    else:
        result = str(told)
    pick = ", final choice" if record.is_pick else ""
    return (
        f"{record.received_at:%Y-%m-%d %H:%M:%S} UTC  {record.network}{pick}  "
        f"{record.sha256[:12]}  {result}"
    )


def left_text(quota: Quota) -> str:
    """What is left of a quota, and when the next submission returns."""
    text = f"{quota.left} of {quota.limit} submissions left"
    if quota.returns_at is None:
        return text
    return f"{text}, the next returns {time_text(quota.returns_at)}"
