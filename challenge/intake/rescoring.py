"""Every file scored again: do the stored scores follow from the files they came from?"""

from collections.abc import Iterator

from challenge.errors import ChallengeError, SubmissionError
from challenge.intake.submission import cards, is_step, taggers_of
from challenge.store import Challenge, Record, State, Verdict

__all__ = ["mend_scores", "wrong_scores"]


def wrong_scores(challenge: Challenge) -> Iterator[str]:
    """Score every file again; one sentence for each submission whose stored values differ.

    Equal means to the last bit, in both splits, and the same decision of the Ladder.
    """
    for record, expected in _differing(challenge):
        if isinstance(expected, Verdict):
            yield f"Submission {record.id} ({record.team} / {record.network}) has different scores."
        else:
            yield f"Submission {record.id} ({record.team} / {record.network}): {expected}"


def mend_scores(challenge: Challenge) -> tuple[int, list[str]]:
    """Score every file again and store what differs, as after a bug was fixed.

    Returns
    -------
    n_changed, complaints
        One sentence for each submission that could not be scored.
    """
    n_changed, complaints = 0, []
    for record, expected in _differing(challenge):
        if isinstance(expected, Verdict):
            challenge.store.rewrite(record.id, expected)
            n_changed += 1
        else:
            complaints.append(f"Submission {record.id}: {expected}")
    return n_changed, complaints


def _differing(challenge: Challenge) -> Iterator[tuple[Record, Verdict | str]]:
    known = {record.id: record for record in challenge.store.records()}
    for record in known.values():
        try:
            expected = _expected(challenge, record, known)
        except ChallengeError as error:
            yield record, str(error)
            continue
        if isinstance(expected, str) or expected != record.verdict:
            yield record, expected


def _expected(
    challenge: Challenge, record: Record, known: dict[int, Record]
) -> Verdict | str | None:
    try:
        scores = challenge.scores_of(record.sha256)
    except SubmissionError as refusal:
        if record.state is State.REJECTED and record.reason == refusal.reason:
            return None
        return f"its file is refused now [{refusal.reason}]."
    if record.state is not State.SCORED or record.verdict is None:
        return f"its file can be scored, but it is {record.state}."
    rival, is_best = record.verdict.compared_with, record.verdict.is_best
    if rival is not None:
        is_best = is_step(challenge.truth, scores, challenge.scores_of(known[rival].sha256))
    return Verdict(*cards(taggers_of(challenge.truth, scores)), is_best, rival)
