"""Start the programs of the demo, wait until they answer, and leave none behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
from accounts import DemoError

MARK = "JET_HUB_DEMO"  # the variable that every process of a demo inherits: its folder
_GRACE = 20  # seconds to end


def free_ports(number: int) -> list[int]:
    """Find ports of this machine that nobody listens on."""
    sockets = [socket.socket() for _ in range(number)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def is_free(port: int) -> bool:
    """Say whether the demo can listen on a port."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@contextmanager
def running(
    command: Sequence[str], log: Path, variables: Mapping[str, str], **options: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program in a session of its own, so that Ctrl-C reaches only the demo itself."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **options,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path, *, seconds: float) -> None:
    """Wait until a page answers.

    Raises
    ------
    DemoError
        If the program ends before, or takes too long; with the end of its log.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise DemoError(f"{log.stem} ended with status {process.returncode}:\n{_tail(log)}")
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    raise DemoError(f"{log.stem} does not answer at {url}:\n{_tail(log)}")


def run(command: Sequence[str], log: Path, variables: Mapping[str, str], **options: Any) -> None:
    """Run one step to its end.

    Raises
    ------
    DemoError
        If it fails; with the end of what it said.
    """
    with log.open("ab") as output:
        done = subprocess.run(
            command, env=dict(variables), stdout=output, stderr=output, check=False, **options
        )
    if done.returncode != 0:
        raise DemoError(f"{' '.join(command[:5])} ... failed:\n{_tail(log)}")


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:])


def end_all(folder: Path, uids: set[int]) -> None:
    """End every process that carries the demo's mark or runs on one of its accounts."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        left = [each for each in psutil.process_iter() if _is_ours(each, folder, uids)]
        for process in left:
            with suppress(psutil.Error):
                process.send_signal(sign)
        if not psutil.wait_procs(left, timeout=5)[1]:
            break


def _is_ours(process: psutil.Process, folder: Path, uids: set[int]) -> bool:
    if process.pid == os.getpid():
        return False
    try:
        if process.uids().real in uids:
            return True
        return process.environ().get(MARK) == str(folder)
    except psutil.Error:
        return False
