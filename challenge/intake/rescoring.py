"""Every file scored again: do the stored scores follow from the files they came from?"""

from collections.abc import Iterator

from challenge.errors import ChallengeError, SubmissionError
from challenge.intake.submission import cards, is_step
from challenge.scoring import read_scores
from challenge.store import Contest, Record, State, Verdict

__all__ = ["mend_scores", "wrong_scores"]


def wrong_scores(contest: Contest) -> Iterator[str]:
    """Score every file anew; a sentence for each submission whose stored values differ.

    Equal means to the last bit, in both splits, and the same decision of the Ladder.
    """
    for record, expected in _differing(contest):
        if isinstance(expected, Verdict):
            yield f"Submission {record.id} ({record.team} / {record.network}) has other scores."
        else:
            yield f"Submission {record.id} ({record.team} / {record.network}): {expected}"


def mend_scores(contest: Contest) -> tuple[int, list[str]]:
    """Score every file anew and store what differs, as after a correction of the program.

    Returns
    -------
    n_changed, complaints
        A sentence for each submission that could not be scored anew.
    """
    n_changed, complaints = 0, []
    for record, expected in _differing(contest):
        if isinstance(expected, Verdict):
            contest.store.rewrite(record.id, expected)
            n_changed += 1
        else:
            complaints.append(f"Submission {record.id}: {expected}")
    return n_changed, complaints


def _differing(contest: Contest) -> Iterator[tuple[Record, Verdict | str]]:
    known = {record.id: record for record in contest.store.records()}
    for record in known.values():
        try:
            expected = _expected(contest, record, known)
        except ChallengeError as error:
            yield record, str(error)
            continue
        if isinstance(expected, str) or expected != record.verdict:
            yield record, expected


def _expected(contest: Contest, record: Record, known: dict[int, Record]) -> Verdict | str | None:
    data = contest.store.content(record.sha256)
    try:
        scores = read_scores(data, contest.challenge.n_jets)
    except SubmissionError as refusal:
        if record.state is State.REJECTED and record.reason == refusal.reason:
            return None
        return f"its file is refused now [{refusal.reason}]."
    if record.state is not State.SCORED or record.verdict is None:
        return f"its file can be scored, but it is {record.state}."
    rival, is_best = record.verdict.compared_with, record.verdict.is_best
    if rival is not None:
        best = contest.store.content(known[rival].sha256)
        is_best = is_step(contest.truth, scores, read_scores(best, contest.challenge.n_jets))
    return Verdict(*cards(contest.truth, scores), is_best, rival)
