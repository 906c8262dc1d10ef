"""The instructor's pages: how the challenge stands, what can be done now, teams, marks, audit."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from challenge.board import LookAlike, grades, look_alikes, marks
from challenge.errors import ChallengeError
from challenge.hub.answers import Denied
from challenge.hub.pages.instructor_actions import ACTIONS, Action, act
from challenge.hub.pages.rendering import page
from challenge.hub.pages.situation import Decision, Situation, decisions, situation_of
from challenge.hub.pages.team_page import team_view
from challenge.hub.pages.wishes import Wish, wish_of
from challenge.hub.people.rights import Manager, Person
from challenge.intake import Entrant, Invitation, invitations, roster
from challenge.store import Audit, Challenge, Phase, audit_log
from challenge.words import BASELINE_TEAM

__all__ = ["InstructorView", "instructor_view", "router"]

router = APIRouter(prefix="/instructor", include_in_schema=False)
_WHOLE_CHALLENGE: Final = ("pause", "resume", "close", "reveal")


@dataclass(frozen=True)
class InstructorView:
    """What the page shows.

    Attributes
    ----------
    situation : Situation
    offered : tuple of (str, Action)
        What can be done now for the challenge, by the name of its page.
    missing : tuple of (str, str)
        Titles of what cannot, and why.
    corrects : bool
        Whether teams can still be extended, and files withdrawn.
    warning : str
        About baselines; empty if all is well.
    teams : tuple of Entrant
        Without the challenge's own.
    invitations : tuple of Invitation
        All, also those that were revoked.
    log : tuple of Decision
        The last decisions, the latest first.
    """

    situation: Situation
    offered: tuple[tuple[str, Action], ...]
    missing: tuple[tuple[str, str], ...]
    corrects: bool
    warning: str
    teams: tuple[Entrant, ...]
    invitations: tuple[Invitation, ...]
    log: tuple[Decision, ...]


def instructor_view(challenge: Challenge) -> InstructorView:
    """The page as the challenge stands."""
    stands = situation_of(challenge)
    why_not = {name: ACTIONS[name].missing(stands) for name in _WHOLE_CHALLENGE}
    revealed = stands.phase is Phase.REVEALED
    if not revealed:
        why_not["marks"] = "They come from the private jets: reveal the ranks first."
    missing: dict[str, list[str]] = defaultdict(list)
    for name, why in why_not.items():
        if why is not None:
            missing[why].append(ACTIONS[name].title if name in ACTIONS else "Marks")
    return InstructorView(
        situation=stands,
        offered=tuple((name, ACTIONS[name]) for name in _WHOLE_CHALLENGE if why_not[name] is None),
        missing=tuple((", ".join(titles), why) for why, titles in missing.items()),
        corrects=not revealed,
        warning=_about_baselines(challenge, stands),
        teams=tuple(each for each in roster(challenge) if each.name != BASELINE_TEAM),
        invitations=tuple(invitations(challenge)),
        log=tuple(decisions(challenge)),
    )


def _about_baselines(challenge: Challenge, stands: Situation) -> str:
    if stands.phase is Phase.REVEALED:
        return marks.no_baselines(challenge) or ""
    if stands.lacks_baselines:
        return (
            "There are no baselines yet, so no team could earn a point for beating one. Before "
            "you reveal, run: python -m challenge baselines DIR"
        )
    return ""


# --- routes ----------------------------------------------------------------------------------


@router.get("")
async def instructor_page(request: Request, person: Manager, done: bool = False) -> Response:
    """The page; ``done`` after an action, whose line in the log then stands at its top."""
    view = await run_in_threadpool(instructor_view, request.app.state.challenge)
    return page(request, "instructor.html", person, view=view, done=done)


@router.get("/team")
async def one_team(request: Request, person: Manager, name: str, done: bool = False) -> Response:
    """Everything a team handed in, with what it was told, and what can be put right."""
    challenge = request.app.state.challenge
    try:
        team = await run_in_threadpool(challenge.store.require_team, name)
    except ChallengeError as error:
        raise Denied(404, "team", str(error)) from None
    view = await run_in_threadpool(team_view, challenge, team)
    log = await run_in_threadpool(decisions, challenge, most=1)
    return page(request, "instructor_team.html", person, view=view, done=done, log=log)


@router.get("/marks.csv")
async def marks_file(request: Request, _person: Manager) -> Response:
    """Marks in the columns of nbgrader's gradebook, one line for each team."""
    try:
        text = await run_in_threadpool(grades, request.app.state.challenge)
    except ChallengeError as error:
        raise Denied(409, "not-revealed", str(error)) from None
    return Response(
        text,
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="marks.csv"'},
    )


@router.get("/audit")
async def audit_page(request: Request, person: Manager, noted: str = "") -> Response:
    """Whether the log is whole and the rows agree with it."""
    challenge = request.app.state.challenge
    found, log = await run_in_threadpool(_audited, challenge, noted.strip().lower())
    return page(request, "audit.html", person, audit=found, log=log, noted=noted)


@router.get("/alike")
async def alike_page(request: Request, person: Manager) -> Response:
    """Teams whose files are alike: for the instructor to ask about."""
    pairs = await run_in_threadpool(_alike, request.app.state.challenge)
    return page(request, "alike.html", person, pairs=pairs)


@router.get("/{action}")
async def question(request: Request, person: Manager, action: str) -> Response:
    """Ask once: a page that says what an action does."""
    return await _asked(request, person, action, dict(request.query_params))


@router.post("/{action}")
async def answer(request: Request, person: Manager, action: str) -> Response:
    """Do what was asked and confirmed; the answer leads back to the page it came from."""
    form = {name: each for name, each in (await request.form()).items() if isinstance(each, str)}
    if form.get("confirmed") != "yes":
        return await _asked(request, person, action, form)
    challenge, known = request.app.state.challenge, _action(action)
    try:
        wish = await run_in_threadpool(wish_of, challenge, form)
        await run_in_threadpool(act, challenge, known, wish)
    except ChallengeError as error:
        return _problem(request, person, known, str(error))
    request.app.state.drawings.renew()
    back = request.app.state.site.prefix + "instructor"
    if wish.team:
        query = urlencode({"name": wish.team, "done": "true"})
        return RedirectResponse(f"{back}/team?{query}", 303)
    return RedirectResponse(f"{back}?done=true", 303)


async def _asked(request: Request, person: Person, name: str, form: dict[str, str]) -> Response:
    action, challenge = _action(name), request.app.state.challenge
    try:
        wish, effects = await run_in_threadpool(_effects, challenge, action, form)
    except ChallengeError as error:
        return _problem(request, person, action, str(error))
    return page(
        request, "question.html", person, name=name, action=action, wish=wish, effects=effects
    )


def _effects(challenge: Challenge, action: Action, form: dict[str, str]) -> tuple[Wish, list[str]]:
    stands = situation_of(challenge)
    why_not = action.missing(stands)
    if why_not is not None:
        raise ChallengeError(why_not)
    wish = wish_of(challenge, form)
    if action.of_team and not wish.team:
        raise ChallengeError("Which team? Start from its page.")
    return wish, action.effects(stands, wish)


def _problem(request: Request, person: Person, action: Action, sentence: str) -> Response:
    heading = f"{action.title}: not now"
    return page(
        request,
        "problem.html",
        person,
        status=409,
        heading=heading,
        sentence=sentence,
        back="instructor",
    )


def _action(name: str) -> Action:
    if name not in ACTIONS:
        raise Denied(404, "page", "There is no such page: go back to the instructor's page.")
    return ACTIONS[name]


def _audited(challenge: Challenge, noted: str) -> tuple[Audit, list[Decision]]:
    return audit_log(challenge.store, noted=noted or None), decisions(challenge, most=100)


def _alike(challenge: Challenge) -> list[LookAlike]:
    return look_alikes(challenge.store.scored(), challenge.scores_of)
