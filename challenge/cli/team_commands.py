"""The commands about one team: what each prints.

Every function takes the parsed arguments and returns the exit status.
"""

import argparse
import sys

from challenge.cli.output import ACCEPTED, say
from challenge.errors import ChallengeError, SubmissionError
from challenge.intake import (
    clean_team,
    history,
    left_text,
    quota_left,
    roster,
    roster_text,
    shown_text,
)
from challenge.intake import merge as merge_teams
from challenge.intake import rename as rename_team
from challenge.intake import withdraw as withdraw_files
from challenge.store import Challenge, lifecycle
from challenge.words import nearest, require_typable, team_key, time_text

__all__ = ["extend", "merge", "pick", "rename", "require_team", "show", "teams", "withdraw"]


def require_team(challenge: Challenge, team: str, *, may_be_new: bool) -> None:
    """Refuse a team that is not there yet, unless it may be new or a person says so.

    Raises
    ------
    SubmissionError
        With reason ``unknown-team``, or ``team-name`` where no team may have this name.
    """
    name, names = clean_team(team), challenge.store.team_names()
    if team_key(name) in names:
        return
    require_typable(name)
    if may_be_new:
        return
    alike = ", ".join(nearest(name, names.values()))
    known = f"nearest: {alike}" if alike else "no name is like it"
    if _a_person_agrees(f"There is no team {name!r} yet ({known}). Make it? [y/N] "):
        return
    raise SubmissionError(
        "unknown-team",
        f"There is no team {name!r} yet ({known}): check the name, or add --new-team.",
    )


def _a_person_agrees(question: str) -> bool:
    """Whether somebody at a terminal answers yes; nobody is asked where none sits."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().casefold() in ("y", "yes")


def teams(args: argparse.Namespace) -> int:
    """List the teams."""
    for entrant in roster(Challenge.open(args.dir)):
        say(roster_text(entrant))
    return ACCEPTED


def show(args: argparse.Namespace) -> int:
    """Print the submissions of one team."""
    challenge = Challenge.open(args.dir)
    for record, answer in history(challenge, args.team):
        say(shown_text(record, answer))
    say(left_text(quota_left(challenge, args.team)))
    return ACCEPTED


def extend(args: argparse.Namespace) -> int:
    """Give a team more time or tries."""
    if args.until is None and args.per_day is None:
        raise ChallengeError("Expected --until TIME, --per-day N, or both.")
    lifecycle.extend(Challenge.open(args.dir), args.team, until=args.until, per_day=args.per_day)
    given = [f"until {time_text(args.until)}"] if args.until is not None else []
    given += [f"{args.per_day} submissions in 24 hours"] if args.per_day is not None else []
    say(f"extended {args.team}: {', '.join(given)}.")
    return ACCEPTED


def pick(args: argparse.Namespace) -> int:
    """Choose final submissions."""
    networks = lifecycle.pick(Challenge.open(args.dir), args.team, args.receipts)
    say(f"picked for {args.team}: {', '.join(networks)}.")
    return ACCEPTED


def withdraw(args: argparse.Namespace) -> int:
    """Take submissions off the board, or put them back."""
    if bool(args.receipts) == args.all:
        raise ChallengeError("Expected one RECEIPT or more, or --all.")
    challenge = Challenge.open(args.dir)
    receipts = None if args.all else args.receipts
    changed = withdraw_files(challenge, args.team, receipts, undo=args.undo)
    for number in changed:
        record = challenge.store.record(number)
        did = "restored" if args.undo else "withdrawn"
        say(f"{did} {record.team} / {record.network} (receipt {record.sha256[:12]}).")
    if not changed:
        say(f"nothing to {'restore' if args.undo else 'withdraw'}.")
    return ACCEPTED


def rename(args: argparse.Namespace) -> int:
    """Give a team another name."""
    name = rename_team(Challenge.open(args.dir), args.team, args.name)
    say(f"renamed {args.team}: now {name}; the old name still leads to it.")
    return ACCEPTED


def merge(args: argparse.Namespace) -> int:
    """Make one team of two."""
    name = merge_teams(Challenge.open(args.dir), args.team, args.into)
    say(f"merged {args.team} into {name}: its name leads there, its submissions count there.")
    return ACCEPTED
