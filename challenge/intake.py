"""One submission, from its bytes to its scorecard.

The order of the steps is what makes a kill harmless: the file first, then the row, then the score
(see `challenge.store`). Whoever sends the same file again, for the same network of the same team,
gets the stored result, whatever step the first attempt had reached.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.folder import ChallengeError
from challenge.names import clean_name, name_key
from challenge.ranking import Entry
from challenge.scoring import Scorecard, score
from challenge.store import Store
from challenge.submission import SubmissionError, read_scores

__all__ = ["BASELINE_TEAM", "accept", "finish_interrupted", "submit"]

BASELINE_TEAM: Final = "baseline"  # reserved for entries the challenge makes itself


def submit(
    store: Store, labels: NDArray[np.int8], data: bytes, *, team: str, network: str
) -> Entry:
    """Take in a team's file and score it.

    Raises
    ------
    SubmissionError
        If a name or the file is refused. A refused file is stored with its reason.
    """
    team = clean_name(team, what="team")
    if name_key(team) == BASELINE_TEAM:
        raise SubmissionError(
            "team-name", f"The team name {BASELINE_TEAM!r} is reserved: choose another."
        )
    return accept(store, labels, data, team=team, network=clean_name(network, what="network"))


def accept(
    store: Store, labels: NDArray[np.int8], data: bytes, *, team: str, network: str
) -> Entry:
    """`submit` for names that are known to be clean, the reserved one among them."""
    submission = store.receive(team, network, store.keep(data))
    entry = store.result(submission)
    if entry is None:
        store.settle(submission, _outcome(labels, data))
        entry = store.result(submission)
    if entry is None:
        raise ChallengeError(f"Submission {submission} was scored, but its score is not stored.")
    return entry


def finish_interrupted(store: Store, labels: NDArray[np.int8]) -> list[str]:
    """Score what was received but not scored, as after a kill.

    Returns
    -------
    list of str
        A sentence for each submission whose file is gone; sending the file again mends it.
    """
    complaints = []
    for submission, sha256 in store.unsettled():
        try:
            store.settle(submission, _outcome(labels, store.content(sha256)))
        except ChallengeError as error:
            complaints.append(f"Submission {submission} waits for its file: {error}")
    return complaints


def _outcome(labels: NDArray[np.int8], data: bytes) -> Scorecard | SubmissionError:
    try:
        return score(labels, read_scores(data, len(labels)))
    except SubmissionError as refusal:
        return refusal
