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
from challenge.store import Challenge, Record, lifecycle
from challenge.words import name_key, nearest, require_typable, team_key, time_text

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
    challenge = Challenge.open(args.dir)
    lifecycle.extend(challenge, args.team, until=args.until, per_day=args.per_day)
    given = [f"until {time_text(args.until)}"] if args.until is not None else []
    given += [f"{args.per_day} submissions in 24 hours"] if args.per_day is not None else []
    say(f"extended {challenge.store.require_team(args.team)}: {', '.join(given)}.")
    return ACCEPTED


def pick(args: argparse.Namespace) -> int:
    """Choose final submissions."""
    challenge = Challenge.open(args.dir)
    networks = lifecycle.pick(challenge, args.team, args.receipts)
    say(f"picked for {challenge.store.require_team(args.team)}: {', '.join(networks)}.")
    return ACCEPTED


def withdraw(args: argparse.Namespace) -> int:
    """Take submissions off the board, or put them back."""
    if bool(args.receipts) == args.all:
        raise ChallengeError("Expected one RECEIPT or more, or --all.")
    challenge = Challenge.open(args.dir)
    receipts = None if args.all else args.receipts
    changed = withdraw_files(challenge, args.team, receipts, undo=args.undo)
    for number in changed:
        say(f"{'restored' if args.undo else 'withdrawn'} {_entry(challenge.store.record(number))}.")
    if not changed:
        say(f"nothing to {'restore' if args.undo else 'withdraw'}.")
    if args.all and args.undo:
        for each in challenge.store.of_team(args.team):
            if each.withdrawn and not each.is_copy:
                say(f"still withdrawn, for itself: {_entry(each)}.")
    return ACCEPTED


def rename(args: argparse.Namespace) -> int:
    """Give a team another name."""
    challenge = Challenge.open(args.dir)
    before = challenge.store.require_team(args.team)
    name = rename_team(challenge, before, args.name)
    if name == before:
        say(f"{name} is its name already.")
    elif name_key(name) == name_key(before):
        say(f"renamed {before}: now {name}.")
    else:
        say(f"renamed {before}: now {name}; the old name still leads to it.")
    return ACCEPTED


def merge(args: argparse.Namespace) -> int:
    """Make one team of two."""
    challenge = Challenge.open(args.dir)
    before = challenge.store.require_team(args.team)
    name, copies = merge_teams(challenge, args.team, args.into)
    say(f"merged {before} into {name}: its name leads there, its submissions count there.")
    for number in copies:
        say(f"withdrawn {_entry(challenge.store.record(number))}: both handed in this file.")
    return ACCEPTED


def _entry(record: Record) -> str:
    return f"{record.team} / {record.network} (receipt {record.sha256[:12]})"
