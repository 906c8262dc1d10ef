"""The hub's demo as a program beside this one, and commands on the accounts of its staff."""

from __future__ import annotations

import os
import pwd
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import nbformat
from browser import COURSE, TermError
from lesson import LESSON, lesson

ROOT: Final = Path(__file__).resolve().parents[2]
_JETS: Final = ROOT / "course_utils/samples/data/top_tagging_small.h5"
_PERSON: Final = re.compile(r"^(\S+) +(\S+) +(?:(instructor)|student, team (\S+))$", re.M)
_FOLDER: Final = r"^Folder of the {}: (\S+?)(?:, of (\S+))?$"
_SECONDS_TO_END: Final = 300


@dataclass(frozen=True)
class Folder:
    """A folder of the demo, and the account that owns it; None where all share one."""

    path: Path
    owner: str | None


@dataclass(frozen=True)
class Demo:
    """A running demo, as it introduces itself.

    Attributes
    ----------
    address : str
    folder : Path
        Everything that the demo has made.
    course, challenge : Folder
    students : tuple of (str, str, str)
        Name, password and team of each.
    prof : tuple of (str, str)
        Name and password of the instructor.
    """

    address: str
    folder: Path
    course: Folder
    challenge: Folder
    students: tuple[tuple[str, str, str], ...]
    prof: tuple[str, str]

    @property
    def inbound(self) -> Path:
        """Where nbgrader's exchange keeps what was handed in."""
        return self.folder / "exchange" / COURSE / "inbound"

    def run(self, place: Folder, *arguments: str) -> str:
        """Run a module of this Python in a folder of its owner's, and return what it prints.

        Raises
        ------
        TermError
            If it fails; with the end of what it said.
        """
        account: dict[str, Any] = {"umask": 0o022}
        home = self.folder / "home" / "course"
        if place.owner is not None:
            entry = pwd.getpwnam(place.owner)
            home = Path(entry.pw_dir)
            account |= {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        command = [sys.executable, "-m", *arguments]
        done = subprocess.run(
            command, cwd=place.path, env=self._variables(home), capture_output=True, text=True,
            check=False, **account,
        )  # fmt: skip
        if done.returncode:
            end = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
            raise TermError(f"{' '.join(command[2:5])} ended with {done.returncode}: {end}")
        return done.stdout

    def _variables(self, home: Path) -> dict[str, str]:
        """The environment of somebody of the staff in a terminal."""
        path = os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin"])
        kept = {name: os.environ[name] for name in ("LANG", "LC_ALL") if name in os.environ}
        return kept | {
            "PATH": f"{path}{os.pathsep}/bin",
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": str(home),
            "COURSE_EXCHANGE": str(self.folder / "exchange"),
            "JET_HUB_DEMO": str(self.folder),
        }


@contextmanager
def running_demo(n_students: int, keep_logs: Path | None) -> Iterator[Demo]:
    """Run ``make hub``'s demo until the term is over, and end it as Ctrl-C does.

    Raises
    ------
    TermError
        If it does not start, or leaves anything behind.
    """
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / LESSON
        source.mkdir()
        nbformat.write(lesson(), source / f"{LESSON}.ipynb")
        options = ["--port", "0", "--students", str(n_students), "--lesson", str(source)]
        options += ["--jets", str(_JETS)]
        options += [] if keep_logs is None else ["--keep-logs", str(keep_logs)]
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "deploy/hub/demo"), *options],
            env={name: value for name, value in os.environ.items() if name != "JET_DATA"}
            | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # Ctrl-C reaches this program, which ends the demo
        )
        demo: Demo | None = None
        try:
            demo = _introduced(process)
            yield demo
        finally:
            _end(process)
    _require_nothing_left(demo, process)


def _introduced(process: subprocess.Popen[str]) -> Demo:
    """Wait until the demo has said where everything is, and who may log in."""
    said: list[str] = []
    for line in process.stdout or ():
        said.append(line)
        if "Ctrl-C" in line:
            break
    text = "".join(said)
    found = re.search(r"^hub +(\S+)", text, re.M)
    if found is None:
        raise TermError(f"The demo did not start:\n{text}")
    # Read on, so that the demo never waits for somebody to read what it says.
    threading.Thread(target=lambda: list(process.stdout or ()), daemon=True).start()
    people = _PERSON.findall(text)
    folders = [re.search(_FOLDER.format(name), text, re.M) for name in ("lessons", "challenge")]
    course, challenge = (Folder(Path(each[1]), each[2]) for each in folders if each)
    return Demo(
        found[1],
        course.path.parent,
        course,
        challenge,
        tuple((name, password, team) for name, password, _, team in people if team),
        next((name, password) for name, password, staff, _ in people if staff),
    )


def _end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)
    end = time.monotonic() + _SECONDS_TO_END
    while process.poll() is None and time.monotonic() < end:
        time.sleep(0.2)
    if process.poll() is None:
        process.kill()


def _require_nothing_left(demo: Demo | None, process: subprocess.Popen[str]) -> None:
    if demo is None:
        return
    names = {each.pw_name for each in pwd.getpwall()}
    owners = [demo.course.owner, demo.challenge.owner]
    left = names & {name for name in owners if name} if owners[0] else set()
    left |= names & {name for name, *_ in demo.students} if owners[0] else set()
    if process.returncode or left or demo.folder.exists():
        what = ", ".join([*sorted(left), *([str(demo.folder)] if demo.folder.exists() else [])])
        raise TermError(f"The demo ended with {process.returncode} and left behind: {what}.")
