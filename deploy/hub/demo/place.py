"""What the demo's hub serves: people, a course with a released lesson, a challenge."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from accounts import Account, DemoError
from people import Teams
from processes import MARK, run

ROOT = Path(__file__).resolve().parents[3]
PYTHON = sys.executable
_READ_ALL = """
import os
from pathlib import Path
def fail(error): raise error
for folder, _, files in os.walk(os.environ["JET_DATA"], onerror=fail):
    for name in files: Path(folder, name).open("rb").close()
"""
_OWN_STUDENTS = """
# All students share one account: the hub's name tells them apart, and an owner proves nothing.
c.CourseDirectory.student_id = os.environ.get("JUPYTERHUB_USER", "*")
"""
_OWN_COURSE = "c.ExchangeCollect.check_owner = False\n"


@dataclass(frozen=True)
class Place:
    """The folders of one demo, and who owns what in them."""

    folder: Path
    teams: Teams
    accounts: Mapping[str, Account]  # by their names in `people`

    @property
    def is_real(self) -> bool:
        """Whether each has an account of the machine."""
        return self.accounts["anna"].uid is not None

    @property
    def exchange(self) -> Path:
        return self.folder / "exchange"

    @property
    def course(self) -> Path:
        return self.folder / "course"

    @property
    def challenge(self) -> Path:
        return self.folder / "labels" / "challenge"

    @property
    def public(self) -> Path:
        """What every student may read: the challenge's jets without labels."""
        return self.folder / "public"

    @property
    def settings(self) -> Path:
        return self.folder / "settings"

    @property
    def hub(self) -> Path:
        return self.folder / "hub"

    def log(self, name: str) -> Path:
        return self.folder / "logs" / f"{name}.log"

    def variables(self, account: Account | None = None) -> dict[str, str]:
        """The environment of the demo's programs: nothing of the caller's but the paths."""
        kept = {n: os.environ[n] for n in ("LANG", "LC_ALL", "JET_DATA") if os.environ.get(n)}
        kept |= {n: v for n, v in os.environ.items() if n.startswith("COURSE_MAX_")}
        path = os.pathsep.join([str(Path(PYTHON).parent), "/usr/local/bin", "/usr/bin", "/bin"])
        home = self.folder / "logs" if account is None else account.home
        return kept | {
            "PATH": path,
            "PYTHONPATH": str(ROOT),  # this checkout, wherever the environment was made
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": str(home),
            "COURSE_EXCHANGE": str(self.exchange),
            MARK: str(self.folder),
        }

    def as_account(self, name: str, *command: str, folder: Path, **more: str) -> None:
        """Run a module of this Python on an account, or code after "-c"."""
        account = self.accounts[name]
        options = account.options() | {"cwd": folder, "umask": 0o022}
        variables = self.variables(account) | more
        start = (PYTHON,) if command[0] == "-c" else (PYTHON, "-m")
        run((*start, *command), self.log(f"preparation of {name}"), variables, **options)


def prepare_folders(place: Place) -> None:
    """Make the folders: public ones, and those that only one account can enter."""
    for folder in (place.folder / "logs", place.public, place.settings):
        folder.mkdir(exist_ok=True)
    place.hub.mkdir(mode=0o700)
    place.exchange.mkdir()
    place.exchange.chmod(0o1777)
    place.accounts["course"].takes(place.course)
    place.accounts["challenge"].takes(place.challenge.parent)


def prepare_people(place: Place) -> None:
    """Write who is who, and the tokens that the two services show to the hub."""
    named = {each: account.name for each, account in place.accounts.items()}
    members = {team: [named[each] for each in who] for team, who in place.teams.items()}
    teams = [f"{team} = {json.dumps(names)}" for team, names in members.items()]
    lines = [f"instructors = {json.dumps([named['prof']])}", "[teams]", *teams]
    (place.hub / "people.toml").write_text("\n".join(lines) + "\n")
    for unit in ("challenge", "formgrader"):
        token = secrets.token_hex(32)
        (place.hub / f"{unit}.env").write_text(f"JUPYTERHUB_API_TOKEN={token}\n")
    if not place.is_real:
        logins = {each.name: each.password for each in place.accounts.values()}
        (place.hub / "passwords.json").write_text(json.dumps(logins))


def prepare_course(place: Place, lesson: Path) -> None:
    """Release a lesson through nbgrader, as the course's account."""
    shutil.copytree(ROOT / "deploy/hub/etc/student", place.settings, dirs_exist_ok=True)
    config = (ROOT / "nbgrader_config.py").read_text()
    own = "" if place.is_real else _OWN_STUDENTS + _OWN_COURSE
    (place.settings / "nbgrader_config.py").write_text(config + own)
    shutil.copytree(lesson, place.course / "notebooks" / lesson.name)
    shutil.copy(place.settings / "nbgrader_config.py", place.course)
    place.accounts["course"].owns(place.course)
    for step in ("generate_assignment", "release_assignment"):
        place.as_account("course", "nbgrader", step, lesson.name, folder=place.course)


def prepare_challenge(place: Place, jets: Path | None, n_jets: int) -> None:
    """Make jets that nobody has, and a challenge whose labels only its account can read."""
    private = place.challenge.parent
    source = private / "top_tagging" / "test.h5"
    accepted: tuple[str, ...] = ()
    if jets is None:
        seed = str(secrets.randbits(63))
        size = ("--jets", str(n_jets * 5), "--seed", seed)  # the test split is a fifth
        command = ("course_utils", "--generate", "top_tagging", "--split", "test", *size)
        place.as_account("challenge", *command, folder=private, JET_DATA=str(private))
    else:
        source.parent.mkdir()
        shutil.copy(jets, source)
        source.chmod(0o600)
        accepted = ("--accept-leaks",)
        place.accounts["challenge"].owns(private)
    create = ("challenge", "create", str(place.challenge), "--name", "Demo challenge")
    create += ("--jets", str(source), "--seed", str(secrets.randbits(32)), *accepted)
    place.as_account("challenge", *create, folder=private)
    place.as_account("challenge", "challenge", "baselines", str(place.challenge), folder=private)
    for name in ("test_jets.h5", "challenge.toml"):
        shutil.copy(place.challenge / name, place.public)
        (place.public / name).chmod(0o644)


def require_readable_environment(place: Place) -> None:
    """Check that other accounts can run this Python, see the course and read the jets.

    Raises
    ------
    DemoError
        If they cannot.
    """
    try:
        code = "import course_utils, challenge, jupyterhub, nbgrader"
        place.as_account("anna", "-c", code, folder=place.accounts["anna"].home)
    except (DemoError, PermissionError):
        raise DemoError(
            f"Other accounts cannot run {PYTHON} with {ROOT}: put both where everyone can read"
            " them, such as /opt, or run the demo as an ordinary user."
        ) from None
    if jets := os.environ.get("JET_DATA"):
        try:
            place.as_account("anna", "-c", _READ_ALL, folder=place.accounts["anna"].home)
        except DemoError:
            raise DemoError(
                f"Other accounts cannot read the jets in {jets}: put them where everyone can read"
                " them, or unset JET_DATA."
            ) from None
