"""Kills, full disks and other processes: a form is complete or not there."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from prepared_jets import FORMS, N_JETS, made

from course_utils import samples
from course_utils.jetfile import DataError
from course_utils.prepared import (
    preparation,
)

if TYPE_CHECKING:
    pass


def left_behind(source: Path) -> list[str]:
    return [path.name for path in (source.parent / "prepared").iterdir() if path.suffix != ".lock"]


@pytest.mark.parametrize("fault", [KeyboardInterrupt, RuntimeError])
def test_an_interruption_leaves_nothing(
    source: Path, monkeypatch: pytest.MonkeyPatch, fault: type[BaseException]
) -> None:
    blocks = samples.jet_blocks

    def stopped(*of: object):
        yield next(iter(blocks(*of)))
        raise fault

    monkeypatch.setattr(samples, "jet_blocks", stopped)
    with pytest.raises(fault):
        made()
    assert left_behind(source) == []


def test_a_full_disk_is_reported_with_what_is_needed(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*of: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(preparation.PackedWriter, "append", full)
    with pytest.raises(
        DataError, match=r"left on device\. The disk .* MB free\. Make room .*JET_DATA"
    ):
        made()
    assert left_behind(source) == []


PREPARE_SLOWLY = """
    import sys, time
    from pathlib import Path
    from course_utils import files, samples
    from course_utils.prepared import Images, preparation

    log, lock = Path(sys.argv[1]), sys.argv[2]
    if lock == "without":
        def refuse(self, *of, **options):
            raise NotImplementedError("no locks on this file system")
        files.FileLock.acquire = refuse
    make, blocks = preparation._make, samples.jet_blocks

    def noted(*of, **options):
        with log.open("a") as file:
            file.write("making\\n")
        make(*of, **options)

    def slow(*of):
        for block in blocks(*of):
            time.sleep(float(sys.argv[3]))
            yield block

    preparation._make, samples.jet_blocks, preparation._JETS_AT_ONCE = noted, slow, 40
    jets = preparation.prepare("top_tagging", "train", Images(15), progress=False)
    print(len(jets), float(jets[:].sum()))
"""


def start(log: Path, lock: str, seconds: float) -> subprocess.Popen[str]:
    code = textwrap.dedent(PREPARE_SLOWLY)
    return subprocess.Popen(
        [sys.executable, "-c", code, str(log), lock, str(seconds)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(condition, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.parametrize(("lock", "times"), [("with", 1), ("without", 2)])
def test_two_who_prepare_at_once_get_the_same(
    source: Path, tmp_path: Path, lock: str, times: int
) -> None:
    log = tmp_path / "log"
    both = [start(log, lock, 0.7) for _ in range(2)]
    answers = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], answers
    assert answers[0][0] == answers[1][0] == f"{N_JETS} {float(made()[:].sum())}\n"
    assert log.read_text() == times * "making\n"
    assert len(left_behind(source)) == 1


def test_where_only_one_has_locks_neither_disturbs_the_other(source: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    both = [start(log, lock, 0.7) for lock in ("without", "with")]
    answers = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], answers
    assert answers[0][0] == answers[1][0]


def test_after_a_kill_the_next_one_starts_again_and_old_remains_go(
    source: Path, tmp_path: Path
) -> None:
    folder = source.parent / "prepared"
    process = start(tmp_path / "log", "with", 30)
    wait_for(lambda: list(folder.glob(".*.part")))
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    (half,) = left_behind(source)
    assert half.endswith(".part")
    jets = made()
    assert len(jets) == N_JETS
    assert sorted(left_behind(source)) == sorted([half, jets.folder.name])  # it might be at work
    for path in ((folder / half), *(folder / half).iterdir()):
        os.utime(path, (0, 0))
    other = made(FORMS[0])
    assert sorted(left_behind(source)) == sorted([other.folder.name, jets.folder.name])
