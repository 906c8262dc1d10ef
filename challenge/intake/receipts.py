"""What a team is told about what it handed in."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.errors import ChallengeError, SubmissionError
from challenge.intake.ladder import stand_ins
from challenge.intake.quota import Quota
from challenge.intake.reception import quota_left
from challenge.scoring import LADDER_CONFIDENCE, Scorecard, find_hints, live_card
from challenge.store import Challenge, Record, Split, State
from challenge.words import time_text

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
        climb on luck. So is a new best that cannot be told from another network of the team.
    is_best : bool
        Whether this file is the network's new best.
    is_first : bool
        Whether it is the first of its network.
    quota : Quota
        Of the team, after this file.
    hints : tuple of str
        What looks like an accident in the file.
    stand_in : str or None
        The network whose card this one is, where a new best is not told its own (see
        `challenge.intake.ladder`).
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
    stand_in: str | None = None

    @property
    def sentence(self) -> str:
        """The result in words."""
        if self.is_best:
            words = [] if self.is_first else [f"significantly better than your best (at {_LEVEL})"]
            if self.stand_in is not None:
                words.append(
                    f"not significantly different from your {self.stand_in}, whose score is shown"
                )
            return f"{', '.join(words)}: {self.card}" if words else str(self.card)
        return f"not significantly better than your best (at {_LEVEL}), which stays: {self.card}"


def receipt_of(
    challenge: Challenge, record: Record, *, stands: Mapping[int, Record] | None = None
) -> Receipt:
    """The receipt of a scored submission; the same whenever it is asked for, but for the quota.

    ``stands`` is `challenge.intake.ladder.stand_ins` of the team, where it is known already.

    Raises
    ------
    SubmissionError
        If it was refused, with what the team was told then.
    ChallengeError
        If it is not scored yet.
    """
    if record.state is State.REJECTED:
        raise SubmissionError(str(record.reason), str(record.sentence))
    verdict = record.verdict
    if verdict is None:
        raise ChallengeError(f"Submission {record.id} waits for its score.")
    if stands is None:
        stands = stand_ins(challenge, challenge.store.of_team(record.team))
    is_told = verdict.is_best or verdict.compared_with is None
    best = record if is_told else challenge.store.record(verdict.compared_with)
    told = stands.get(best.id, best)
    n_background = int(np.count_nonzero(challenge.truth.labels_of(Split.PUBLIC) == 0))
    return Receipt(
        submission=record.id,
        team=record.team,
        network=record.network,
        sha256=record.sha256,
        received_at=record.received_at,
        card=live_card(told.verdict.public, n_background),
        is_best=verdict.is_best,
        is_first=verdict.compared_with is None,
        quota=quota_left(challenge, record.team),
        stand_in=told.network if verdict.is_best and told.id != best.id else None,
    )


def with_hints(challenge: Challenge, receipt: Receipt, scores: NDArray[np.float64]) -> Receipt:
    """A receipt that also says what looks like an accident in the scores it is for."""
    public = challenge.truth.labels_of(Split.PUBLIC)
    rival = challenge.store.record(receipt.submission).verdict.compared_with
    best = None
    if rival is not None:
        best = challenge.scores_of(challenge.store.record(rival).sha256)[:_JETS_FOR_HINTS]
    found = find_hints(
        scores[:_JETS_FOR_HINTS],
        told_auc=receipt.card.auc.value if receipt.is_best and not receipt.stand_in else None,
        n_signal=int(np.count_nonzero(public)),
        n_background=int(np.count_nonzero(public == 0)),
        best_scores=best,
    )
    return replace(receipt, hints=tuple(found))


def history(challenge: Challenge, team: str) -> list[tuple[Record, Receipt | Exception]]:
    """Everything a team handed in, in order, each with its receipt or with why there is none.

    Raises
    ------
    ChallengeError
        If there is no such team.
    """
    records = challenge.store.of_team(team)
    if not records:
        raise ChallengeError(f"No team {team!r} has handed in anything.")
    stands = stand_ins(challenge, records)
    return [(record, _told(challenge, record, stands)) for record in records]


def _told(
    challenge: Challenge, record: Record, stands: Mapping[int, Record]
) -> Receipt | Exception:
    try:
        return receipt_of(challenge, record, stands=stands)
    except (SubmissionError, ChallengeError) as reason:
        return reason


def accepted_text(receipt: Receipt) -> str:
    """One line for a team whose file was accepted."""
    return (
        f"accepted {receipt.team} / {receipt.network}: {receipt.sentence} "
        f"(receipt {receipt.sha256[:12]}, {time_text(receipt.received_at)}); "
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
    return f"{time_text(record.received_at)}  {record.network}{pick}  {record.sha256}  {result}"


def left_text(quota: Quota) -> str:
    """What is left of a quota, and when the next submission returns."""
    text = f"{quota.left} of {quota.limit} submissions left"
    if quota.returns_at is None:
        return text
    return f"{text}, the next returns {time_text(quota.returns_at)}"
