"""What the leaderboard of a challenge shows now, from what its folder holds."""

from dataclasses import replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from challenge.board.alike import LookAlike, look_alikes
from challenge.board.build import PUBLISHED, Evidence, Occasion, build_standings
from challenge.board.entries import entries
from challenge.board.standings import Standings
from challenge.intake import stand_ins
from challenge.scoring import CACHE, Entry, read_scores
from challenge.store import TEST_JETS, Contest, Phase, State, phase
from challenge.store.tables import Submission

__all__ = ["alike", "current_standings"]


def current_standings(contest: Contest) -> Standings:
    """What the leaderboard shows now: the public split, or the private one after the reveal."""
    challenge, store, truth = contest.challenge, contest.store, contest.truth
    now = phase(store, contest.rules)
    shown = truth.is_private if now is Phase.REVEALED else truth.is_public

    def scores_of(sha256: str) -> NDArray[np.float64]:
        return read_scores(store.content(sha256), challenge.n_jets)[shown]

    live = _with_stand_ins(contest, entries(store))
    columns = challenge.columns() if now is Phase.REVEALED else {}
    return build_standings(
        Occasion(
            challenge.name,
            now,
            store.now(),
            opens=contest.rules.opens,
            closes=_closing_time(contest, now),
        ),
        entries(store, private=True) if now is Phase.REVEALED else live,
        Evidence(
            truth.labels[shown],
            scores_of,
            challenge.folder / CACHE,
            **{name: column[shown] for name, column in columns.items()},
        ),
        # Labels from anywhere may be those of any problem.
        references=PUBLISHED if (challenge.folder / TEST_JETS).is_file() else (),
        before=live,
    )


def _closing_time(contest: Contest, now: Phase) -> datetime | None:
    """When it will close, or did: by hand or by the rules, whatever came first."""
    ends = [contest.rules.closes]
    if now is not Phase.LIVE:
        ends.append(contest.store.progress().closed)
    return min((each for each in ends if each is not None), default=None)


def _with_stand_ins(contest: Contest, of: list[Entry]) -> list[Entry]:
    scored = contest.store.records(Submission.state == State.SCORED)
    by_number = {each.id: each for each in of}
    stands_for = {
        number: by_number[other.id]
        for number, other in stand_ins(contest, scored).items()
        if number in by_number and other.id in by_number  # one may have come in between
    }
    return [replace(each, stands_for=stands_for.get(each.id)) for each in of]


def alike(contest: Contest) -> list[LookAlike]:
    """Entries of different teams that are the same file, or on the board and order jets alike."""
    return look_alikes(
        entries(contest.store),
        lambda sha256: read_scores(contest.store.content(sha256), contest.challenge.n_jets),
    )
