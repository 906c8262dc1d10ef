"""Scored submissions, as `challenge.scoring.ranking` orders them."""

from challenge.scoring import Entry
from challenge.store import Record, State, Store
from challenge.store.tables import Submission
from challenge.words import BASELINE_TEAM

__all__ = ["entries"]


def entries(store: Store, *, private: bool = False) -> list[Entry]:
    """Every scored submission, in the order of receipt.

    Parameters
    ----------
    store : Store
    private : bool
        With the private scorecards, after the reveal. Then a network that has a final choice
        stands for that one, whatever the Ladder took.
    """
    scored = store.records(Submission.state == State.SCORED)
    chosen = {(each.team, each.network) for each in scored if each.is_pick} if private else set()
    return [_entry(each, private, (each.team, each.network) in chosen) for each in scored]


def _entry(record: Record, private: bool, has_pick: bool) -> Entry:
    verdict = record.verdict
    return Entry(
        id=record.id,
        team=record.team,
        network=record.network,
        sha256=record.sha256,
        received_at=record.received_at,
        card=verdict.public,
        private=verdict.private if private else None,
        accepted=record.is_pick if has_pick else verdict.is_best,
        is_baseline=record.team == BASELINE_TEAM,
    )
