"""The order of the leaderboard.

Exact values decide, never the digits that are shown: AUC first, then background rejection at 50 %
signal efficiency, then the earlier receipt, then the number of the submission.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from challenge.scoring import Scorecard

__all__ = ["Entry", "best_of_each_network", "ranked"]


@dataclass(frozen=True)
class Entry:
    """One scored submission: who sent which file when (UTC), and how good it is."""

    id: int
    team: str
    network: str
    sha256: str
    received_at: datetime
    card: Scorecard


def ranked(entries: Iterable[Entry]) -> list[Entry]:
    """Entries from best to worst; no two can swap places between two calls."""
    return sorted(entries, key=_standing)


def best_of_each_network(entries: Iterable[Entry]) -> list[Entry]:
    """The best entry of each network of each team, from best to worst."""
    best: dict[tuple[str, str], Entry] = {}
    for entry in ranked(entries):
        best.setdefault((entry.team, entry.network), entry)
    return list(best.values())


def _standing(entry: Entry) -> tuple[float, bool, float, datetime, int]:
    r50 = entry.card.r50
    # A limit means that less background survived than any measured rejection had.
    return -entry.card.auc.value, not r50.is_limit, -r50.value, entry.received_at, entry.id
