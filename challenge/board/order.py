"""The order of the board: which submission stands for a network, and who comes before whom.

Exact values decide, never the digits that are shown: AUC first, then background rejection at 50 %
signal efficiency, then the earlier receipt, then the number of the submission.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from challenge.scoring import Scorecard
from challenge.store import Record

__all__ = ["final_order", "live_order", "one_of_each_network"]

_NOBODY: Final = MappingProxyType[int, Record]({})

Place = tuple[float, bool, float, datetime, int]


def one_of_each_network(scored: Iterable[Record], *, final: bool = False) -> list[Record]:
    """The submission that stands for each network of each team, the best on the public split first.

    Parameters
    ----------
    scored : iterable of Record
        Every scored submission; those that were withdrawn stand for nothing.
    final : bool
        Where a team chose a network's final submission, that one stands, whatever the Ladder took.
    """
    records = [each for each in scored if each.may_stand]
    chosen = {(each.team, each.network) for each in records if each.is_pick} if final else set()
    may_stand = (
        each
        for each in records
        if (each.is_pick if (each.team, each.network) in chosen else each.verdict.is_best)
    )
    best: dict[tuple[str, str], Record] = {}
    for each in sorted(may_stand, key=_on_public):
        best.setdefault((each.team, each.network), each)
    return list(best.values())


def live_order(scored: Iterable[Record], stand_ins: Mapping[int, Record] = _NOBODY) -> list[Record]:
    """One submission of each network, as a live board may order them; never two orders.

    Parameters
    ----------
    scored : iterable of Record
    stand_ins : mapping of int to Record
        Maps a number to the submission whose score and place are shown for it (see
        `challenge.intake.stand_ins`). All that share one are in the order of receipt.
    """

    def place(record: Record) -> tuple[float | datetime, ...]:
        shown = stand_ins.get(record.id, record)
        return *_on_public(shown), record.received_at, record.id

    return sorted(one_of_each_network(scored), key=place)


def final_order(scored: Iterable[Record]) -> list[Record]:
    """The final submission of each network, the best on the private split first."""
    return sorted(one_of_each_network(scored, final=True), key=_on_private)


def _on_public(record: Record) -> Place:
    return _place(record.verdict.public, record)


def _on_private(record: Record) -> Place:
    return _place(record.verdict.private, record)


def _place(card: Scorecard, record: Record) -> Place:
    # A limit means that less background survived than any measured rejection had.
    return -card.auc.value, not card.r50.is_limit, -card.r50.value, record.received_at, record.id
