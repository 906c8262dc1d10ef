"""What a student's kernel sees: the arguments of ``bwrap``.

There is no network. Of the machine there is ``/usr``, the Python environment and `course_utils`,
all read-only, and the jets of the samples. There is nothing else of the course: a checkout holds
the solutions. The work folder holds a copy of the files that were handed in with the notebook.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nbgrader.converters import NbGraderException

from course_utils.grading.running.limits import Limits

__all__ = ["SandboxError", "Shown", "environment", "require_bubblewrap", "sandboxed"]

_PACKAGE = Path(__file__).resolve().parents[2]
_INSIDE = Path(__file__).with_name("inside.py")
_HOME, _WORK, _HANDED_IN, _DATA = "/home/student", "/home/student/work", "/handed-in", "/data"
_ETC = ("ld.so.cache", "alternatives", "fonts", "localtime")
_SHM_MB = 256
_MB = 1 << 20
# The instructor's settings of a run, and the language of messages. Nothing else goes in.
_PASSED_ON = ("COURSE_MAX_JETS", "COURSE_MAX_EPOCHS", "COURSE_MAX_SEEDS", "NBGRADER_EXECUTION")
_PASSED_ON += ("MATPLOTLIBRC", "KERAS_BACKEND", "LANG", "LC_ALL", "TZ")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
_THREADS += ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "NUMEXPR_NUM_THREADS")
_APART = (
    *("--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent"),
    *("--new-session", "--cap-drop", "ALL", "--clearenv", "--hostname", "grading"),
    *("--uid", "65534", "--gid", "65534", "--proc", "/proc", "--dev", "/dev"),
)
_OTHER_WAYS = "deploy/sandbox/README.md names the other ways"


class SandboxError(NbGraderException):
    """No sandbox can be made here, so nothing is graded; the message says what to do."""

    __module__ = "course_utils.grading"


@dataclass(frozen=True)
class Shown:
    """The files of one notebook's sandbox, by their path in it relative to the place named."""

    handed_in: Mapping[str, Path] = field(default_factory=dict)  # copied to the work folder
    data: Mapping[str, Path] = field(default_factory=dict)  # in JET_DATA
    hidden: tuple[Path, ...] = ()  # folders that are empty inside, wherever they are


@functools.cache
def require_bubblewrap() -> None:
    """Make an empty sandbox once.

    Raises
    ------
    SandboxError
        If bubblewrap is missing, if the account is root's, or if the machine forbids it.
    """
    if os.geteuid() == 0:
        raise SandboxError(
            "Grade with an ordinary account, not as root: nothing was graded, because a student's"
            f" program could leave a sandbox that root made; {_OTHER_WAYS}."
        )
    if shutil.which("bwrap") is None:
        raise SandboxError(
            "Install bubblewrap (Debian, Ubuntu: apt install bubblewrap; Fedora, Alma: dnf install"
            " bubblewrap): nothing was graded, because no student's program runs without a"
            f" sandbox; {_OTHER_WAYS}."
        )
    command = ["bwrap", *_APART, *_system(), "--", "/usr/bin/env", "true"]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        said = done.stderr.strip().rpartition("\n")[2]
        what = "allow bwrap to make user namespaces"
        if "disable-userns" in said:
            what = "install bubblewrap 0.8 or newer"
        raise SandboxError(
            f"Ask an administrator to {what}: nothing was graded, because bwrap fails here"
            f" ({said}); {_OTHER_WAYS}."
        )


def sandboxed(command: Iterable[str], sockets: Path, shown: Shown, limits: Limits) -> list[str]:
    """Return the command that runs a command in a sandbox.

    Parameters
    ----------
    command : strings
        It starts with the path of a program. No variable of this process reaches it, but
        :func:`environment` does.
    sockets : Path
        The one folder outside that the command can write to, at the same path inside.
    shown : Shown
    limits : Limits

    Raises
    ------
    SandboxError
        If a folder is to be hidden and shown at once.
    """
    bwrap = shutil.which("bwrap") or "/usr/bin/bwrap"
    tmp, shm = limits.disk_mb, min(_SHM_MB, limits.disk_mb)
    args = [*_APART, *_system()]
    for path, size in (("/dev/shm", shm), ("/tmp", tmp), (_HOME, tmp)):
        args += ["--size", str(size * _MB), "--tmpfs", path]
    # Python or a checkout may lie below one of these.
    args += [*_places(shown.hidden), "--dir", _HANDED_IN]
    for folder, files in ((_HANDED_IN, shown.handed_in), (_DATA, shown.data), *_fonts()):
        for name, path in files.items():
            args += ["--ro-bind", str(path), f"{folder}/{name}"]
    args += ["--dir", _WORK, "--bind", str(sockets), str(sockets), "--chdir", _WORK]
    # A tmpfs of no given size would take half of the machine's memory.
    args += ["--remount-ro", "/dev", "--remount-ro", "/"]
    for name, value in environment(limits, has_data=bool(shown.data)).items():
        args += ["--setenv", name, value]
    settings = json.dumps({"handed_in": _HANDED_IN, "limits": _rlimits(limits)})
    return [bwrap, *args, "--", sys.executable, "-I", str(_INSIDE), settings, *command]


def environment(limits: Limits, *, has_data: bool) -> dict[str, str]:
    """Return the variables inside: none of the instructor's but those of a run."""
    variables = dict.fromkeys(_THREADS, str(limits.threads))
    variables |= {"PATH": f"{sys.prefix}/bin:/usr/bin:/bin", "HOME": _HOME, "USER": "student"}
    variables |= {"LOGNAME": "student", "PYTHONDONTWRITEBYTECODE": "1"}
    if not any(_PACKAGE.is_relative_to(folder) for folder in _python()):
        variables["PYTHONPATH"] = str(_PACKAGE.parent)  # inside, it holds only the package
    if has_data:
        variables["JET_DATA"] = _DATA
    return variables | {name: os.environ[name] for name in _PASSED_ON if name in os.environ}


def _python() -> list[Path]:
    """The folders of this Python and of its packages, without those inside another."""
    folders = {Path(sys.prefix), Path(sys.base_prefix)}
    return sorted(f for f in folders if not any(f.is_relative_to(o) for o in folders - {f}))


def _system() -> list[str]:
    """The part of the system that programs need to run."""
    args = ["--ro-bind", "/usr", "/usr"]
    for path in map(Path, ("/bin", "/sbin", "/lib", "/lib32", "/lib64")):
        if path.is_symlink():
            args += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            args += ["--ro-bind", str(path), str(path)]
    for name in _ETC:
        args += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    return args


def _places(hidden: Iterable[Path]) -> list[str]:
    """Python and the package, read-only, without the folders that nobody may see."""
    shown = [*(f for f in _python() if not f.is_relative_to("/usr")), _PACKAGE]
    mounts = {path: ["--ro-bind", str(path), str(path)] for path in shown}
    covered = [
        cover
        for path in hidden
        for place in (Path("/usr"), *shown)
        if (cover := _inside(path, place)) and cover.is_dir()
    ]
    if clash := next((path for path in covered if path in mounts), None):
        raise SandboxError(
            f"Move the course to a folder of its own: {clash} holds Python or its packages, too,"
            " and a student's program must not see the one without the other."
        )
    mounts |= {path: ["--size", "4096", "--tmpfs", str(path)] for path in covered}
    secret = [file for folder in _python() if (file := folder / "pip.conf").is_file()]
    mounts |= {file: ["--ro-bind", "/dev/null", str(file)] for file in secret}
    args = [arg for path in sorted(mounts) for arg in mounts[path]]  # outer folders first
    return args + [arg for path in covered for arg in ("--remount-ro", str(path))]


def _inside(path: Path, place: Path) -> Path | None:
    """Where a folder shows up in a sandbox that shows a place, links resolved."""
    real, shown = path.resolve(), place.resolve()
    return place / real.relative_to(shown) if real.is_relative_to(shown) else None


@functools.cache
def _fonts() -> tuple[tuple[str, dict[str, Path]], ...]:
    """matplotlib's list of fonts, which takes seconds to make."""
    from matplotlib import font_manager, get_cachedir

    name = f"fontlist-v{font_manager.FontManager.__version__}.json"
    path = Path(get_cachedir(), name)
    return ((f"{_HOME}/.cache/matplotlib", {name: path}),) if path.is_file() else ()


def _rlimits(limits: Limits) -> dict[str, int]:
    return {
        "NPROC": limits.processes,
        "DATA": limits.memory_mb * _MB,
        "FSIZE": limits.disk_mb * _MB,
        "CPU": limits.cpu_seconds + 60,  # of one process; the watch comes first
        "CORE": 0,
        "NOFILE": 1024,
    }
