"""Build standings from scored submissions: ranks, tied groups, and how much detail is shown.

Ranks and groups come from exact numbers; what a live board then shows is rounded here, once, for
every format (see `challenge.scoring.budget`).
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from challenge.board.order import final_order, live_order
from challenge.board.standings import LookElsewhere, Reference, Standing, Standings
from challenge.scoring import (
    Scorecard,
    best_of_n_gain,
    covariances,
    diagnose,
    live_card,
    live_working_points,
    tied_groups,
)
from challenge.store import Phase, Record

__all__ = ["LEADERS", "PUBLISHED", "Evidence", "Occasion", "build_standings"]

_NOBODY: Final = MappingProxyType[int, Record]({})
LEADERS: Final = 5  # teams whose best entry is shown in detail
_LEAST_OF_A_LEADER: Final = 0.6  # in AUC

# Networks of arXiv:1902.09914, from their own outputs for 20 000 jets of the public test set;
# `tests/course_utils/metrics/test_metrics_published.py` measures the same numbers.
PUBLISHED: Final = tuple(
    Reference(*each, source="20 000 public jets, doi:10.5281/zenodo.2603256")
    for each in (
        ("ParticleNet", "0.9832 ± 0.0007", "260 +50 -40", "720 +260 -180"),
        ("ResNeXt-50", "0.9818 ± 0.0008", "260 +50 -40", "840 +330 -230"),
        ("P-CNN", "0.9792 ± 0.0008", "201 +33 -28", "590 +190 -140"),
        ("TopoDNN", "0.9702 ± 0.0010", "89 +9 -8", "310 +70 -50"),
        ("mass + N-subjettiness", "0.9654 ± 0.0011", "77 +7 -7", "390 +90 -70"),
    )
)


@dataclass(frozen=True)
class Occasion:
    """Which board is drawn, and when (UTC)."""

    challenge: str
    phase: Phase
    drawn_at: datetime
    opens: datetime | None = None
    closes: datetime | None = None


@dataclass(frozen=True)
class Evidence:
    """The jets that decide the ranks shown, public or private.

    Attributes
    ----------
    labels : array of shape (n_jets,)
    scores_of : function
        Maps the SHA-256 of a file to its scores of these jets, shape (n_jets,).
    cache : Path
        For `challenge.scoring.comparisons`.
    pt, mass : array of shape (n_jets,) or None
        In GeV; only used after the reveal.
    """

    labels: NDArray[np.int8]
    scores_of: Callable[[str], NDArray[np.float64]]
    cache: Path
    pt: NDArray[np.float64] | None = None
    mass: NDArray[np.float64] | None = None


def build_standings(
    occasion: Occasion,
    scored: Sequence[Record],
    evidence: Evidence,
    *,
    references: Sequence[Reference] = (),
    stand_ins: Mapping[int, Record] = _NOBODY,
) -> Standings:
    """The board of these submissions.

    Parameters
    ----------
    occasion : Occasion
    scored : sequence of Record
        Every scored submission.
    evidence : Evidence
        The public split until the reveal, the private one afterwards.
    references : sequence of Reference
        `PUBLISHED`, where the jets are those of the public samples or alike.
    stand_ins : mapping of int to Record, optional
        Whose score a live board shows for a submission, where it is not its own
        (see `challenge.intake.stand_ins`).
    """
    revealed = occasion.phase is Phase.REVEALED
    live = [_Shown(each, stand_ins.get(each.id, each)) for each in live_order(scored, stand_ins)]
    order = [_Shown(each, each) for each in final_order(scored)] if revealed else live
    lines = tuple(_lines(scored, order, live, evidence, revealed))
    return Standings(
        challenge=occasion.challenge,
        phase=occasion.phase,
        drawn_at=occasion.drawn_at,
        n_jets=len(evidence.labels),
        lines=lines,
        opens=occasion.opens,
        closes=occasion.closes,
        references=tuple(references),
        look_elsewhere=_look_elsewhere(scored, lines, revealed),
    )


@dataclass(frozen=True)
class _Shown:
    """A submission, and the one whose score is shown for it: mostly itself."""

    own: Record
    scored_as: Record

    def card(self, revealed: bool) -> Scorecard:
        return self.scored_as.verdict.private if revealed else self.scored_as.verdict.public


def _lines(
    scored: Sequence[Record],
    order: Sequence[_Shown],
    live: Sequence[_Shown],
    evidence: Evidence,
    revealed: bool,
) -> Iterator[Standing]:
    # A final choice has a place of its own on the private split; on the public one its network
    # stood where the best was.
    stood = {
        (each.own.team, each.own.network): (place, each.card(False))
        for place, each in enumerate(live, start=1)
    }
    groups = _groups(order, evidence, revealed)
    tries = Counter((each.team, each.network) for each in scored if not each.is_copy)
    leaders = _leaders(order, revealed)
    for rank, (shown, group) in enumerate(zip(order, groups, strict=True), start=1):
        record = shown.own
        place, card = stood[record.team, record.network]
        yield Standing(
            rank=rank,
            group=int(group),
            submission=record.id,
            team=record.team,
            network=record.network,
            received_at=record.received_at,
            tries=tries[record.team, record.network],
            is_baseline=record.is_baseline,
            climbed=place - rank if revealed else None,
            public=card if revealed else None,
            **_results(shown, evidence, revealed, in_detail=record.id in leaders),
        )


def _results(
    shown: _Shown, evidence: Evidence, revealed: bool, *, in_detail: bool
) -> dict[str, Any]:
    """How good an entry is, no finer than may be shown."""
    labels, sha256 = evidence.labels, shown.scored_as.sha256
    if revealed:
        diagnostics = None
        if in_detail:
            scores = evidence.scores_of(sha256)
            diagnostics = diagnose(labels, scores, pt=evidence.pt, mass=evidence.mass)
        return {"card": shown.card(revealed), "diagnostics": diagnostics}
    n_background = int(np.count_nonzero(labels == 0))
    points = live_working_points(labels, evidence.scores_of(sha256)) if in_detail else ()
    return {"card": live_card(shown.card(revealed), n_background), "working_points": points}


def _groups(order: Sequence[_Shown], evidence: Evidence, revealed: bool) -> NDArray[np.int64]:
    if not order:
        return np.empty(0, np.int64)
    keys = [each.scored_as.sha256 for each in order]
    matrix = covariances(evidence.labels, keys, evidence.scores_of, cache=evidence.cache)
    return tied_groups([each.card(revealed).auc.value for each in order], matrix)


def _leaders(order: Sequence[_Shown], revealed: bool) -> frozenset[int]:
    """Submissions shown in detail: the best of each of the first teams.

    One that is no better than chance would stretch every axis.
    """
    best: dict[str, int] = {}
    for each in order:
        if each.card(revealed).auc.value > _LEAST_OF_A_LEADER:
            best.setdefault(each.own.team, each.own.id)
    return frozenset(list(best.values())[:LEADERS])


def _look_elsewhere(
    scored: Sequence[Record], lines: Sequence[Standing], revealed: bool
) -> LookElsewhere | None:
    """Only from what the board shows: other errors would reveal files the Ladder did not take.

    On the public split every try counts, each with the error that a shown one has; on the private
    one nothing was tried, so only the final entries compete.
    """
    errors = [line.card.auc.error for line in lines if not line.is_baseline]
    if not errors:
        return None
    tried = [each for each in scored if not (each.is_baseline or each.is_copy)]
    n_tried = len(errors) if revealed else len(tried)
    return LookElsewhere(n_tried, round(best_of_n_gain(n_tried, float(np.median(errors))), 4))
