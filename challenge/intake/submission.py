"""One submission, from its bytes to its receipt.

The order of the steps makes a kill harmless: first the file, then the row, then the score (see
`challenge.store.store`). Sending the same file again, for the same network of the same team,
returns the stored result, whatever step the first attempt had reached.
"""

import hashlib
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from challenge.errors import ChallengeError, SubmissionError
from challenge.intake.receipts import Receipt, receipt_of, with_hints
from challenge.intake.reception import Arrival, look_up, receive
from challenge.scoring import Scorecard, card_of, ladder_accepts, read_scores, remember
from challenge.store import Challenge, Record, Split, State, Truth, Verdict
from challenge.words import BASELINE_TEAM, clean_name, name_key
from course_utils.metrics import OrderedScores, ordered

__all__ = [
    "accept",
    "cards",
    "clean_team",
    "finish_interrupted",
    "is_step",
    "submit",
    "taggers_of",
]

Scores = NDArray[np.float64] | SubmissionError  # of a file, or why it has none
Taggers = dict[Split, OrderedScores]


def submit(
    challenge: Challenge, data: bytes, *, team: str, network: str, again: bool = False
) -> Receipt:
    """Accept a team's file and score it.

    ``again`` accepts what was withdrawn from another network of the team.

    Raises
    ------
    SubmissionError
        If a name or the file is refused, or it comes at the wrong time, or too often. A refused
        file is stored with its reason.
    """
    network = clean_name(network, what="network")
    return accept(challenge, data, team=clean_team(team), network=network, again=again)


def clean_team(text: str) -> str:
    """The name of a team as it is stored; `challenge.words.clean_name` says how.

    Raises
    ------
    SubmissionError
        If no team may have it (team-name).
    """
    name = clean_name(text, what="team")
    if name_key(name) == BASELINE_TEAM:
        raise SubmissionError(
            "team-name", f"The team name {BASELINE_TEAM!r} is reserved: choose another."
        )
    return name


def accept(
    challenge: Challenge,
    data: bytes,
    *,
    team: str,
    network: str,
    is_ours: bool = False,
    again: bool = False,
) -> Receipt:
    """`submit` for names that are known to be clean; `is_ours` lifts the limits."""
    store, truth = challenge.store, challenge.truth  # without labels nothing is accepted
    sha256 = hashlib.sha256(data).hexdigest()
    scores = _read(data, len(truth.labels))
    refusal = scores if isinstance(scores, SubmissionError) else None
    arrival = Arrival(team, network, sha256, refusal, is_ours, again)
    submission = look_up(challenge, arrival)
    if submission is None or store.record(submission).state is State.RECEIVED:
        store.keep(data)  # again, if an interrupted submission has lost it
        submission = receive(challenge, arrival)
        _settle(challenge, submission, sha256, scores)
    return with_hints(challenge, receipt_of(challenge, store.record(submission)), scores)


def finish_interrupted(challenge: Challenge) -> list[str]:
    """Score what was received but not scored, as after a kill.

    Returns
    -------
    list of str
        A sentence for each submission whose file is gone; sending the file again mends it.
    """
    complaints = []
    for submission, sha256 in challenge.store.unsettled():
        try:
            scores = _read(challenge.store.content(sha256), challenge.n_jets)
            _settle(challenge, submission, sha256, scores)
        except ChallengeError as error:
            complaints.append(f"Submission {submission} waits for its file: {error}")
    return complaints


def taggers_of(truth: Truth, scores: NDArray[np.float64]) -> Taggers:
    """The scores of each split, sorted once for all that is asked of them."""
    return {each: ordered(truth.labels_of(each), scores[truth.jets_of(each)]) for each in Split}


def cards(taggers: Taggers) -> tuple[Scorecard, Scorecard]:
    """Scorecards on the public and on the private split."""
    return tuple(card_of(taggers[each]) for each in Split)


def is_step(truth: Truth, scores: NDArray[np.float64], best: NDArray[np.float64] | None) -> bool:
    """Whether the Ladder takes these scores as the new best, by the public split alone."""
    public = truth.is_public
    labels = truth.labels_of(Split.PUBLIC)
    return ladder_accepts(labels, scores[public], None if best is None else best[public]).accepted


def _read(data: bytes, n_jets: int) -> Scores:
    """Read the file once; later steps get its scores."""
    try:
        return read_scores(data, n_jets)
    except SubmissionError as refusal:
        return refusal


def _settle(challenge: Challenge, submission: int, sha256: str, scores: Scores) -> None:
    """Judge a submission against the best of its network, again whenever that best changes."""
    store = challenge.store
    while store.record(submission).state is State.RECEIVED:
        best = store.best(submission)
        outcome = scores  # a refusal, if the rules of reading became stricter since it came
        if not isinstance(scores, SubmissionError):
            taggers = taggers_of(challenge.truth, scores)
            outcome = _verdict(challenge, scores, taggers, best)
        if store.settle(submission, outcome):
            if isinstance(outcome, Verdict) and outcome.is_best:
                _remember(challenge, sha256, taggers[Split.PUBLIC])
            return


def _verdict(
    challenge: Challenge, scores: NDArray[np.float64], taggers: Taggers, best: Record | None
) -> Verdict:
    rival = None if best is None else challenge.scores_of(best.sha256)
    compared_with = None if best is None else best.id
    is_best = is_step(challenge.truth, scores, rival)
    return Verdict(*cards(taggers), is_best, compared_with)


def _remember(challenge: Challenge, sha256: str, tagger: OrderedScores) -> None:
    """Put what the board needs of a new best into its cache, while its order is at hand."""
    with suppress(OSError):  # the submission is safe; the board makes its cache again
        remember(tagger, sha256, cache=challenge.cache)
