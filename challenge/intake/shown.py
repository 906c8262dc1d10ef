"""One Ladder for all networks of a team: whose score a live board shows for a submission.

If every new network got its own score, a team could send one file under five names, each time with
one jet moved, and read off the jet's label from which of the five ranks higher. So a file that
DeLong's paired test cannot distinguish from an earlier one of the team is shown with the score, and
in the place, of the earlier one.

A score that a team was shown, it knows for ever, whatever is withdrawn, restored or merged later.
So the log decides which scores were shown, and in which order; the present rows cannot.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Final

from challenge.scoring import LADDER_CONFIDENCE, errors_of_differences
from challenge.store import Challenge, Record, Split
from challenge.store.replay import events
from course_utils.metrics import p_values_of_differences

__all__ = ["stand_ins"]

_LEAST_P_VALUE: Final = 1 - LADDER_CONFIDENCE

Alike = Callable[[int, int], bool]  # of two submissions: cannot the test distinguish them?


def stand_ins(challenge: Challenge, records: Iterable[Record]) -> dict[int, Record]:
    """The submissions that are shown with the score of an earlier one of their team.

    Parameters
    ----------
    challenge : Challenge
    records : iterable of Record
        Submissions of one or more teams, each team's complete, with what was withdrawn. What the
        Ladder never took, and the challenge's own entries, are left out.

    Returns
    -------
    dict of int to Record
        Maps the number of a submission to the one whose score is shown for it. Among several
        candidates the best is taken, and never one that is worse than what the network showed
        before.
    """
    labels = challenge.truth.labels_of(Split.PUBLIC)
    judged = {each.id: each for each in records if each.verdict and not each.is_baseline}

    error_of = errors_of_differences(
        labels, lambda sha256: challenge.scores_of(sha256, Split.PUBLIC), cache=challenge.cache
    )

    @cache
    def alike(first: int, second: int) -> bool:
        return not _differ(judged[first], judged[second], error_of)

    told = _told(challenge, judged, alike)
    own: dict[str, list[Record]] = defaultdict(list)
    candidates: dict[int, list[Record]] = {}
    for number, is_own in told.items():
        known = own[judged[number].team]
        candidates[number] = [each for each in known if alike(number, each.id)]
        if is_own:
            known.append(judged[number])
    shown: dict[int, Record] = {}
    for number in sorted(filter(candidates.get, told), key=lambda each: _auc(judged[each])):
        before = judged[number].verdict.compared_with  # a step down the Ladder, so shown already
        if judged[number].verdict.is_best and before in told:
            candidates[number].append(shown.get(before, judged[before]))
        shown[number] = max(candidates[number], key=_auc)
    return shown


def _told(challenge: Challenge, judged: Mapping[int, Record], alike: Alike) -> dict[int, bool]:
    """Submissions that were ever shown, in this order, and whether with their own score.

    One is shown when the Ladder takes it: when it is scored, or later, because of a correction.
    """
    team_of: dict[int, str] = {}
    told: dict[str, list[int]] = defaultdict(list)  # to the teams that there were
    shown: dict[int, bool] = {}
    kinds = ["scored", "rescored"]
    with challenge.store.reading() as session:
        if any(events(session, "merged")):  # else each team is what it was
            kinds += ["received", "renamed", "merged"]
        happened = list(events(session, *kinds))
    for kind, _, detail in happened:
        if kind in ("renamed", "merged"):
            team, to = detail["team"], detail["to"]
            team_of |= {number: to for number, name in team_of.items() if name == team}
            told[to] += told.pop(team, [])
            continue
        number = detail["submission"]
        if kind == "received":
            team_of[number] = detail["team"]
        elif detail["best"] and number in judged and number not in shown:
            known = told[team_of.get(number, judged[number].team)]
            shown[number] = not any(alike(number, other) for other in known)
            if shown[number]:
                known.append(number)
    return shown


def _differ(first: Record, second: Record, error_of: Callable[[tuple[str, str]], float]) -> bool:
    difference = abs(_auc(first) - _auc(second))
    if first.sha256 == second.sha256 or difference == 0:
        return False
    error = error_of((first.sha256, second.sha256))
    return bool(p_values_of_differences(difference, error) < _LEAST_P_VALUE)


def _auc(record: Record) -> float:
    return record.verdict.public.auc.value
