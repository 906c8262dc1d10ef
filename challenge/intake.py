"""One submission, from its bytes to its receipt.

The order of the steps is what makes a kill harmless: the file first, then the row, then the score
(see `challenge.store`). Whoever sends the same file again, for the same network of the same team,
gets the stored result, whatever step the first attempt had reached.
"""

import hashlib
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from challenge.comparisons import CACHE, remember
from challenge.contest import Contest
from challenge.folder import ChallengeError, Truth
from challenge.names import BASELINE_TEAM, clean_name, name_key
from challenge.ranking import ladder_accepts
from challenge.receipts import Receipt, receipt_of, with_hints
from challenge.reception import Arrival, look_up, receive
from challenge.records import State, Verdict
from challenge.scoring import Scorecard, score
from challenge.submission import SubmissionError, read_scores

__all__ = ["accept", "cards", "finish_interrupted", "is_step", "submit"]


def submit(contest: Contest, data: bytes, *, team: str, network: str) -> Receipt:
    """Take in a team's file and score it.

    Raises
    ------
    SubmissionError
        If a name or the file is refused, or it comes at the wrong time, or too often. A refused
        file is stored with its reason.
    """
    team = clean_name(team, what="team")
    if name_key(team) == BASELINE_TEAM:
        raise SubmissionError(
            "team-name", f"The team name {BASELINE_TEAM!r} is reserved: choose another."
        )
    return accept(contest, data, team=team, network=clean_name(network, what="network"))


def accept(
    contest: Contest, data: bytes, *, team: str, network: str, is_ours: bool = False
) -> Receipt:
    """`submit` for names that are known to be clean; `is_ours` lifts the limits."""
    store, rules = contest.store, contest.rules
    sha256 = hashlib.sha256(data).hexdigest()
    arrival = Arrival(team, network, sha256, _refusal(data, contest.challenge.n_jets), is_ours)
    submission = look_up(store, arrival, rules)
    if submission is None or store.record(submission).state is State.RECEIVED:
        store.keep(data)  # again, if an interrupted submission has lost it
        submission = receive(store, arrival, rules)
        _settle(contest, submission, data)
    return with_hints(contest, receipt_of(contest, store.record(submission)), data)


def finish_interrupted(contest: Contest) -> list[str]:
    """Score what was received but not scored, as after a kill.

    Returns
    -------
    list of str
        A sentence for each submission whose file is gone; sending the file again mends it.
    """
    complaints = []
    for submission, sha256 in contest.store.unsettled():
        try:
            _settle(contest, submission, contest.store.content(sha256))
        except ChallengeError as error:
            complaints.append(f"Submission {submission} waits for its file: {error}")
    return complaints


def cards(truth: Truth, scores: NDArray[np.float64]) -> tuple[Scorecard, Scorecard]:
    """Scorecards on the public and on the private split."""
    return tuple(
        score(truth.labels[split], scores[split]) for split in (truth.is_public, truth.is_private)
    )


def is_step(truth: Truth, scores: NDArray[np.float64], best: NDArray[np.float64] | None) -> bool:
    """Whether the Ladder takes these scores as the new best, by the public split alone."""
    public = truth.is_public
    return ladder_accepts(
        truth.labels[public], scores[public], None if best is None else best[public]
    ).accepted


def _refusal(data: bytes, n_jets: int) -> SubmissionError | None:
    try:
        read_scores(data, n_jets)
    except SubmissionError as refusal:
        return refusal
    return None


def _settle(contest: Contest, submission: int, data: bytes) -> None:
    """Judge a submission against the best of its network, as often as that one changes."""
    store = contest.store
    while store.record(submission).state is State.RECEIVED:
        best = store.best(submission)
        rival = None if best is None else store.content(best.sha256)
        outcome = _outcome(contest.truth, data, rival, None if best is None else best.id)
        if store.settle(submission, outcome):
            _remember(contest, outcome, data)
            return


def _remember(contest: Contest, outcome: Verdict | SubmissionError, data: bytes) -> None:
    """Put what the board needs of a new best into its cache, while the scores are at hand."""
    if isinstance(outcome, Verdict) and outcome.is_best:
        truth, public = contest.truth, contest.truth.is_public
        scores = read_scores(data, len(truth.labels))[public]
        sha256 = hashlib.sha256(data).hexdigest()
        with suppress(OSError):  # the submission is safe; the board makes its cache again
            remember(truth.labels[public], sha256, scores, cache=contest.challenge.folder / CACHE)


def _outcome(
    truth: Truth, data: bytes, rival: bytes | None, compared_with: int | None
) -> Verdict | SubmissionError:
    n_jets = len(truth.labels)
    try:
        scores = read_scores(data, n_jets)
    except SubmissionError as refusal:  # the rules of reading became stricter since it came
        return refusal
    is_best = is_step(truth, scores, None if rival is None else read_scores(rival, n_jets))
    return Verdict(*cards(truth, scores), is_best, compared_with)
