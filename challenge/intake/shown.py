"""One Ladder for all networks of a team: whose score a live board shows for a submission.

If every new network got its own score, a team could send one file under five names, each time with
one jet moved, and read off the jet's label from which of the five ranks higher. So a file that
DeLong's paired test cannot distinguish from an earlier one of the team is shown with the score, and
in the place, of the earlier one.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.scoring import LADDER_CONFIDENCE, error_of_difference
from challenge.store import Challenge, Record, Split
from course_utils.metrics import p_values_of_differences

__all__ = ["stand_ins"]

_LEAST_P_VALUE: Final = 1 - LADDER_CONFIDENCE


def stand_ins(challenge: Challenge, records: Iterable[Record]) -> dict[int, Record]:
    """The submissions that are shown with the score of an earlier one of their team.

    Parameters
    ----------
    challenge : Challenge
    records : iterable of Record
        Submissions of one or more teams, each team's complete, with what was withdrawn: its score
        is known. What the Ladder did not take, and the challenge's own entries, are left out.

    Returns
    -------
    dict of int to Record
        Maps the number of a submission to the one whose score is shown for it. Among several
        candidates the best is taken, and never one that is worse than what the network showed
        before.
    """
    labels = challenge.truth.labels_of(Split.PUBLIC)
    shown: dict[int, Record] = {}
    own_score: dict[str, list[Record]] = defaultdict(list)
    of_network: dict[tuple[str, str], Record] = {}
    for each in sorted(records, key=lambda record: record.id):
        if each.verdict is None or not each.verdict.is_best or each.is_baseline:
            continue
        alike = [
            other for other in own_score[each.team] if not _differ(challenge, labels, each, other)
        ]
        if alike:
            before = of_network.get((each.team, each.network))
            shown[each.id] = max([*alike, *([before] if before else [])], key=_auc)
        else:
            own_score[each.team].append(each)
        if each.withdrawn is None:
            of_network[each.team, each.network] = shown.get(each.id, each)
    return shown


def _differ(challenge: Challenge, labels: NDArray[np.int8], first: Record, second: Record) -> bool:
    difference = abs(_auc(first) - _auc(second))
    if first.sha256 == second.sha256 or difference == 0:
        return False
    error = error_of_difference(
        labels,
        (first.sha256, second.sha256),
        lambda sha256: challenge.scores_of(sha256, Split.PUBLIC),
        cache=challenge.cache,
    )
    return bool(p_values_of_differences(difference, error) < _LEAST_P_VALUE)


def _auc(record: Record) -> float:
    return record.verdict.public.auc.value
