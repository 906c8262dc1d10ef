"""Run a student's notebook to its end, whatever one of its cells does to the kernel.

nbgrader gives up a notebook whose kernel ends. :class:`RunCells` starts another one, runs the cells
before again, and goes on behind the cell that ended it, which counts as failed. ``exit()`` is only
noted.
"""

from __future__ import annotations

import copy
import queue
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jupyter_client.manager import KernelManager
from jupyter_core.utils import run_sync
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.preprocessors import Execute, NbGraderPreprocessor
from nbgrader.utils import is_grade
from traitlets import Enum

from course_utils.grading.handed_in.modules import drop_hiding_modules, modules_left_behind
from course_utils.grading.handed_in.notes import UNSANDBOXED, add_notes, quoted
from course_utils.grading.judging.checks import Checks
from course_utils.grading.judging.reference import is_check
from course_utils.grading.running.course_files import course_of, drop_links, shown_of, source_of
from course_utils.grading.running.limits import Limits, Usage, limit_behind
from course_utils.grading.running.sandbox import enclose

__all__ = ["ForgiveWarnings", "RunCells"]

_MOST_RESTARTS = 3
_PATIENCE = 20.0  # seconds in which an idle kernel answers, also on a busy machine
# `exit` in a notebook would end the kernel a moment after the cell.
_EXIT_IS_TOLD = """
get_ipython().ask_exit = lambda: get_ipython().payload_manager.write_payload(
    {"source": "ask_exit", "keepkernel": True}
)
"""


class RunCells(Limits, Execute):
    """nbgrader's step that runs a notebook; a cell that ends the kernel costs only itself."""

    sandbox = Enum(
        ["bubblewrap", "none"],
        default_value="bubblewrap",
        help="How a student's program is kept from the files, the network and the other processes"
        " of the account that grades. With 'none' it can do whatever that account can, unless a"
        " container keeps it in: see deploy/sandbox/README.md.",
    ).tag(config=True)

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any], km: Any = None
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Run every cell, and note in the notebook what went wrong."""
        folder = Path(resources["metadata"]["path"] or ".")
        self._notes: list[str] = []
        self._deadly: set[int] = set()
        self._restarts = 0
        self._disagreements: dict[str, list[str]] = {}
        self._usage = Usage()
        nb.metadata.pop(UNSANDBOXED, None)
        if self.sandbox == "none":
            nb.metadata[UNSANDBOXED] = True
        for name in drop_links(folder, course_of(self), resources):
            self._notes.append(f"{quoted(name)} is a link to another file and was left out")
        for name in drop_hiding_modules(folder):
            self._notes.append(
                f"{quoted(name)} has the name of an installed module and was left out; rename it"
            )
        self._checks = Checks(nb, source_of(course_of(self), resources))
        try:
            nb, resources = super().preprocess(nb, resources, km)
        finally:
            self._checks.whole_again()
        for how, names in self._disagreements.items():
            self._notes.append(f"{how}: {', '.join(map(quoted, names))}")
        for name in modules_left_behind(nb, folder):
            self._notes.append(f"imports {quoted(name)}, which is neither installed nor handed in")
        add_notes(nb, resources, self._notes, self.log)
        return nb, resources

    def preprocess_cell(
        self, cell: NotebookNode, resources: dict[str, Any], index: int
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Run one cell; go on with a new kernel if it ended or blocked this one."""
        # A check that is all hidden has no text at this moment.
        if cell.cell_type != "code" or not (cell.source.strip() or is_check(cell)):
            return cell, resources
        if self._restarts > _MOST_RESTARTS:
            _fail(cell, "NotRun", "the kernel had ended too often")
            return cell, resources
        try:
            cell, resources = super().preprocess_cell(cell, resources, index)
            if is_check(cell):
                self._judge(index)
        except DeadKernelError:
            self._go_on_behind(index, self._usage.why_ended or "ended the kernel")
        except CellTimeoutError:
            _fail(cell, "CellTimeoutError", "the output of this cell did not end")
            self._note(index, "wrote without end")
        if _timed_out(cell) and not self._answers():
            self._go_on_behind(index, self._usage.why_ended or "could not be stopped")
        elif _timed_out(cell):
            self._note(index, f"was stopped after {self.timeout} seconds")
        return cell, resources

    def create_kernel_manager(self) -> KernelManager:
        """Return a manager whose kernel runs in a sandbox, unless the instructor decided not to."""
        manager = super().create_kernel_manager()
        if self.sandbox == "bubblewrap":
            enclose(manager, self, shown_of(course_of(self)), self._usage)
        return manager

    def _judge(self, index: int) -> None:
        """Let a check be judged outside the kernel, with what the kernel has now."""
        folder = Path(self.km.connection_file).parent if self.km.transport == "ipc" else None
        verdict = self._checks.judged(index, folder, self._start, float(self.timeout or 3600))
        if isinstance(verdict.error, OSError | EOFError) and not self._answers():
            run_sync(self._async_interrupted)()
            if not self._answers():
                raise DeadKernelError
        cell = self.nb.cells[index]
        if disagreement := self._checks.outcome(index, verdict):
            self._disagreements.setdefault(disagreement, []).append(cell.metadata.nbgrader.grade_id)

    def _start(self, code: str) -> Callable[[], bool]:
        """Send code to the kernel, and return what says whether it has run."""
        message = self.kc.execute(code, silent=True, store_history=False, allow_stdin=False)
        return lambda: run_sync(self._async_has_replied)(message)

    async def _async_has_replied(self, message: str) -> bool:
        try:
            reply = await self.kc.shell_channel.get_msg(timeout=0.1)
        except queue.Empty:
            return False
        return reply["parent_header"].get("msg_id") == message

    async def _async_interrupted(self) -> None:
        await self.km.interrupt_kernel()

    def start_new_kernel_client(self, **options: Any) -> Any:
        """Connect to the kernel, and keep ``exit()`` from ending it."""
        said = getattr(self.km.provisioner, "last_words", ())
        try:
            client = super().start_new_kernel_client(**options)
        except RuntimeError:
            self.log.error("The kernel did not start; it said: %s", b"".join(said))
            raise
        client.execute(_EXIT_IS_TOLD, silent=True)
        return client

    def on_cell_executed(self, **told: Any) -> None:
        """Note a call of ``exit()``; nbgrader's own work is done first."""
        super().on_cell_executed(**told)
        payload = told["execute_reply"]["content"].get("payload", [])
        if any(each.get("source") == "ask_exit" for each in payload):
            self._note(told["cell_index"], "calls exit(), which had no effect")
        errors = [each for each in told["cell"].outputs if each.output_type == "error"]
        for error in errors if self.sandbox != "none" else ():
            if limit := limit_behind(error.ename, error.evalue, self):
                self._note(told["cell_index"], limit)

    def _note(self, index: int, what: str) -> None:
        cell = self.nb.cells[index]
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        first_line = cell.source.strip().partition("\n")[0]
        note = f"cell {index + 1} ({quoted(name or first_line)}) {what}"
        if note not in self._notes:
            self._notes.append(note)

    async def _async_answers(self) -> bool:
        """Whether the kernel is free for the next cell."""
        try:
            await self.kc.kernel_info(reply=True, timeout=_PATIENCE)
        except (TimeoutError, RuntimeError):
            return False
        return True

    _answers = run_sync(_async_answers)

    def _go_on_behind(self, index: int, what: str) -> None:
        """Count a cell as failed, and bring a new kernel to the state before it."""
        self._deadly.add(index)
        _fail(self.nb.cells[index], "KernelDied", f"this cell {what}")
        self._note(index, f"{what}; it counts as failed, and the others were run in a new one")
        kept = copy.deepcopy(self.nb.cells)
        while not self._restarted(index):
            pass
        self.nb.cells[:] = kept

    def _restarted(self, index: int) -> bool:
        """Start a new kernel; False if the cells before this one ended it, too."""
        self._restarts += 1
        self._cleanup_kernel()
        self.create_kernel_manager()
        self.start_new_kernel()
        self.start_new_kernel_client()
        if self._restarts > _MOST_RESTARTS:
            self._notes.append("the kernel ended too often; the cells behind were not run")
            return True
        try:
            self._run_again(index)
        except (DeadKernelError, CellTimeoutError):
            return False
        return True

    def _run_again(self, index: int) -> None:
        """Run the cells before this one but those that end or block a kernel."""
        for position, cell in enumerate(self.nb.cells[:index]):
            if position not in self._deadly and not _timed_out(cell):
                self.execute_cell(copy.deepcopy(cell), position)


class ForgiveWarnings(NbGraderPreprocessor):
    """Let a warning cost no points: nbgrader gives none to a check that wrote to standard error."""

    def preprocess_cell(
        self, cell: NotebookNode, resources: dict[str, Any], index: int
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Show what a check wrote to standard error as if it had printed it."""
        if is_grade(cell):
            for output in cell.get("outputs", []):
                if output.get("name") == "stderr":
                    output.name = "stdout"
        return cell, resources


def _fail(cell: NotebookNode, name: str, why: str) -> None:
    """Put an error first among the outputs, where nbgrader looks for it."""
    cell.outputs.insert(
        0, new_output("error", ename=name, evalue=why, traceback=[f"{name}: {why}"])
    )


def _timed_out(cell: NotebookNode) -> bool:
    outputs = cell.get("outputs", [])
    return any(o.output_type == "error" and o.ename == "CellTimeoutError" for o in outputs)
