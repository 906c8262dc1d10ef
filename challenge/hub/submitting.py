"""A file that comes in over the web: the same steps, refusals and words as the command's."""

from datetime import datetime

from fastapi import Request
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from challenge.errors import SubmissionError
from challenge.hub.answers import refused
from challenge.hub.people.person import Person
from challenge.intake import (
    Quota,
    Receipt,
    history,
    quota_left,
    receipt_lines,
    shown_text,
    submit,
)
from challenge.store import Challenge, Record
from challenge.words import team_key

__all__ = ["Submitted", "Told", "hand_in", "told_to"]


class Submitted(BaseModel):
    """The receipt of a file.

    ``auc`` and ``auc_error`` are null if the score is withheld; ``lines`` are the sentences that
    the command prints, and ``again`` says that the same file was there already.
    """

    team: str
    network: str
    by: str
    receipt: str
    sha256: str
    received_at: datetime
    state: str
    lines: list[str]
    auc: float | None
    auc_error: float | None
    left: int
    returns_at: datetime | None
    again: bool


class Told(BaseModel):
    """One of a team's submissions, and what the team was told about it."""

    network: str
    receipt: str
    sha256: str
    received_at: datetime
    state: str
    is_pick: bool
    line: str
    auc: float | None
    auc_error: float | None


async def hand_in(request: Request, person: Person, network: str, data: bytes) -> Submitted:
    """Score a file for the team of a person.

    Raises
    ------
    Denied
        With reason and sentence of the refusal, if it is refused.
    """
    challenge: Challenge = request.app.state.challenge
    async with request.app.state.cores:
        return await run_in_threadpool(_score, challenge, person, network, data)


def _score(challenge: Challenge, person: Person, network: str, data: bytes) -> Submitted:
    begun = challenge.store.now()
    try:
        receipt = submit(challenge, data, team=person.team, network=network)
    except SubmissionError as refusal:
        quota = quota_left(challenge, person.team) if refusal.reason == "quota" else None
        raise refused(refusal, now=begun, returns_at=quota and quota.returns_at) from None
    auc, error = _own_auc(receipt)
    return Submitted(
        team=receipt.team,
        network=receipt.network,
        by=person.name,
        receipt=receipt.sha256[:12],
        sha256=receipt.sha256,
        received_at=receipt.received_at,
        state="SCORED",
        lines=receipt_lines(receipt),
        auc=auc,
        auc_error=error,
        left=receipt.quota.left,
        returns_at=receipt.quota.returns_at,
        again=receipt.received_at < begun,
    )


def told_to(challenge: Challenge, team: str) -> tuple[Quota, list[Told]]:
    """The quota of a team, and each of its submissions; nothing yet of a team that is new."""
    quota = quota_left(challenge, team)
    if team_key(team) not in challenge.store.team_names():
        return quota, []
    return quota, [_told(*each) for each in history(challenge, team)]


def _told(record: Record, answer: Receipt | Exception) -> Told:
    auc, error = _own_auc(answer) if isinstance(answer, Receipt) else (None, None)
    return Told(
        network=record.network,
        receipt=record.sha256[:12],
        sha256=record.sha256,
        received_at=record.received_at,
        state=record.state,
        is_pick=record.is_pick,
        line=shown_text(record, answer),
        auc=auc,
        auc_error=error,
    )


def _own_auc(receipt: Receipt) -> tuple[float | None, float | None]:
    """The AUC of this very file and its error, unless the leak budget withholds them."""
    if not receipt.is_best or receipt.stand_in is not None:
        return None, None
    return receipt.card.auc.value, receipt.card.auc.error
