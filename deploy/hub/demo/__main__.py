"""``make hub``: the course's hub on this machine, for real, until Ctrl-C.

As root with Unix accounts that are made for it and removed afterwards; as anybody else with
accounts of its own. It listens on the loopback address only.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import place as places
from accounts import (
    DemoError,
    free_names,
    leftover_accounts,
    remove_account,
    shared_accounts,
    unix_accounts,
)
from people import STAFF, Teams, everyone, teams_of
from place import ROOT, Place
from processes import end_all, free_ports, is_free
from proxy import proxy_command
from units import start

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_NO_PROTECTION = """\
This shows how the hub works and protects nothing: all servers, the labels and the gradebook run
as you, so a student of this demo can read them. Run it as root for accounts of their own."""
_DEMO_ONLY = """\
Accounts, homes and labels are as separate as on a course's hub. But students can read this
checkout with its solutions, and whoever is on this machine reaches the hub."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo and return its exit status: 0 ended as asked, 2 it could not be started."""
    options = _options(arguments)
    if options.remove_accounts:
        for name in leftover_accounts():
            remove_account(name)
        return 0
    for each in _SIGNALS:
        signal.signal(each, _ask_to_end)
    try:
        with _demo(options) as hub:
            status = hub.wait()
            print(f"The hub ended with status {status}.", file=sys.stderr)
            return 2
    except DemoError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Everything is stopped and removed.", flush=True)
        return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make hub", description=__doc__)
    add = parser.add_argument
    add(
        "--port",
        type=int,
        default=8000,
        help="of the hub (default: %(default)s); a free one if it is taken, or for 0",
    )
    lesson = ROOT / "notebooks" / "01_dnn_on_constituents"
    add("--lesson", type=Path, default=lesson, help="the folder of the lesson to release")
    add(
        "--students",
        dest="teams",
        type=_teams,
        default="2",
        metavar="N",
        help="anna, ben and others in teams of three (default: %(default)s)",
    )
    add("--n-jets", type=int, default=1000, help="of the challenge (default: %(default)s)")
    add("--jets", type=Path, help="take these labelled jets and make none; it accepts known ones")
    add("--keep-logs", type=Path, metavar="FOLDER", help="copy the logs there in the end")
    add("--remove-accounts", action="store_true", help="remove accounts of a demo that was killed")
    return parser.parse_args(arguments)


def _teams(text: str) -> Teams:
    try:
        return teams_of(int(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _ask_to_end(number: int, frame: object) -> None:
    """End the demo at the first signal; while it cleans up, another one changes nothing."""
    for each in _SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


@contextmanager
def _demo(options: argparse.Namespace) -> Iterator:
    """Prepare everything, start the hub and the challenge, and leave nothing behind."""
    proxy = proxy_command(ROOT / "build" / "hub")
    with ExitStack() as stack:
        place = stack.enter_context(_place(options.teams, options.keep_logs))
        _say("Preparing people, the lesson and a challenge ...")
        places.prepare_folders(place)
        if place.is_real:
            places.require_readable_environment(place)
        places.prepare_people(place)
        _at_once(
            partial(places.prepare_course, place, options.lesson),
            partial(places.prepare_challenge, place, options.jets, options.n_jets),
        )
        wanted = options.port
        port = wanted if wanted and is_free(wanted) else free_ports(1)[0]
        _say("Starting the hub ...")
        hub = start(stack, place, port, proxy)
        _say(_welcome(place, port, options.lesson.name))
        yield hub


def _at_once(*steps: Callable[[], None]) -> None:
    """Take steps that do not need each other; after a signal nobody waits for them."""
    pool = ThreadPoolExecutor()
    try:
        for step in [pool.submit(step) for step in steps]:
            step.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _place(teams: Teams, keep_logs: Path | None) -> Iterator[Place]:
    """A temporary folder with the accounts, and no process or file of either afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="jet-hub-")).resolve()
    is_real = os.geteuid() == 0
    folder.chmod(0o711 if is_real else 0o700)
    (folder / "home").mkdir()
    uids: set[int] = set()
    make = unix_accounts if is_real else shared_accounts
    people = everyone(teams)
    named = free_names(people) if is_real else {each: each for each in people}
    try:
        with make(list(named.values()), folder / "home") as accounts:
            uids |= {each.uid for each in accounts.values() if each.uid is not None}
            try:
                yield Place(folder, teams, {each: accounts[named[each]] for each in people})
            finally:
                end_all(folder, uids)
    finally:
        if keep_logs is not None:
            shutil.copytree(folder / "logs", keep_logs, dirs_exist_ok=True)
        shutil.rmtree(folder, ignore_errors=True)


def _welcome(place: Place, port: int, lesson: str) -> str:
    """Say where everything is, and who may log in with which password."""
    address = f"http://127.0.0.1:{port}"
    roles = {who: f"student, team {team}" for team, them in place.teams.items() for who in them}
    people = [(place.accounts[who], role) for who, role in (roles | {"prof": "instructor"}).items()]
    width = max(12, *(len(account.name) + 2 for account, _ in people))
    owners = {who: f", of {place.accounts[who].name}" if place.is_real else "" for who in STAFF}
    lines = [
        "",
        f"hub         {address}",
        f"board       {address}/services/challenge/",
        f"formgrader  {address}/services/jet-tagging/formgrader",
        "",
        *(f"{each.name:<{width}}{each.password:<14}{role}" for each, role in people),
        "",
        f"In the lab: Nbgrader > Assignment List, then fetch {lesson}.",
        f"Jets of the challenge: {place.public}/test_jets.h5",
        f"Folder of the lessons: {place.course}{owners['course']}",
        f"Folder of the challenge: {place.challenge}{owners['challenge']}",
        f"Logs: {place.folder}/logs",
        _DEMO_ONLY if place.is_real else _NO_PROTECTION,
        "Ctrl-C stops the hub and removes all of this.",
    ]
    return "\n".join(lines)


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
