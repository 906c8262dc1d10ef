"""The last steps inside a sandbox before the student's kernel: her files, limits, no keys.

A program of its own, without the course's packages: ``python -I inside.py JSON COMMAND ...``.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import resource
import shutil
import sys

__all__: list[str] = []

_KEYCTL = {"x86_64": 250, "aarch64": 219}  # numbers of the system call
_JOIN_SESSION_KEYRING = 1


def _main(settings: str, *command: str) -> None:
    """Prepare the work folder and this process, and become the kernel."""
    wanted = json.loads(settings)
    shutil.copytree(wanted["handed_in"], ".", dirs_exist_ok=True, copy_function=shutil.copyfile)
    for name, most in wanted["limits"].items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))
    _leave_session_keyring()
    os.execv(command[0], command)


def _leave_session_keyring() -> None:
    """Leave behind the instructor's keys, such as a Kerberos ticket, that a process inherits."""
    if number := _KEYCTL.get(platform.machine()):
        ctypes.CDLL(None).syscall(number, _JOIN_SESSION_KEYRING, None)


if __name__ == "__main__":
    _main(*sys.argv[1:])
