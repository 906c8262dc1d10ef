"""A kernel in a sandbox of bubblewrap: a student's code reaches nothing that it was not given.

:class:`BubblewrapProvisioner` is how Jupyter starts such a kernel, and :func:`enclose` makes a
kernel manager use it. Kernel and grader talk through Unix sockets in a folder that both see, since
there is no network inside. Another socket in that folder, such as one of a check that runs outside,
can be reached from inside, too.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from collections import deque
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import IO, Any

from ipykernel.kernelspec import make_ipkernel_cmd
from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.manager import KernelManager
from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner
from traitlets import Instance

from course_utils.grading.running.bubblewrap import (
    SandboxError,
    Shown,
    require_bubblewrap,
    sandboxed,
)
from course_utils.grading.running.limits import Limits, Usage
from course_utils.grading.running.watch import Watch

__all__ = ["BubblewrapProvisioner", "enclose"]

_NAME = "bubblewrap"  # as in pyproject.toml
_LONGEST_FOLDER = 70  # characters: the name of a Unix socket has 107 at most
_MB = 1 << 20


def enclose(manager: KernelManager, limits: Limits, shown: Shown, usage: Usage) -> None:
    """Make a kernel manager start its kernel in a sandbox, with this Python.

    Parameters
    ----------
    manager : KernelManager
        Before it starts a kernel.
    limits : Limits
    shown : Shown
        What the sandbox shows besides the files in the kernel's folder.
    usage : Usage
        Of the notebook; what this kernel uses is added.
    """
    # An environment that was installed before the entry point existed does not know the name.
    place = f"{BubblewrapProvisioner.__module__}:{BubblewrapProvisioner.__name__}"
    entry = EntryPoint(_NAME, place, KernelProvisionerFactory.GROUP_NAME)
    KernelProvisionerFactory.instance(parent=manager.parent).provisioners[_NAME] = entry
    spec = manager.kernel_spec
    spec.argv = make_ipkernel_cmd()
    spec.interrupt_mode = "message"  # a signal would not get in
    config = {name: getattr(limits, name) for name in Limits.class_trait_names(config=True)}
    config |= {"shown": shown, "usage": usage}
    spec.metadata["kernel_provisioner"] = {"provisioner_name": _NAME, "config": config}


class BubblewrapProvisioner(Limits, LocalProvisioner):
    """Start a kernel with ``bwrap``, watch it, and leave nothing behind."""

    shown = Instance(Shown, ())
    usage = Instance(Usage, ())
    _folder: Path | None = None

    async def pre_launch(self, **options: Any) -> dict[str, Any]:
        """Return how to launch the kernel.

        Raises
        ------
        SandboxError
            If no sandbox can be made; the kernel then does not start.
        """
        require_bubblewrap()
        self._folder = self._folder or _short_folder()
        try:
            return await self._prepared(options)
        except BaseException:
            await self.cleanup()
            raise

    async def _prepared(self, options: dict[str, Any]) -> dict[str, Any]:
        manager = self.parent
        manager.transport = "ipc"
        manager.connection_file = str(self._folder / "kernel.json")
        manager.ip = str(self._folder / "s")
        folder = options.pop("cwd", None)
        options = await super().pre_launch(**options, transport_encryption="disabled")
        shown = replace(self.shown, handed_in=_files_beside(Path(folder)) if folder else {})
        self._require_room(shown)
        command = sandboxed(options["cmd"], self._folder, shown, self)
        # Nothing of the student's reaches a terminal, which would obey its control characters.
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        # Inside, /proc/1/environ shows the variables of bwrap itself.
        return options | pipes | {"cmd": command, "cwd": "/", "env": {}}

    async def launch_kernel(self, cmd: list[str], **options: Any) -> KernelConnectionInfo:
        """Launch the kernel, and watch what it uses."""
        self.usage.why_ended = ""
        self.last_words: deque[bytes] = deque(maxlen=20)
        connection = await super().launch_kernel(cmd, **options)
        reading = (self.process.stdout, self.last_words)
        threading.Thread(target=_read, args=reading, name="sandbox-output", daemon=True).start()
        Watch(self.process, self._folder, self, self.usage).start()
        return connection

    async def cleanup(self, restart: bool = False) -> None:
        """Remove the folder of the sockets."""
        await super().cleanup(restart)
        if self._folder and not restart:
            # shutil.rmtree gives up on folders that are nested a thousand deep.
            subprocess.run(["rm", "-rf", "--", str(self._folder)], check=False)
            self._folder = None

    def _require_room(self, shown: Shown) -> None:
        size = sum(path.stat().st_size for path in shown.handed_in.values()) // _MB
        if size > self.disk_mb:
            raise SandboxError(
                f"Set c.RunCells.disk_mb to more than {size} in nbgrader_config.py: the files"
                f" beside the notebook need {size} MB, and its sandbox has {self.disk_mb} MB."
            )


def _short_folder() -> Path:
    """Make a folder of this account's own whose name leaves room for those of sockets."""
    for place in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"):
        if place and len(place) < _LONGEST_FOLDER - 15 and os.access(place, os.W_OK):
            return Path(tempfile.mkdtemp(prefix="kernel-", dir=place))
    raise SandboxError(
        "Set XDG_RUNTIME_DIR to a folder with a short name that you can write to: the sockets of a"
        " kernel need one."
    )


def _files_beside(folder: Path) -> dict[str, Path]:
    """The regular files in a folder and below it; no notebook, and nothing behind a link."""
    found = [Path(path, name) for path, _, names in os.walk(folder) for name in names]
    return {
        str(path.relative_to(folder)): path.absolute()
        for path in sorted(found)
        if path.is_file() and not path.is_symlink() and path.suffix.lower() != ".ipynb"
    }


def _read(output: IO[bytes], lines: deque[bytes]) -> None:
    """Keep the last lines of a kernel's output; it would block if nobody read it."""
    try:
        while line := output.readline(1000):
            lines.append(line)
    except ValueError:  # it was closed when the kernel had ended
        return
