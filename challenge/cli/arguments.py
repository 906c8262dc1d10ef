"""What can be typed after ``python -m challenge``: each command, its options, an example."""

import argparse
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NoReturn

from challenge.board import FORMATS
from challenge.cli import commands, service_commands, team_commands
from challenge.cli.values import MOMENT, end, from_, instant
from challenge.words import BASELINE_TEAM, nearest, printable

__all__ = ["parser"]

Run = Callable[[argparse.Namespace], int]
Commands = argparse._SubParsersAction
_RECEIPT: Final = "the first 8 digits of each, or more"


class _Parser(argparse.ArgumentParser):
    """Says which command is meant, and how to write a name that looks like an option."""

    commands: Mapping[str, object] = MappingProxyType({})  # of the root alone

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        self._typed = sys.argv[1:] if args is None else args
        command = next((each for each in self._typed if not each.startswith("-")), None)
        if self.commands and command is not None and command not in self.commands:
            alike = nearest(command, self.commands)
            known = (
                f"nearest: {', '.join(alike)}"
                if alike
                else f"commands are {', '.join(self.commands)}"
            )
            self.error(f"there is no command {printable(command)!r} ({known})")
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        if any(re.match(r"-[^-h\d]", each) for each in self._typed):
            message += (
                " (a name that begins with '-' goes after --, or after = as in --team=-x; an old "
                "team may have one, a new one not)"
            )
        super().error(message)


def parser() -> argparse.ArgumentParser:
    """The parser of all commands; parsed arguments hold the function to call as ``run``."""
    root = _Parser(
        prog="python -m challenge", description="Score predictions against hidden labels."
    )
    added = root.add_subparsers(metavar="COMMAND", required=True)
    root.commands = added.choices
    _add_create(added)
    _add_for_everyone(added)
    _add_score(added)
    _add_for_one_team(added)
    _add_corrections(added)
    _add_for_all(added)
    _add_checks(added)
    _add_service(added)
    return root


def _add_create(added: Commands) -> None:
    create = _command(
        added,
        "create",
        commands.create,
        "Make a challenge from labelled jets, or from labels that come from anywhere.",
        "top_challenge --jets test.h5 --seed 7349018265530 --closes 2026-05-01T12:00",
    )
    source = create.add_mutually_exclusive_group(required=True)
    source.add_argument("--jets", type=Path, metavar="FILE", help="a jet file with labels")
    source.add_argument("--labels", type=Path, metavar="FILE", help="a .npy file of 0 and 1")
    create.add_argument(
        "--seed",
        type=from_(0),
        metavar="N",
        help="sets the order of the public jets and the split (needed with --jets)",
    )
    create.add_argument("--name", help="shown on the leaderboard (default: the folder's name)")
    create.add_argument(
        "--public-fraction",
        type=float,
        default=0.5,
        metavar="X",
        help="share of the jets whose score is shown while it is live (default: %(default)s)",
    )
    create.add_argument("--opens", type=instant, metavar="TIME", help=f"UTC, as {MOMENT}")
    create.add_argument(
        "--closes", type=end, metavar="TIME", help=f"UTC, as {MOMENT}; a date means its end"
    )
    limits = {
        "--per-day": (5, "submissions of a team in any 24 hours"),
        "--refusals-per-day": (20, "refused files of a team in any 24 hours"),
        "--networks": (5, "named networks of a team"),
    }
    for option, (usual, what) in limits.items():
        create.add_argument(
            option, type=from_(1), default=usual, metavar="N", help=f"{what} (default: {usual})"
        )
    create.add_argument(
        "--training",
        type=Path,
        metavar="FILE",
        help="another jet file that students have; those of the course are always checked",
    )
    create.add_argument(
        "--accept-leaks",
        action="store_true",
        help="open the challenge whatever the leak scan finds",
    )


def _add_for_everyone(added: Commands) -> None:
    check = _command(
        added,
        "check",
        commands.check,
        "Say whether files would be accepted; this needs no labels and submits nothing.",
        "top_challenge my_cnn.npy",
    )
    check.add_argument("files", type=Path, nargs="+", metavar="FILE", help=".npy files of scores")
    board = _command(
        added,
        "board",
        commands.board,
        "Print the leaderboard: the best entry of each network, ranked by AUC.",
        "top_challenge --format md",
    )
    board.add_argument("--format", choices=sorted(FORMATS), default="table")


def _add_score(added: Commands) -> None:
    score = _command(
        added,
        "score",
        commands.score,
        "Submit files of scores and print their results.",
        "top_challenge submission_predictions/*.npy --team 'The Top Quarks'",
        "top_challenge cnn.npy --team 'Bottoms' --new-team",
    )
    score.add_argument("files", type=Path, nargs="+", metavar="FILE", help=".npy files of scores")
    score.add_argument("--team", required=True, help="letters, digits, space, '-', '_' and '.'")
    score.add_argument(
        "--new-team", action="store_true", help="make the team if there is none of this name"
    )
    score.add_argument(
        "--again",
        action="store_true",
        help="accept a file that was withdrawn from another network of the team",
    )
    score.add_argument("--network", help="name of the network (default: the file's name)")


def _add_for_one_team(added: Commands) -> None:
    show = _command(
        added,
        "show",
        team_commands.show,
        "Print a team's submissions, their receipts, and its quota.",
        "top_challenge 'The Top Quarks'",
    )
    extend = _command(
        added,
        "extend",
        team_commands.extend,
        "Give one team more time, or a different number of submissions in 24 hours.",
        f"top_challenge 'The Top Quarks' --until {MOMENT} --per-day 10",
    )
    extend.add_argument(
        "--until", type=end, metavar="TIME", help=f"UTC, as {MOMENT}; a date means its end"
    )
    extend.add_argument("--per-day", type=from_(1), metavar="N", help="submissions in 24 hours")
    pick = _command(
        added,
        "pick",
        team_commands.pick,
        "Choose final submissions by receipt; the other networks keep their best.",
        "top_challenge 'The Top Quarks' 5c81aa1f22d4",
    )
    for each in (show, extend, pick):
        each.add_argument("team", metavar="TEAM")
    pick.add_argument("receipts", nargs="+", metavar="RECEIPT", help=_RECEIPT)


def _add_corrections(added: Commands) -> None:
    withdraw = _command(
        added,
        "withdraw",
        team_commands.withdraw,
        "Take submissions off the board; they still count for the team's quota.",
        "top_challenge 'The Top Quarks' 5c81aa1f22d4",
    )
    withdraw.add_argument("team", metavar="TEAM")
    withdraw.add_argument("receipts", nargs="*", metavar="RECEIPT", help=_RECEIPT)
    withdraw.add_argument("--all", action="store_true", help="all submissions of the team")
    withdraw.add_argument(
        "--undo",
        action="store_true",
        help="put back what was withdrawn; with --all, what the last --all took",
    )
    rename = _command(
        added,
        "rename",
        team_commands.rename,
        "Give a team another name; its old name still leads to it.",
        "top_challenge 'The Top Qarks' 'The Top Quarks'",
    )
    rename.add_argument("team", metavar="TEAM")
    rename.add_argument("name", metavar="NAME", help="letters, digits, space, '-', '_' and '.'")
    merge = _command(
        added,
        "merge",
        team_commands.merge,
        "Make a team's submissions another's; the quota counts those of both.",
        "top_challenge 'The Top Qarks' 'The Top Quarks'",
    )
    merge.add_argument("team", metavar="TEAM", help="the team that ends")
    merge.add_argument("into", metavar="INTO", help="the team that remains")


def _add_for_all(added: Commands) -> None:
    simple = {
        "teams": (team_commands.teams, "List the teams, what each handed in and has left."),
        "pause": (commands.pause, "Refuse submissions until resume."),
        "resume": (commands.resume, "Accept submissions again after a pause or an early close."),
        "close": (commands.close, "Refuse all further submissions, from every team."),
        "reveal": (commands.reveal, "Show the private ranks; nothing can be changed afterwards."),
        "baselines": (
            commands.baselines,
            f"Score simple taggers on the public jets, as entries of the team '{BASELINE_TEAM}'.",
        ),
    }
    for name, (run, purpose) in simple.items():
        _command(added, name, run, purpose, "top_challenge")
    export = _command(
        added,
        "export",
        commands.export,
        "Print marks as CSV, in the columns of nbgrader's gradebook.",
        "top_challenge --students students.csv > grades.csv",
    )
    export.add_argument(
        "--students",
        type=Path,
        metavar="FILE",
        help="CSV with the columns student_id and team (default: each team is one student)",
    )


def _add_checks(added: Commands) -> None:
    rescore = _command(
        added,
        "rescore",
        commands.rescore,
        "Score every file again and store what differs.",
        "top_challenge --verify",
    )
    rescore.add_argument(
        "--verify", action="store_true", help="report what differs, change nothing"
    )
    audit = _command(
        added,
        "audit",
        commands.audit,
        "Check the log's chain of hashes, and every submission, correction, final choice, "
        "extension, pause, close and reveal against the log.",
        "top_challenge --noted 9f2c...",
    )
    backup = _command(
        added,
        "backup",
        commands.backup,
        "Copy the challenge, complete and of one moment, also while files are handed in.",
        "top_challenge backups/top_challenge",
    )
    backup.add_argument("to", type=Path, metavar="TO", help="a folder that is not there yet")
    audit.add_argument("--noted", metavar="HASH", help="the hash that an earlier audit printed")


def _add_service(added: Commands) -> None:
    serve = _command(
        added,
        "serve",
        service_commands.serve,
        "Run the challenge as a service: pages for browsers, an API for notebooks.",
        "top_challenge --port 8080",
    )
    serve.add_argument(
        "--host", help="address to listen at (default: that of JUPYTERHUB_SERVICE_URL, 127.0.0.1)"
    )
    serve.add_argument(
        "--port",
        type=from_(0),
        metavar="N",
        help="port to listen at (default: that of JUPYTERHUB_SERVICE_URL, or 8080)",
    )
    serve.add_argument(
        "--teams-only",
        action="store_true",
        help="refuse people of the hub who are in no group team-NAME; else each is a team",
    )
    invite = _command(
        added,
        "invite",
        service_commands.send_invitation,
        "Print a link that lets a team, or an instructor, into the service without a hub.",
        "top_challenge 'The Top Quarks' --url https://challenge.example.org",
        "top_challenge --revoke 3",
    )
    invite.add_argument("team", metavar="TEAM", nargs="?", help="whom to invite")
    invite.add_argument("--manage", action="store_true", help="invite an instructor")
    invite.add_argument("--list", action="store_true", help="list all invitations")
    invite.add_argument("--revoke", type=from_(1), metavar="NUMBER", help="end an invitation")
    invite.add_argument(
        "--url",
        default="http://127.0.0.1:8080",
        help="where browsers find the service (default: %(default)s)",
    )


def _command(
    added: Commands, name: str, run: Run, purpose: str, *examples: str
) -> argparse.ArgumentParser:
    lines = "\n".join(f"  python -m challenge {name} {example}" for example in examples)
    command = added.add_parser(
        name,
        help=purpose,
        description=purpose,
        epilog=f"example:\n{lines}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("dir", type=Path, metavar="DIR", help="the challenge folder")
    command.set_defaults(run=run)
    return command
