"""What the leaderboard of a challenge shows now, from what its folder holds."""

from datetime import datetime

from challenge.board.build import PUBLISHED, Evidence, Occasion, build_standings
from challenge.board.standings import Standings
from challenge.intake import stand_ins
from challenge.store import TEST_JETS, Challenge, Phase, Split, phase

__all__ = ["current_standings"]


def current_standings(challenge: Challenge) -> Standings:
    """What the leaderboard shows now: the public split, or the private one after the reveal."""
    now, truth = phase(challenge), challenge.truth
    split = Split.PRIVATE if now is Phase.REVEALED else Split.PUBLIC
    columns = challenge.columns() if now is Phase.REVEALED else {}
    scored = challenge.store.scored()
    return build_standings(
        Occasion(
            challenge.name,
            now,
            challenge.store.now(),
            opens=challenge.rules.opens,
            closes=_closing_time(challenge, now),
        ),
        scored,
        Evidence(
            truth.labels_of(split),
            lambda sha256: challenge.scores_of(sha256, split),
            challenge.cache,
            **{name: column[truth.jets_of(split)] for name, column in columns.items()},
        ),
        # Labels from anywhere may be those of any problem.
        references=PUBLISHED if (challenge.folder / TEST_JETS).is_file() else (),
        stand_ins=stand_ins(challenge, scored),
    )


def _closing_time(challenge: Challenge, now: Phase) -> datetime | None:
    """When it will close, or did: by hand or by the rules, whatever came first."""
    ends = [challenge.rules.closes]
    if now is not Phase.LIVE:
        ends.append(challenge.store.progress().closed)
    return min((each for each in ends if each is not None), default=None)
