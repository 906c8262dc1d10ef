"""One submission, from its bytes to its receipt.

The order of the steps is what makes a kill harmless: the file first, then the row, then the score
(see `challenge.store.store`). Whoever sends the same file again, for the same network of the same
team, gets the stored result, whatever step the first attempt had reached.
"""

import hashlib
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from challenge.errors import ChallengeError, SubmissionError
from challenge.intake.receipts import Receipt, receipt_of, with_hints
from challenge.intake.reception import Arrival, look_up, receive
from challenge.scoring import CACHE, Scorecard, ladder_accepts, read_scores, remember, score
from challenge.store import Contest, State, Truth, Verdict
from challenge.words import BASELINE_TEAM, clean_name, name_key

__all__ = ["accept", "cards", "finish_interrupted", "is_step", "submit"]

Scores = NDArray[np.float64] | SubmissionError  # of a file, or why it has none


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
    scores = _read(data, contest.challenge.n_jets)
    refusal = scores if isinstance(scores, SubmissionError) else None
    arrival = Arrival(team, network, sha256, refusal, is_ours)
    submission = look_up(store, arrival, rules)
    if submission is None or store.record(submission).state is State.RECEIVED:
        store.keep(data)  # again, if an interrupted submission has lost it
        submission = receive(store, arrival, rules)
        _settle(contest, submission, sha256, scores)
    return with_hints(contest, receipt_of(contest, store.record(submission)), scores)


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
            scores = _read(contest.store.content(sha256), contest.challenge.n_jets)
            _settle(contest, submission, sha256, scores)
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


def _read(data: bytes, n_jets: int) -> Scores:
    """The file is read once; whoever needs its scores later is given them."""
    try:
        return read_scores(data, n_jets)
    except SubmissionError as refusal:
        return refusal


def _settle(contest: Contest, submission: int, sha256: str, scores: Scores) -> None:
    """Judge a submission against the best of its network, as often as that one changes."""
    store = contest.store
    while store.record(submission).state is State.RECEIVED:
        best = store.best(submission)
        rival = None if best is None else store.content(best.sha256)
        outcome = _outcome(contest.truth, scores, rival, None if best is None else best.id)
        if store.settle(submission, outcome):
            if isinstance(outcome, Verdict) and outcome.is_best:
                _remember(contest, sha256, scores)
            return


def _remember(contest: Contest, sha256: str, scores: NDArray[np.float64]) -> None:
    """Put what the board needs of a new best into its cache, while the scores are at hand."""
    truth, public = contest.truth, contest.truth.is_public
    cache = contest.challenge.folder / CACHE
    with suppress(OSError):  # the submission is safe; the board makes its cache again
        remember(truth.labels[public], sha256, scores[public], cache=cache)


def _outcome(
    truth: Truth, scores: Scores, rival: bytes | None, compared_with: int | None
) -> Verdict | SubmissionError:
    if isinstance(scores, SubmissionError):  # the rules of reading became stricter since it came
        return scores
    best = None if rival is None else read_scores(rival, len(truth.labels))
    return Verdict(*cards(truth, scores), is_step(truth, scores, best), compared_with)
