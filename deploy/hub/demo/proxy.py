"""The proxy in front of the hub: configurable-http-proxy, from npm."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from accounts import DemoError

NAME = "configurable-http-proxy"
VERSION = "5.3.0"


def proxy_command(folder: Path) -> str:
    """Find the proxy, or install it into a folder.

    Raises
    ------
    DemoError
        If there is neither the proxy nor npm, or npm fails.
    """
    if found := shutil.which(NAME):
        return found
    installed = folder / "node_modules" / ".bin" / NAME
    if installed.exists():
        return str(installed)
    if shutil.which("npm") is None or shutil.which("node") is None:
        raise DemoError(f"The hub needs node and npm for {NAME}: apt install nodejs npm")
    folder.mkdir(parents=True, exist_ok=True)
    install = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder)]
    done = subprocess.run([*install, f"{NAME}@{VERSION}"], capture_output=True, text=True)
    if done.returncode != 0:
        raise DemoError(f"npm could not install {NAME} {VERSION}:\n{done.stderr.strip()}")
    return str(installed)
