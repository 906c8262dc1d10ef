"""What a student's program could try while it is graded.

Those of `ATTACKS` go for the machine: one cell each, which fails if it is stopped. The names in
capitals are filled in by :func:`cells`. The others go for the interpreter, to get points.
"""

from __future__ import annotations

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

__all__ = [
    "AST_TRANSFORMER",
    "ATTACKS",
    "INPUT_TRANSFORMER",
    "KERNEL",
    "YES",
    "cells",
    "succeeded",
]

_MARK = "# attack: "

ATTACKS = {
    "read the solutions": """
assert "HIDDEN TESTS" in open(COURSE + "/notebooks/toy/toy.ipynb").read()
""",
    "read another submission": """
assert open(COURSE + "/submitted/honest/toy/toy.ipynb").read()
""",
    "read a private file of the account": """
assert open(HOME + "/private.txt").read() == "labels"
""",
    "read a private file through a link beside the notebook": """
assert open("link.txt").read() == "labels"
""",
    "write into the gradebook": """
import sqlite3
gradebook = sqlite3.connect("file:" + COURSE + "/gradebook.db?mode=rw", uri=True, timeout=10)
gradebook.execute("create table attack (points int)")
gradebook.commit()
gradebook.close()
""",
    "plant code in later kernels": """
import os
folder = HOME + "/.ipython/profile_default/startup"
os.makedirs(folder, exist_ok=True)
open(folder + "/00-x.py", "w").write("1 / 0")
assert os.path.samefile(os.path.expanduser("~"), HOME)
""",
    "talk to a server on this machine": """
import socket
assert socket.create_connection(("127.0.0.1", PORT), timeout=5).recv(5) == b"hello"
""",
    "see a network": """
import socket
assert len(socket.if_nameindex()) > 1
""",
    "start 300 processes": """
import subprocess
started = []
try:
    for _ in range(300):
        started.append(subprocess.Popen(["sleep", "60"]))
finally:
    for process in started:
        process.kill()
        process.wait()
""",
    "fill the work folder": """
import os
try:
    with open("big", "wb") as file:
        for _ in range(100):
            file.write(bytes(1 << 20))
finally:
    os.remove("big")
""",
    "fill any other folder": """
import os
full = 0
for place in ("/", "/dev", "/dev/shm", "/home", "/tmp", "/var/tmp", HOME):
    path = os.path.join(place, "big-file-of-a-test")
    try:
        with open(path, "wb") as file:
            for _ in range(100):
                file.write(bytes(1 << 20))
        full += 1
    except OSError:
        pass
    if os.path.exists(path):
        os.remove(path)
assert full
""",
    "take 3 GB of memory": """
block = bytearray(3 << 30)  # zeros take no memory until they are used
del block
""",
    "see the grader among the processes": """
assert b"sandboxed_class" in open(f"/proc/{GRADER}/cmdline", "rb").read()
""",
    "read the grader's variables": """
assert b"a password" in open(f"/proc/{GRADER}/environ", "rb").read()
""",
    "find the grader's variables in any process": """
import os
for process in filter(str.isdigit, os.listdir("/proc")):
    try:
        if b"a password" in open(f"/proc/{process}/environ", "rb").read():
            break
    except OSError:
        continue
else:
    raise LookupError("in no process")
""",
    "send the grader a signal": """
import os
assert b"sandboxed_class" in open(f"/proc/{GRADER}/cmdline", "rb").read()
os.kill(GRADER, 0)
""",
    "trace the grader": """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
if libc.ptrace(0x4206, GRADER, None, None):  # PTRACE_SEIZE
    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
libc.ptrace(17, GRADER, None, None)  # PTRACE_DETACH
""",
    "read a secret variable": """
import os
assert os.environ["COURSE_SECRET"] == "a password"
""",
    "leave a process behind": """
import subprocess
subprocess.Popen(["setsid", "sleep", SECONDS], start_new_session=True)
""",
}


# The body of every later cell is gone.
AST_TRANSFORMER = """
import ast
class Gone(ast.NodeTransformer):
    def visit_Module(self, module):
        module.body = [ast.Pass()]
        return module
get_ipython().ast_transformers.append(Gone())
"""
# The same, before Python reads it.
INPUT_TRANSFORMER = "get_ipython().input_transformers_cleanup.append(lambda lines: ['pass\\n'])"
# Every later cell succeeds without being run.
KERNEL = """
async def do_execute(code, silent, store_history=True, user_expressions=None, **more):
    return {"status": "ok", "execution_count": 1, "payload": [], "user_expressions": {}}
get_ipython().kernel.do_execute = do_execute
"""
# `Yes()` passes whatever a check asks of it in the same interpreter.
YES = """
class Yes:
    def __getattr__(self, name): return self
    def __call__(self, *arguments, **options): return self
    def __getitem__(self, item): return self
    def __iter__(self): return iter([self])
    __eq__ = __ne__ = __lt__ = __gt__ = __le__ = __ge__ = lambda self, other: True
    __add__ = __sub__ = __mul__ = __truediv__ = __rmul__ = __abs__ = lambda self, *other: self
    __hash__ = lambda self: 1
"""


def cells(**names: object) -> list[NotebookNode]:
    """The attacks as cells, with the names in capitals defined before each."""
    known = "\n".join(f"{name} = {value!r}" for name, value in names.items())
    return [new_code_cell(f"{_MARK}{name}\n{known}\n{code}") for name, code in ATTACKS.items()]


def succeeded(executed: NotebookNode) -> dict[str, bool]:
    """Whether the cell of each attack ran without an error."""
    found = {}
    for cell in executed.cells:
        first, _, _ = cell.source.partition("\n")
        if first.startswith(_MARK):
            errors = [each for each in cell.outputs if each.output_type == "error"]
            found[first.removeprefix(_MARK)] = not errors
    return found
