"""Receipts: everything a team learns about its submissions."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.errors import ChallengeError, SubmissionError
from challenge.intake.quota import Quota
from challenge.intake.reception import quota_left
from challenge.intake.shown import stand_ins
from challenge.scoring import LADDER_CONFIDENCE, Scorecard, find_hints, live_card
from challenge.store import Challenge, Record, Split, State
from challenge.words import name_key, time_text

__all__ = [
    "Receipt",
    "accepted_text",
    "history",
    "left_text",
    "receipt_lines",
    "receipt_of",
    "shown_text",
    "with_hints",
]

_LEVEL: Final = f"{LADDER_CONFIDENCE:.0%}".replace("%", " %")
_JETS_FOR_HINTS: Final = 20_000  # the first ones show an accident in a tenth of the time


@dataclass(frozen=True)
class Receipt:
    """Everything a team learns about an accepted file.

    Attributes
    ----------
    submission : int
        Its number.
    team, network : str
    sha256 : str
        Hash of the file.
    received_at : datetime
        UTC.
    card : Scorecard
        On the public split, as coarse as the leak budget allows. A file that is not significantly
        better than the network's best gets the card of that best: with its own, random probes
        could climb by luck. The same holds for a new best that the test cannot distinguish from
        another network of the team.
    is_best : bool
        Whether this file is the network's new best.
    is_first : bool
        Whether it is the first of its network.
    quota : Quota
        What the team has left after this file.
    hints : tuple of str
        What looks like an accident in the file.
    stand_in : str or None
        The network whose card is shown instead of a new best's own (see
        `challenge.intake.shown`).
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
                words.append(f"not significantly different from {self._told_before}")
            return f"{', '.join(words)}: {self.card}" if words else str(self.card)
        return f"not significantly better than your best (at {_LEVEL}), which stays: {self.card}"

    @property
    def _told_before(self) -> str:
        if name_key(self.stand_in) == name_key(self.network):
            return "an earlier file of yours, so no new score is shown"
        return f"an earlier file of your {self.stand_in}, whose score is shown"


def receipt_of(
    challenge: Challenge, record: Record, *, stands: Mapping[int, Record] | None = None
) -> Receipt:
    """The receipt of a scored submission; always the same, except for the quota.

    ``stands`` is `challenge.intake.shown.stand_ins` of the team, where it is known already.

    Raises
    ------
    SubmissionError
        If it was refused, with the same reason as then; or withdrawn since, or a copy.
    ChallengeError
        If it is not scored yet.
    """
    if record.is_copy and record.state is not State.REJECTED:
        raise SubmissionError(
            "copy",
            f"Teams that were merged both handed in this file for {record.network}: it counts "
            "once, and the other receipt holds.",
        )
    if record.withdrawn is not None:
        raise SubmissionError(
            "withdrawn",
            f"Withdrawn by the instructor at {time_text(record.withdrawn)}: it does not stand on "
            "the board.",
        )
    if record.state is State.REJECTED:
        raise SubmissionError(str(record.reason), str(record.sentence))
    verdict = record.verdict
    if verdict is None:
        raise ChallengeError(f"Submission {record.id} waits for its score.")
    if stands is None:
        stands = stand_ins(challenge, challenge.store.of_team(record.team))
    has_own_score = verdict.is_best or verdict.compared_with is None
    best = record if has_own_score else challenge.store.record(verdict.compared_with)
    shown = stands.get(best.id, best)
    n_background = int(np.count_nonzero(challenge.truth.labels_of(Split.PUBLIC) == 0))
    return Receipt(
        submission=record.id,
        team=record.team,
        network=record.network,
        sha256=record.sha256,
        received_at=record.received_at,
        card=live_card(shown.verdict.public, n_background),
        is_best=verdict.is_best,
        is_first=verdict.compared_with is None,
        quota=quota_left(challenge, record.team),
        stand_in=shown.network if verdict.is_best and shown.sha256 != best.sha256 else None,
    )


def with_hints(challenge: Challenge, receipt: Receipt, scores: NDArray[np.float64]) -> Receipt:
    """Add hints to a receipt: what looks like an accident in its scores."""
    public = challenge.truth.labels_of(Split.PUBLIC)
    rival = challenge.store.record(receipt.submission).verdict.compared_with
    best = None
    if rival is not None:
        best = challenge.scores_of(challenge.store.record(rival).sha256)[:_JETS_FOR_HINTS]
    found = find_hints(
        scores[:_JETS_FOR_HINTS],
        shown_auc=receipt.card.auc.value if receipt.is_best and not receipt.stand_in else None,
        n_signal=int(np.count_nonzero(public)),
        n_background=int(np.count_nonzero(public == 0)),
        best_scores=best,
    )
    return replace(receipt, hints=tuple(found))


def history(challenge: Challenge, team: str) -> list[tuple[Record, Receipt | Exception]]:
    """Everything a team submitted, in order, each with its receipt or the reason why it has none.

    Raises
    ------
    ChallengeError
        If there is no such team.
    """
    records = challenge.store.of_team(challenge.store.require_team(team))
    stands = stand_ins(challenge, records)
    return [(record, _answer(challenge, record, stands)) for record in records]


def _answer(
    challenge: Challenge, record: Record, stands: Mapping[int, Record]
) -> Receipt | Exception:
    try:
        return receipt_of(challenge, record, stands=stands)
    except (SubmissionError, ChallengeError) as reason:
        return reason


def accepted_text(receipt: Receipt) -> str:
    """One line for a team whose file was accepted."""
    result, *others = receipt_lines(receipt)
    return f"{result.removesuffix('.')}; {' '.join(others)}"


def receipt_lines(receipt: Receipt) -> list[str]:
    """The same as sentences: the result, what is left of the quota, hints."""
    return [
        f"accepted {receipt.team} / {receipt.network}: {receipt.sentence} "
        f"(receipt {receipt.sha256[:12]}, {time_text(receipt.received_at)}).",
        f"{left_text(receipt.quota)}.",
        *receipt.hints,
    ]


def shown_text(record: Record, answer: Receipt | Exception) -> str:
    """One line of a team's `history`."""
    if isinstance(answer, Receipt):
        result = answer.sentence
    elif isinstance(answer, SubmissionError):
        is_told = answer.reason in ("withdrawn", "copy")
        refused = "" if is_told else f"refused [{answer.reason}] "
        result = f"{refused}{answer.sentence}"
    else:
        result = str(answer)
    pick = ", final choice" if record.is_pick else ""
    return f"{time_text(record.received_at)}  {record.network}{pick}  {record.sha256}  {result}"


def left_text(quota: Quota) -> str:
    """How many submissions are left, and when the next one returns."""
    text = f"{quota.left} of {quota.limit} submissions left"
    if quota.returns_at is None:
        return text
    return f"{text}, the next returns {time_text(quota.returns_at)}"
