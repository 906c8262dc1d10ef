"""Run a program as an ordinary account, also where the tests are root's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_UID = 64123  # of nobody; files of this number are made in temporary folders only
_NO_SANDBOX = "the machine cannot make a sandbox: "


@contextmanager
def own_folder() -> Iterator[Path]:
    """A temporary folder with a short name that the ordinary account owns, with a home in it."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))  # pytest's own is closed to others
    for name in ("", "home", "run"):
        (folder / name).mkdir(exist_ok=True)
        if os.geteuid() == 0:
            os.chown(folder / name, _UID, _UID)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def as_ordinary_account(
    folder: Path, *command: str, **variables: str
) -> subprocess.CompletedProcess:
    """Run a program of this Python with a home in a folder; the test is skipped if none can be."""
    inherited = {k: v for k, v in os.environ.items() if k not in ("JET_DATA", "COURSE_EXCHANGE")}
    own = {"HOME": str(folder / "home"), "XDG_RUNTIME_DIR": str(folder / "run")}
    paths = {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests" / "support")])}
    paths["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    options = {"capture_output": True, "text": True, "check": False, "cwd": folder}
    options["env"] = inherited | own | paths | {"PYTHONDONTWRITEBYTECODE": "1"} | variables
    other = {"user": _UID, "group": _UID, "extra_groups": []} if os.geteuid() == 0 else {}
    view = _view(options | other) if other else []
    return subprocess.run([*view, sys.executable, *command], **options, **({} if view else other))


def require_sandboxes(folder: Path) -> None:
    """Skip a test where bubblewrap is missing, or where an ordinary account may not use it.

    With the variable ``COURSE_NEEDS_SANDBOX``, it fails there.
    """
    give_up = pytest.fail if os.environ.get("COURSE_NEEDS_SANDBOX") else pytest.skip
    if shutil.which("bwrap") is None:
        give_up(f"{_NO_SANDBOX}bubblewrap is not installed")
    ask = (
        "from course_utils.grading.running.bubblewrap import *\n"
        "try: require_bubblewrap()\n"
        "except SandboxError as error: print(error)"
    )
    done = as_ordinary_account(folder, "-c", ask)
    assert done.returncode == 0, done.stderr
    if done.stdout:
        give_up(_NO_SANDBOX + done.stdout)


def _view(options: dict[str, object]) -> list[str]:
    """How root starts a program of another account whose Python lies in root's own home.

    The home is replaced by an empty one that holds only Python. None is needed elsewhere.
    """
    trial = subprocess.run(["/usr/bin/env", "true"], **options)
    assert trial.returncode == 0, trial.stderr
    try:
        subprocess.run([sys.executable, "-c", ""], **options | {"check": True})
    except (PermissionError, subprocess.CalledProcessError):
        home = Path.home()
        python = home / Path(sys.base_prefix).relative_to(home).parts[0]
        args = ["bwrap", "--dev-bind", "/", "/", "--tmpfs", str(home), "--chmod", "0755", str(home)]
        args += ["--ro-bind", str(python), str(python), "--", "setpriv", "--clear-groups"]
        return [*args, "--reuid", str(_UID), "--regid", str(_UID), "--no-new-privs"]
    return []
