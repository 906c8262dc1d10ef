"""Rows of the tables to records and back, and the rows that a name or a network leads to."""

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload, selectinload

from challenge.errors import ChallengeError, SubmissionError
from challenge.scoring import Scorecard
from challenge.store.records import Record, Split, State, Verdict
from challenge.store.tables import COPIES, FormerName, Network, Pick, Score, Submission, Team
from challenge.words import printable

__all__ = [
    "best_id",
    "id_of_team",
    "note_refusal",
    "note_verdict",
    "record_of",
    "records_in",
    "scored_detail",
    "submissions_by",
    "submissions_of",
    "team_called",
]


def id_of_team(key: str) -> Select[tuple[int]]:
    """Asks for the number of the team that a key leads to: that of its name, or of a former one."""
    former = select(FormerName.team_id).where(FormerName.key == key)
    return select(Team.id).where((Team.key == key) | Team.id.in_(former))


def team_called(session: Session, key: str) -> Team | None:
    """The team that the key of a name leads to."""
    number = session.scalar(id_of_team(key))
    return None if number is None else session.get(Team, number)


def submissions_by(team: Team) -> Select[tuple[Submission]]:
    """Asks for the submissions of a team in their order, without copies."""
    return (
        select(Submission)
        .join(Network)
        .where(Network.team_id == team.id, ~Network.key.contains(COPIES))
        .order_by(Submission.id)
    )


def submissions_of(session: Session, team: Team, receipt: str) -> list[Submission]:
    """One scored submission, or one of each network that was given the same file; no copies.

    Raises
    ------
    ChallengeError
        If no file of the team has such a receipt, or several have.
    """
    digits = receipt.lower()
    if len(digits) < 8 or set(digits) - set("0123456789abcdef"):
        raise ChallengeError(
            f"Expected at least 8 digits of a receipt; got {printable(receipt)!r}."
        )
    fitting = session.scalars(
        submissions_by(team).where(
            Submission.state == State.SCORED, Submission.sha256.startswith(digits)
        )
    ).all()
    files = {each.sha256 for each in fitting}
    if len(files) != 1:
        number = "No scored submission" if not files else "More than one file"
        raise ChallengeError(f"{number} of {team.name} has a receipt that starts with {digits}.")
    return list(fitting)


def scored_detail(submission: int, verdict: Verdict) -> dict[str, object]:
    """A result, as the log keeps it."""
    cards = {Split.PUBLIC: verdict.public, Split.PRIVATE: verdict.private}
    numbers = {
        split.value: [card.auc.value, card.auc.error, card.r50.value, card.r30.value]
        for split, card in cards.items()
    }
    return {"submission": submission, "best": verdict.is_best, **numbers}


def best_id(session: Session, network: int) -> int | None:
    """The latest step of a network's Ladder that was not withdrawn."""
    return session.scalar(
        select(Submission.id)
        .where(Submission.network_id == network, Submission.is_best, Submission.withdrawn.is_(None))
        .join(Score)
        .where(Score.split == Split.PUBLIC)
        .order_by(Score.__table__.c.auc_value.desc(), Submission.id)
        .limit(1)
    )


def note_refusal(row: Submission, refusal: SubmissionError) -> None:
    """Mark a submission as refused."""
    row.state, row.reason, row.sentence = State.REJECTED, refusal.reason, refusal.sentence


def note_verdict(session: Session, row: Submission, verdict: Verdict) -> None:
    """Mark a submission as scored, with both scorecards."""
    row.state, row.is_best = State.SCORED, verdict.is_best
    row.compared_with = verdict.compared_with
    for split, card in ((Split.PUBLIC, verdict.public), (Split.PRIVATE, verdict.private)):
        session.add(
            Score(submission_id=row.id, split=split, auc=card.auc, r50=card.r50, r30=card.r30)
        )


def records_in(session: Session, *conditions: object) -> list[Record]:
    """Submissions in the order of their numbers, all or those that meet some conditions."""
    rows = session.scalars(
        select(Submission)
        .where(*conditions)
        .order_by(Submission.id)
        .options(
            selectinload(Submission.scores),
            joinedload(Submission.network).joinedload(Network.team),
        )
    ).all()
    picks = set(session.scalars(select(Pick.submission_id)))
    return [record_of(row, is_pick=row.id in picks) for row in rows]


def record_of(row: Submission, *, is_pick: bool) -> Record:
    """A submission as others see it; its scores, network and team are loaded.

    Raises
    ------
    ChallengeError
        If its row says that it is scored and a scorecard is not there.
    """
    verdict = None
    if row.state is State.SCORED:
        cards = {each.split: Scorecard(each.auc, each.r50, each.r30) for each in row.scores}
        if set(cards) != set(Split):
            raise ChallengeError(f"Submission {row.id} is marked as scored but has no score.")
        verdict = Verdict(cards[Split.PUBLIC], cards[Split.PRIVATE], row.is_best, row.compared_with)
    return Record(
        id=row.id,
        team=row.network.team.name,
        network=row.network.name,
        sha256=row.sha256,
        received_at=row.received_at,
        state=row.state,
        verdict=verdict,
        reason=row.reason,
        sentence=row.sentence,
        is_pick=is_pick and not row.network.has_copies,
        withdrawn=row.withdrawn,
        is_copy=row.network.has_copies,
    )
