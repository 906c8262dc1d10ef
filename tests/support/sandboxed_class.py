"""A class graded by an ordinary account in a sandbox; a program of its own.

``python sandboxed_class.py FOLDER`` prints what became of it as one line of JSON. It is no
part of a test's own process because that may be root's, who is refused a sandbox.
"""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import attacks
import psutil
from jupyter_client.manager import KernelManager
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook
from toy_course import LESSON, graded_class, place
from traitlets.config import Config

from course_utils.grading import RunCells
from course_utils.grading.handed_in.notes import MENDED
from course_utils.grading.running.bubblewrap import Shown
from course_utils.grading.running.limits import Limits, Usage
from course_utils.grading.running.sandbox import enclose

LIMITS = {"memory_mb": 1200, "processes": 128, "disk_mb": 48, "cpu_seconds": 120}
SECONDS = {"bubblewrap": "86391", "none": "86392"}  # by which a process is known that is left

HONEST = """
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from course_utils.samples import load_jets

plt.plot(np.cumsum(load_jets("top_tagging", "test", stop=5).jets[:, 0, 0]))
plt.savefig("energies.png")
open("notes.txt", "a").write("more")
assert open("notes.txt").read() == "mine" + "more"
assert float(tf.reduce_sum(tf.ones((20, 20)))) == 400.0
"""
HUNGRY = """
import os, time
for _ in range(5):
    if os.fork() == 0:
        block = bytearray(b"x") * (300 << 20)
        time.sleep(60)
        os._exit(0)
time.sleep(60)
"""
ENDLESS = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True:\n    pass"


def between(*sources: str) -> Callable[[NotebookNode], None]:
    """A change of the solved notebook: cells between the second and the third exercise."""

    def change(nb: NotebookNode) -> None:
        nb.cells[place(nb, "given") : place(nb, "given")] = map(new_code_cell, sources)

    return change


STUDENTS = {
    "honest": between(HONEST, "exit()"),
    "hungry": between(HUNGRY),
    "ends-kernel": between("import os\nos.kill(os.getpid(), 9)"),
}


def main(folder: Path) -> dict[str, object]:
    """Grade the class; try the attacks without a sandbox; look into single kernels."""
    (Path.home() / "private.txt").write_text("labels")
    (Path.home() / "private.txt").chmod(0o600)
    course = folder / "course"
    with server() as port:
        known = {"COURSE": str(course), "HOME": str(Path.home()), "GRADER": os.getpid()}
        known["PORT"] = port
        result = sealed(course, attacks.cells(**known, SECONDS=SECONDS["bubblewrap"]))
        result["control"] = unsealed(course, attacks.cells(**known, SECONDS=SECONDS["none"]))
    result["endless"] = endless(folder)
    result["kernel"] = in_a_kernel()
    result["folders"] = [path.name for path in Path(os.environ["XDG_RUNTIME_DIR"]).iterdir()]
    return result


def sealed(folder: Path, attacking: list[NotebookNode]) -> dict[str, object]:
    """Grade the class in sandboxes, and return what is known of each student."""
    course = graded_class(
        folder,
        {"attacker": lambda nb: nb.cells.extend(attacking), **STUDENTS},
        before_grading=hand_in_files,
        cell_limit=120,
        sandbox={"sandbox": "bubblewrap", **LIMITS},
    )
    table = course.table()
    return {
        "failed": course.failed,
        "attacks": attacks.succeeded(course.executed("attacker")),
        "notes": {student: row["note"] for student, row in table.items()},
        "scores": {student: course.scores(student) for student in table},
        "errors": {student: errors(course.executed(student)) for student in table},
        **traces(folder, SECONDS["bubblewrap"]),
    }


def unsealed(folder: Path, attacking: list[NotebookNode]) -> dict[str, object]:
    """Run the attacks beside the attacker's files without a sandbox, as nbgrader does."""
    notebook = new_notebook(cells=attacking)
    run(notebook, folder / "submitted" / "attacker" / LESSON, sandbox="none")
    return {"attacks": attacks.succeeded(notebook), **traces(folder, SECONDS["none"])}


def endless(folder: Path) -> dict[str, object]:
    """Run an endless loop that no interrupt stops, with little processor time."""
    cells = [new_code_cell(source, id=source[:1]) for source in ("a = 1", ENDLESS, "print(a)")]
    notebook = new_notebook(cells=cells)
    (folder / "alone").mkdir()
    run(notebook, folder / "alone", sandbox="bubblewrap", **LIMITS | {"cpu_seconds": 6})
    printed = [o.text for o in notebook.cells[-1].outputs if o.output_type == "stream"]
    return {"notes": notebook.metadata[MENDED], "printed": printed, "errors": errors(notebook)}


def run(notebook: NotebookNode, folder: Path, **settings: object) -> None:
    """Run a notebook, changed in place, as autograde does."""
    names = {"student": "someone", "notebook": LESSON, "assignment": LESSON}
    step = RunCells(config=Config(RunCells=settings, Execute={"timeout": 120}))
    step.preprocess(notebook, {"metadata": {"path": str(folder)}, "nbgrader": names})


def hand_in_files(folder: Path) -> None:
    """Put a link beside the attacker's notebook, and a file beside the honest one."""
    submitted = folder / "submitted"
    (submitted / "attacker" / LESSON / "link.txt").symlink_to(Path.home() / "private.txt")
    (submitted / "honest" / LESSON / "notes.txt").write_text("mine")


def errors(notebook: NotebookNode) -> list[str]:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [f"{o.ename}: {o.evalue}" for o in outputs if o.output_type == "error"]


def traces(folder: Path, seconds: str) -> dict[str, object]:
    """What an attacker left: processes that sleep so long, which are ended, tables, code."""
    found = [p for p in psutil.process_iter(["cmdline"]) if seconds in (p.info["cmdline"] or ())]
    for process in found:
        process.kill()
    with sqlite3.connect(folder / "gradebook.db") as gradebook:
        tables = [name for (name,) in gradebook.execute("select name from sqlite_master")]
    planted = [str(path) for path in Path.home().rglob("00-x.py")]
    return {"processes": len(found), "tables": tables, "planted": planted}


@contextmanager
def server() -> Iterator[int]:
    """A server of this account on the machine's own network; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, args=(listening,), daemon=True).start()
        yield listening.getsockname()[1]


def serve(listening: socket.socket) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        with connection:
            connection.sendall(b"hello")


def in_a_kernel() -> dict[str, object]:
    """What a kernel sees of a hidden folder, and answers through a socket made beside its own."""
    hidden = Path(sys.prefix, "share")
    manager = KernelManager(kernel_name="python3")
    enclose(manager, Limits(**LIMITS), Shown(hidden=(hidden,)), Usage())
    manager.start_kernel(extra_arguments=["--HistoryManager.hist_file=:memory:"])
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        path = Path(manager.connection_file).with_name("judge-1.sock")
        with socket.socket(socket.AF_UNIX) as judge:
            judge.bind(str(path))
            judge.listen()
            judge.settimeout(60)
            client.execute(
                f"import os, socket\ns = socket.socket(socket.AF_UNIX)\ns.connect({str(path)!r})\n"
                f"s.sendall(repr((s.recv(5), os.listdir({str(hidden)!r}))).encode())"
            )
            connection, _ = judge.accept()
            with connection:
                connection.sendall(b"hello")
                return {"answer": connection.recv(99).decode(), "hidden": len([*hidden.iterdir()])}
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
