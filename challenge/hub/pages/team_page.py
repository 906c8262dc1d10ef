"""A team's page: its files with their results, its quota, and the form to hand in the next.

It shows the same receipts as the command ``show``, and nothing finer: what the Ladder did not take
has no score here either.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath
from typing import Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from challenge.board import one_of_each_network
from challenge.errors import ChallengeError, SubmissionError
from challenge.hub.answers import Denied
from challenge.hub.metering.bodies import LARGEST, too_large
from challenge.hub.pages.rendering import page
from challenge.hub.pages.situation import Situation, situation_of
from challenge.hub.people.rights import Person, Reader, Submitter
from challenge.hub.submitting import hand_in
from challenge.intake import (
    Quota,
    Receipt,
    history,
    not_now,
    quota_left,
    with_hints,
)
from challenge.scoring import auc_text
from challenge.store import Challenge, Phase, Record, State, lifecycle
from challenge.store.rows import team_called
from challenge.words import team_key

__all__ = ["Line", "TeamView", "router", "team_view"]

_DIGITS: Final = 12  # of the SHA-256 that names a file
_NO_FILE: Final = Denied(422, "no-file", "Choose a file first: the .npy file of your scores.")
router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Line:
    """A file that a team handed in, as the team may see it.

    Attributes
    ----------
    record : Record
    state : str
        ``scored``, ``not better``, ``refused``, ``withdrawn``, ``sent twice`` or ``waiting``.
    auc : str
        With its error; empty where the team was shown no score.
    sentence : str
        The sentence on its receipt.
    stands : bool
        Whether it is the file that stands for its network on the board.
    may_be_final : bool
        Whether the team may choose it now.
    """

    record: Record
    state: str
    auc: str
    sentence: str
    stands: bool
    may_be_final: bool

    @property
    def receipt(self) -> str:
        """The digits that name the file."""
        return self.record.sha256[:_DIGITS]


@dataclass(frozen=True)
class TeamView:
    """What a team's page shows.

    Attributes
    ----------
    team : str
    situation : Situation
    closes : datetime or None
        UTC: when the team may hand in last; None if nobody has said.
    extended : bool
        Whether that time is the team's own.
    quota : Quota
    refusal : SubmissionError or None
        Why no file would be accepted now.
    lines : tuple of Line
        The latest first.
    networks : tuple of str
        Names that the team has used for files that were scored.
    """

    team: str
    situation: Situation
    closes: datetime | None
    extended: bool
    quota: Quota
    refusal: SubmissionError | None
    lines: tuple[Line, ...]
    networks: tuple[str, ...]


def team_view(challenge: Challenge, team: str) -> TeamView:
    """The page of a team, which need not have handed in anything yet."""
    names = challenge.store.team_names()
    known = names.get(team_key(team))
    told = [] if known is None else history(challenge, known)
    stands = situation_of(challenge)
    on_board = {each.id for each in one_of_each_network(record for record, _ in told)}
    lines = [_line(*each, on_board, stands.phase is Phase.LIVE) for each in told]
    own = None if known is None else _own_closing_time(challenge, known)
    ends = [each for each in (stands.progress.closed, stands.rules.closes) if each is not None]
    usual = min(ends, default=None)
    extended = own is not None and usual is not None and own > usual
    networks = {each.record.network for each in lines if each.record.state is not State.REJECTED}
    return TeamView(
        team=team if known is None else known,
        situation=stands,
        closes=own if extended else usual,
        extended=extended,
        quota=quota_left(challenge, team),
        refusal=not_now(challenge, team),
        lines=tuple(lines[::-1]),
        networks=tuple(sorted(networks)),
    )


def _line(
    record: Record, answer: Receipt | Exception, on_board: set[int], may_choose: bool
) -> Line:
    state, auc, sentence = "waiting", "", str(answer)
    if isinstance(answer, Receipt):
        state = "scored" if answer.is_best else "not better"
        own = answer.is_best and answer.stand_in is None
        auc = auc_text(answer.card.auc) if own else ""
        sentence = answer.sentence
    elif isinstance(answer, SubmissionError):
        words = {"withdrawn": "withdrawn", "copy": "sent twice"}
        state, sentence = words.get(answer.reason, "refused"), answer.sentence
    return Line(
        record,
        state,
        auc,
        sentence,
        record.id in on_board,
        may_choose and record.may_stand and not record.is_pick,
    )


def _own_closing_time(challenge: Challenge, team: str) -> datetime | None:
    with challenge.store.reading() as session:
        found = team_called(session, team_key(team))
        return None if found is None else found.closes


# --- routes ----------------------------------------------------------------------------------


@router.get("/team")
async def team_page(
    request: Request, person: Reader, answer: str = "", network: str = ""
) -> Response:
    """The page; the receipt ``answer`` of a file for a network stands at its top."""
    if person.team is None:
        return page(request, "no_team.html", person)
    challenge, receipt = request.app.state.challenge, None
    if answer:
        receipt = await run_in_threadpool(_receipt, challenge, person.team, network, answer)
    return await _shown(request, person, receipt=receipt)


@router.post("/team/submissions")
async def handed_in(request: Request, person: Submitter) -> Response:
    """Hand in a file; a refusal is shown above the form, with the sentence of the command."""
    form = await request.form()  # not a parameter: it is read once it is known who sends it
    file, network = form.get("file"), str(form.get("network") or "").strip()
    if not isinstance(file, UploadFile) or not file.filename:
        return await _shown(request, person, refusal=_NO_FILE, network=network)
    try:
        data = await file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise too_large()
        told = await hand_in(request, person, network or PurePath(file.filename).stem, data)
    except Denied as refusal:
        return await _shown(request, person, refusal=refusal, network=network)
    request.app.state.drawings.renew()
    query = urlencode({"answer": told.receipt, "network": told.network})
    return RedirectResponse(f"{request.app.state.site.prefix}team?{query}", 303)


@router.post("/team/pick")
async def picked(request: Request, person: Submitter) -> Response:
    """Choose a final file; choosing it twice changes nothing."""
    receipt = str((await request.form()).get("receipt") or "")
    try:
        await run_in_threadpool(_pick, request.app.state.challenge, person.team, receipt)
    except ChallengeError as error:
        return await _shown(request, person, refusal=Denied(409, "pick", str(error)))
    return RedirectResponse(f"{request.app.state.site.prefix}team#files", 303)


def _pick(challenge: Challenge, team: str, receipt: str) -> None:
    chosen = [each for each in challenge.store.of_team(team) if each.is_pick]
    if not any(receipt and each.sha256.startswith(receipt.lower()) for each in chosen):
        lifecycle.pick(challenge, team, [receipt])


def _receipt(challenge: Challenge, team: str, network: str, digits: str) -> Receipt | None:
    """The receipt of one of the team's own files, with its hints."""
    if team_key(team) not in challenge.store.team_names():
        return None
    for record, answer in history(challenge, team):
        is_meant = record.sha256.startswith(digits) and record.network == network
        if is_meant and isinstance(answer, Receipt):
            return with_hints(challenge, answer, challenge.scores_of(record.sha256))
    return None


async def _shown(
    request: Request,
    person: Person,
    *,
    receipt: Receipt | None = None,
    refusal: Denied | None = None,
    network: str = "",
) -> Response:
    view = await run_in_threadpool(team_view, request.app.state.challenge, person.team)
    return page(
        request,
        "team.html",
        person,
        status=200 if refusal is None else refusal.status_code,
        headers=None if refusal is None else refusal.headers,
        view=view,
        receipt=receipt,
        refusal=refusal,
        network=network,
    )
